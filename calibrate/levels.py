"""The fit of every level of links, or a note why it is left out."""

from dataclasses import dataclass, replace

import numpy as np

from nearlinear.calibrate.fit import Fit, fit
from nearlinear.calibrate.forms import VENDOR_FORM, Inside
from nearlinear.calibrate.points import Points
from nearlinear.calibrate.problem import Problem
from nearlinear.calibrate.spec import CalibrateSpec
from nearlinear.calibrate.uncertainty import Held, Spread, bootstrap, check_held_out, spread_of
from nearlinear.models.errors import FitError
from nearlinear.models.hardware.message import LinkCost
from nearlinear.models.profile import Interval, LinkProfile
from nearlinear.models.units import format_size, format_time

LATENCY_SEEN_BYTES = 64 * 1024  # latency is known if messages up to here were timed
SEEN = 0.1  # share of some point's time that the bandwidth must account for to be fitted
WIDEST_FACTOR = 10.0  # a 90 % interval of the bandwidth wider than this is of no use


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


def fit_levels(points: Points, spec: CalibrateSpec, notes: list[str]) -> list[Calibrated]:
    """Return the fit of every level, transport, type and source, nodes before networks.

    Networks build on nodes. ``notes`` gets why something is left out or doubtful.
    """
    found: list[Calibrated] = []
    ways = dict.fromkeys(zip(points.transport.tolist(), points.dtype.tolist(), strict=True))
    for transport, dtype in ways:
        mine = points[(points.transport == transport) & (points.dtype == dtype)]
        for source in ("vendor", "rounds", "pingpong"):
            for level in ("node", "network"):
                rows = _rows(mine, source, level)
                if rows.any():
                    calibrated = _fit_level(mine[rows], level, source, spec, found, notes)
                    found += [calibrated] if calibrated else []
    return found


def _rows(points: Points, source: str, level: str) -> np.ndarray:
    vendor = points.algorithm == "vendor"
    alone = points.operation == "sendrecv"
    of_source = {"vendor": vendor & ~alone, "rounds": ~vendor, "pingpong": alone}[source]
    of_level = (points.nodes == 1) == (level == "node")
    return np.asarray(of_source & of_level)


def _fit_level(
    points: Points,
    level: str,
    source: str,
    spec: CalibrateSpec,
    found: list[Calibrated],
    notes: list[str],
) -> Calibrated | None:
    """Return the fit of one level, or a note why it is left out."""
    what = f"{source} {level}"
    try:
        problem = Problem.of(points, _inner(points, level, source, spec.hints.nics, found))
        best = fit(problem)
        if _hidden(problem, best):
            raise FitError(what, f"bandwidth is not identified, {_why_hidden(problem)}")
        theta = bootstrap(problem, best, spec.replicates, spec.seed)
        edges = tuple(float(2.0**edge) for edge in best.breaks)
        cost = replace(problem.cost(theta, best.breaks), break_bytes=edges)
        _check_useful(cost, what)
    except FitError as error:
        notes.append(f"{str(error).replace(error.where, what, 1)}; left out")
        return None
    held = check_held_out(problem, spec.holdout, spec.replicates, spec.seed) if spec.holdout else None
    spread = spread_of(problem, spec.seed)
    notes += _identified(problem, best, what)
    link = _link(problem, cost, level, source, spread, held)
    return Calibrated(link=link, problem=problem, held=held)


def _inner(
    points: Points, level: str, source: str, adapters: int | None, found: list[Calibrated]
) -> Inside | None:
    """Return what is known inside the nodes, where several ranks of each took part."""
    if level == "node" or not bool((points.ranks > points.nodes).any()):
        return None
    what = f"{source} {level}"
    if bool((points.ranks % points.nodes)[points.ranks > points.nodes].any()):
        raise FitError(what, "every node needs as many ranks as the others")
    if source == "rounds" and adapters is None:
        raise FitError(what, "ranks of a node share its network adapters, say how many (--nics)")
    cost = _inside(points, source, found)
    if cost is None:
        raise FitError(what, "runs on several nodes of several ranks need runs inside one node, too")
    return Inside(cost, adapters if source == "rounds" else None)


def _inside(points: Points, source: str, found: list[Calibrated]) -> LinkCost | None:
    """Return the best fit inside nodes of the same transport, type and source."""
    for calibrated in found:
        link = calibrated.link
        same = (link.transport, link.dtype) == (points.transport[0], points.dtype[0])
        if link.level == "node" and link.source == source and same:
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
            f"{what}: bandwidth is hardly identified, even {format_size(messages.max())} take"
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
        ranks=tuple(sorted({kind.units for kind in problem.kinds})),
        reduction_known=problem.reduction,
        holdout=held.summary if held else None,
    )
