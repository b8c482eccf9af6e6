"""A run held against a profile: whether points lie where they are expected, and what those beyond share.

The expected range of a point is the profile's 90 % band, wider beyond the measured sizes and ranks. Points of
one curve err together, so a curve is judged as a whole: it fails where more than a quarter of its sizes are
slower than the band. What the slow sizes have in common suggests where to look.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from nearlinear.calibrate.expected import expected_band, filling
from nearlinear.calibrate.forms import READABLE, VENDOR_FORM, Inside, Kind, kinds_of
from nearlinear.calibrate.importers.imported import Imported
from nearlinear.calibrate.points import Points, alike, medians
from nearlinear.measure.records import Sample
from nearlinear.models.arrays import FloatArray
from nearlinear.models.errors import ContentError
from nearlinear.models.link_profile import LinkProfile
from nearlinear.models.profile import Profile

FAILS = 0.25  # of a curve's sizes slower than the band
OUTLIER = 0.6  # of the samples in which one rank is the slowest
FEWEST_RANKS = 3  # of which one can stand out

ALL_SIZES = "all sizes are slow: another path or transport than in the profile, or a machine that is shared"
LARGE_SIZES = "large sizes are slow: a link or adapter at a lower rate, fewer of them, or other traffic"
SMALL_SIZES = "small sizes are slow: processors that are busy or save power, or a longer way"
SOME_SIZES = "some sizes are slow: noise, or a switch of protocol that the profile has elsewhere"
PROCESSORS = "the processors, not the links, were the limit"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Curve:
    """One operation, way and scale, over sizes.

    Attributes
    ----------
    kind : Kind
        What it is.
    transport : str
        How bytes moved.
    size_bytes, measured_s, low_s, median_s, high_s : ndarray of float
        Sizes, medians of the run, and the expected band.
    beyond : bool
        Whether sizes or ranks lie beyond what the profile measured.
    causes : tuple of str
        Where to look, for a curve that fails.
    """

    kind: Kind
    transport: str
    size_bytes: FloatArray
    measured_s: FloatArray
    low_s: FloatArray
    median_s: FloatArray
    high_s: FloatArray
    beyond: bool
    causes: tuple[str, ...]

    @property
    def slow(self) -> np.ndarray:
        """Which sizes are slower than the band."""
        return np.asarray(self.measured_s > self.high_s)

    @property
    def fails(self) -> bool:
        """Whether too many of them are."""
        return bool(self.slow.mean() > FAILS)

    @property
    def verdict(self) -> str:
        """``fail``; ``warn`` where single sizes are slow, or most are faster than the profile; ``ok``."""
        if self.fails:
            return "fail"
        fast = np.mean(self.measured_s < self.low_s) > FAILS
        return "warn" if self.slow.any() or fast else "ok"


def check_run(run: Imported, profile: Profile, adapters: int | None, notes: list[str]) -> list[Curve]:
    """Return the curves of a run beside what a profile expects.

    Parameters
    ----------
    adapters : int or None
        Network adapters of each node, where ranks of a node share them.
    notes : list of str
        Gets what the profile says nothing of.

    Raises
    ------
    ContentError
        The profile says nothing of any of it.
    """
    points = medians([run])
    points = alike(points[np.isin(points.operation, READABLE)], notes)
    notes += _other_modes(points, profile)
    found = []
    for dtype in dict.fromkeys(points.dtype.tolist()):
        same = points[points.dtype == dtype]
        for kind in kinds_of(same):
            mine = same[kind.rows]
            link = _link_for(kind, kind.level, mine, profile)
            if link is None:
                what = f"{kind.operation} by {kind.algorithm} among {kind.ranks} on {kind.nodes}"
                through = f"{mine.transport[0]}, {dtype}"
                notes.append(f"not checked: {what} through {through}, of which the profile has nothing")
                continue
            if link.surface is not None and not link.fills(filling(kind)):
                told = f"{kind.operation} among {kind.ranks} on {kind.nodes}: the profile has nodes of"
                notes.append(f"doubtful: {told} {link.per_node} ranks; expected by form, with a wider band")
            found.append(_curve(kind, mine, link, _inner(kind, mine, profile, adapters), run.samples))
    if not found:
        raise ContentError(run.path, "must hold something that the profile knows", remedy="; ".join(notes))
    return found


def _other_modes(points: Points, profile: Profile) -> list[str]:
    """Return a note where calls were timed in another mode than those behind the profile, if it says."""
    known = {mode for file in profile.provenance.get("files", []) for mode in file.get("modes", [])}
    strange = sorted(set(points.mode.tolist()) - known) if known else []
    told = f"{', '.join(strange)} times against a profile of {', '.join(sorted(known))} ones"
    return [f"doubtful: {told}"] if strange else []


def _link_for(kind: Kind, level: str, points: Points, profile: Profile) -> LinkProfile | None:
    """Return the link of the profile that was measured in the same way."""
    operation = kind.operation if kind.source == "vendor" else ""
    wanted = (level, kind.source, operation, points.transport[0], points.dtype[0])
    return next((link for link in profile.links if _way(link) == wanted), None)


def _way(link: LinkProfile) -> tuple[str, str, str, str, str]:
    return link.level, link.source, link.operation, link.transport, link.dtype


def _inner(kind: Kind, points: Points, profile: Profile, adapters: int | None) -> Inside | None:
    if kind.nodes == 1 or kind.per_node == 1:
        return None
    link = _link_for(kind, "node", points, profile)
    return None if link is None else Inside(link.cost, None if link.form == VENDOR_FORM else adapters)


def _curve(
    kind: Kind, points: Points, link: LinkProfile, inner: Inside | None, samples: Sequence[Sample]
) -> Curve:
    order = np.argsort(points.size_bytes)
    sizes, measured = points.size_bytes[order], points.time_s[order]
    low, median, high = expected_band(kind, link, inner, sizes)
    curve = Curve(
        kind=kind, transport=str(points.transport[0]), size_bytes=sizes, measured_s=measured, low_s=low,
        median_s=median, high_s=high, beyond=_beyond(kind, sizes, link), causes=(),
    )  # fmt: skip
    if not curve.fails:
        return curve
    latency = np.median(kind.time_s(sizes, link.cost.without(bandwidth=True, reduction=True), inner), axis=0)
    causes = [_where(np.log(measured / median), latency / median)]
    causes += [PROCESSORS] if points.bound[order][curve.slow].mean() > 0.5 else []
    return replace(curve, causes=(*causes, *_slowest(kind, samples)))


def _beyond(kind: Kind, sizes: FloatArray, link: LinkProfile) -> bool:
    messages = kind.message_bytes(sizes)
    outside = (messages > 1.001 * link.high_bytes) | (messages < 0.999 * link.low_bytes)
    return bool(outside.any()) or kind.units > max(link.ranks, default=kind.units)


def _where(excess: FloatArray, latency_share: FloatArray) -> str:
    """Return what slow sizes have in common: log excess where latency rules, and where bytes do."""
    small, large = (
        latency_share >= np.quantile(latency_share, 0.75),
        latency_share <= np.quantile(latency_share, 0.25),
    )
    by_latency, by_bytes = float(np.median(excess[small])), float(np.median(excess[large]))
    if max(by_latency, by_bytes) < float(np.max(excess)) / 4:
        return SOME_SIZES
    if min(by_latency, by_bytes) > max(by_latency, by_bytes) / 2:
        return ALL_SIZES
    return SMALL_SIZES if by_latency > by_bytes else LARGE_SIZES


def _slowest(kind: Kind, samples: Sequence[Sample]) -> list[str]:
    """Return the rank that is the slowest most of the time, if one is."""
    wanted = (kind.operation, kind.algorithm, kind.ranks, kind.nodes)
    mine = [
        s for s in samples
        if (s.operation, s.algorithm, s.ranks, s.nodes) == wanted
        and s.per_rank_s is not None and len(s.per_rank_s) >= FEWEST_RANKS
    ]  # fmt: skip
    if not mine:
        return []
    last = [int(np.argmax(s.per_rank_s or ())) for s in mine]
    rank = max(set(last), key=last.count)
    share = last.count(rank) / len(last)
    return [f"rank {rank} is the slowest in {share:.0%} of the samples"] if share > OUTLIER else []
