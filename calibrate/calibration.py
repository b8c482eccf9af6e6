"""``fit_profile``: files of measurements in, a profile with samples and hold-out errors out."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from nearlinear.calibrate.fit import Fit, fit
from nearlinear.calibrate.forms import READABLE, VENDOR_FORM, Kind, kinds_of
from nearlinear.calibrate.importers import Hints, Imported, read_measurements
from nearlinear.calibrate.points import Points, medians
from nearlinear.calibrate.problem import Problem
from nearlinear.calibrate.uncertainty import REPLICATES, Held, Spread, bootstrap, check_held_out, spread_of
from nearlinear.models.errors import FitError, SpecError
from nearlinear.models.hardware.message import LinkCost
from nearlinear.models.profile import Interval, LinkProfile, Profile
from nearlinear.models.provenance import sha256
from nearlinear.models.units import format_size, format_time

DEFAULT_HOLDOUT = 0.2
LATENCY_SEEN_BYTES = 64 * 1024  # latency is known if messages up to here were timed
SEEN = 0.1  # share of some point's time that the bandwidth must account for to be fitted
WIDEST_FACTOR = 10.0  # a 90 % interval of the bandwidth wider than this is of no use


@dataclass(frozen=True, slots=True, kw_only=True)
class CalibrateSpec:
    """How to calibrate.

    Attributes
    ----------
    hints : Hints
        What the user knows about logs.
    holdout : float
        Fraction of the sizes to check on.
    seed, replicates : int
        Of hold-out and bootstrap.
    """

    hints: Hints = field(default_factory=Hints)
    holdout: float = DEFAULT_HOLDOUT
    seed: int = 0
    replicates: int = REPLICATES


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Calibrated:
    """One level of links: its profile, and what it was made from.

    Attributes
    ----------
    link : LinkProfile
        For the profile.
    problem : Problem
        Points and forms.
    held : Held or None
        Held-out check of a fit to the rest.
    """

    link: LinkProfile
    problem: Problem
    held: Held | None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Calibration:
    """The profile with everything behind it."""

    profile: Profile
    links: tuple[Calibrated, ...]
    notes: tuple[str, ...]


def fit_profile(
    files: Sequence[str | Path], spec: CalibrateSpec | None = None, name: str = "profile"
) -> Calibration:
    """Return the profile of record files and logs.

    Parameters
    ----------
    files : sequence of path
        Records of ``nearlinear measure`` and logs of nccl-tests.
    spec : CalibrateSpec, optional
        Hold-out, seed, hints.
    name : str
        What the profile is called.

    Raises
    ------
    SpecError
        A file is not there, or none is given.
    ContentError
        A file cannot be read; names the line.
    FitError
        Too few points, or intervals that say nothing.
    """
    if not files:
        raise SpecError("calibrate", "needs at least one record or log")
    spec = spec or CalibrateSpec()
    imported = [read_measurements(path, spec.hints) for path in files]
    points = medians(imported)
    notes = [f"{Path(i.path).name}: {note}" for i in imported for note in i.notes]
    notes += _unreadable(points)
    links = _fit_levels(points[np.isin(points.operation, READABLE)], spec, notes)
    if not links:
        why = notes[-1] if notes else "no rows of allreduce, allgather, reduce-scatter or sendrecv"
        raise FitError("calibrate", f"nothing could be fitted ({why})", remedy="see docs/calibration.md")
    profile = Profile(name=name, links=tuple(c.link for c in links), provenance=_provenance(imported, spec))
    return Calibration(profile=profile, links=tuple(links), notes=tuple(notes))


def _unreadable(points: Points) -> list[str]:
    other = sorted(set(points.operation) - set(READABLE))
    return [f"{name}: read, but fits use {', '.join(READABLE)} only" for name in other]


def _fit_levels(points: Points, spec: CalibrateSpec, notes: list[str]) -> list[Calibrated]:
    """Return every level, transport and source, nodes before networks, which build on them."""
    found: list[Calibrated] = []
    for transport in dict.fromkeys(points.transport.tolist()):
        for source in ("vendor", "rounds", "pingpong"):
            for level in ("node", "network"):
                rows = _rows(points, transport, source, level)
                if rows.any():
                    calibrated = _fit_level(points[rows], level, source, spec, found, notes)
                    found += [calibrated] if calibrated else []
    return found


def _rows(points: Points, transport: str, source: str, level: str) -> np.ndarray:
    vendor = points.algorithm == "vendor"
    alone = points.operation == "sendrecv"
    of_source = {"vendor": vendor & ~alone, "rounds": ~vendor, "pingpong": alone}[source]
    of_level = (points.nodes == 1) == (level == "node")
    return np.asarray((points.transport == transport) & of_source & of_level)


def _fit_level(
    points: Points,
    level: str,
    source: str,
    spec: CalibrateSpec,
    found: list[Calibrated],
    notes: list[str],
) -> Calibrated | None:
    inner = _inner(points, source, found)
    if inner is None and bool((points.ranks > points.nodes).any()) and level == "network":
        notes.append(
            f"{source} {level}: runs on several nodes of several ranks need runs inside one node, too"
        )
        return None
    problem = Problem.of(points, inner)
    try:
        best = fit(problem)
    except FitError as error:
        notes.append(f"{source} {level}: {error.rule}, got {error.got}; left out")
        return None
    if _hidden(problem, best):
        notes.append(f"{source} {level}: bandwidth is not identified, {_why_hidden(problem)}; left out")
        return None
    theta = bootstrap(problem, best, spec.replicates, spec.seed)
    edges = tuple(float(2.0**edge) for edge in best.breaks)
    cost = replace(problem.cost(theta, best.breaks), break_bytes=edges)
    held = check_held_out(problem, spec.holdout, spec.replicates, spec.seed) if spec.holdout else None
    spread = spread_of(problem, spec.seed)
    notes += _identified(problem, best, f"{source} {level}")
    _check_useful(cost, f"{source} {level}")
    link = _link(problem, cost, level, source, spread, held)
    return Calibrated(link=link, problem=problem, held=held)


def _inner(points: Points, source: str, found: list[Calibrated]) -> LinkCost | None:
    """Return the best fit inside nodes of the same transport and source."""
    for calibrated in found:
        link = calibrated.link
        if link.level == "node" and link.source == source and link.transport == points.transport[0]:
            return LinkCost(
                latency_s=link.cost.latency_s[:1],
                seconds_per_byte=tuple(slope[:1] for slope in link.cost.seconds_per_byte),
                break_bytes=link.cost.break_bytes,
                reduction_s_per_byte=link.cost.reduction_s_per_byte[:1],
            )
    return None


def _hidden(problem: Problem, best: Fit) -> bool:
    """Return whether no point depends on the bandwidth of the level: another level is slower."""
    _, slope = problem.derivatives(best.theta[None, :], best.breaks)
    return bool(np.abs(slope[0, 1 : len(best.breaks) + 2]).max() < SEEN)


def _why_hidden(problem: Problem) -> str:
    if problem.inner is not None:
        return "links inside nodes bind at every size: measure with one rank per node"
    return f"even {format_size(problem.messages().max())} take no longer than less: sweep to larger sizes"


def _identified(problem: Problem, best: Fit, what: str) -> list[str]:
    """Return warnings where the sweep cannot tell latency or bandwidth."""
    notes = []
    messages = problem.messages()
    if messages.min() > LATENCY_SEEN_BYTES:
        notes.append(
            f"{what}: latency is not identified, the smallest message is {format_size(messages.min())};"
            " sweep from 1K"
        )
    latency = float(np.exp(best.theta[0]))
    largest = float(problem.cost(best.theta, best.breaks).transfer_s(messages.max()).item())
    if latency > largest / 2:
        notes.append(
            f"{what}: bandwidth is not identified, even {format_size(messages.max())} take"
            f" {format_time(largest)} with a latency of {format_time(latency)}; sweep to larger sizes"
        )
    return notes


def _check_useful(cost: LinkCost, what: str) -> None:
    """Refuse intervals that say nothing."""
    last = Interval.of(cost.seconds_per_byte[-1])
    if last.high / last.low > WIDEST_FACTOR:
        raise FitError(
            what,
            f"the 90 % interval of the bandwidth spans a factor of {last.high / last.low:.0f}",
            remedy="measure more sizes, larger ones, or with more repetitions",
        )


def _link(
    problem: Problem, cost: LinkCost, level: str, source: str, spread: Spread, held: Held | None
) -> LinkProfile:
    points, messages = problem.points, problem.messages()
    return LinkProfile(
        level=level,
        transport=str(points.transport[0]),
        dtype=str(points.dtype[0]),
        source=source,
        form=VENDOR_FORM if source == "vendor" else "",
        cost=cost,
        spread=spread.inside,
        spread_per_octave=spread.per_octave,
        spread_per_doubling=spread.per_doubling,
        low_bytes=float(messages.min()),
        high_bytes=float(messages.max()),
        ranks=_units(problem.kinds, level),
        reduction_known=problem.reduction,
        holdout=held.summary if held else None,
    )


def _units(kinds: list[Kind], level: str) -> tuple[int, ...]:
    """Return how many units of a level the measured runs joined."""
    return tuple(sorted({kind.ranks if level == "node" else kind.nodes for kind in kinds}))


def _provenance(imported: Sequence[Imported], spec: CalibrateSpec) -> dict[str, Any]:
    return {
        "files": [
            {
                "path": Path(i.path).name,
                "format": i.format,
                "sha256": sha256(Path(i.path)),
                "samples": len(i.samples),
                "hosts": sorted(set(i.header.get("hosts", []))),
            }
            for i in imported
        ],
        "holdout": spec.holdout,
        "seed": spec.seed,
        "replicates": spec.replicates,
    }


__all__ = ["CalibrateSpec", "Calibrated", "Calibration", "Hints", "fit_profile", "kinds_of"]
