"""The fit of every level of links, or a note why it is left out."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from nearlinear.calibrate.curves.checked import check_curves
from nearlinear.calibrate.curves.link_surface import link_surface, spread_between, spread_per_octave
from nearlinear.calibrate.curves.rank_width import spread_per_doubling
from nearlinear.calibrate.curves.reference import NCCL
from nearlinear.calibrate.curves.surface_fit import known_class
from nearlinear.calibrate.fit import FEWEST_SIZES, Fit, fit
from nearlinear.calibrate.forms import COLLECTIVES, MESSAGE, STREAM, VENDOR_FORM, Inside
from nearlinear.calibrate.held import Held
from nearlinear.calibrate.message_latency import message_prior
from nearlinear.calibrate.nccl_tuning import LATENCY_SEEN_BYTES, latency_prior
from nearlinear.calibrate.points import Points, groups
from nearlinear.calibrate.problem import Problem
from nearlinear.calibrate.spec import CalibrateSpec
from nearlinear.calibrate.splits import splits
from nearlinear.calibrate.uncertainty import bootstrap, predict_by_fit, spread_of
from nearlinear.models.errors import FitError
from nearlinear.models.hardware.message import LinkCost
from nearlinear.models.link_profile import Interval, LinkProfile
from nearlinear.models.units import format_size, format_time

SEEN = 0.1  # share of some point's time that the bandwidth must account for to be fitted
SPREADS = ("spread per octave", "spread per doubling")  # of curves: from other systems
FREE = LinkCost.of(0.0, np.inf)  # of links inside nodes that nobody timed apart
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
    """Return the fit of every level, transport, type, source and collective, nodes before networks.

    Networks build on nodes. ``notes`` gets why something is left out or doubtful.
    """
    found: list[Calibrated] = []
    for rows in groups(points, ("transport", "dtype")):
        mine = points[rows]
        for source, operation in _sources(mine):
            for level in ("node", "network"):
                chosen = mine[_rows(mine, source, operation, level)]
                if len(chosen):
                    calibrated = _fit_level(chosen, level, source, spec, found, notes)
                    found += [calibrated] if calibrated else []
    return found


def _sources(points: Points) -> list[tuple[str, str]]:
    """Return what was timed: each of the library's collectives, our own rounds, messages, streams of them."""
    timed = set(points.operation[points.algorithm == "vendor"].tolist())
    operations = [name for name in COLLECTIVES if name in timed]
    return [*(("vendor", name) for name in operations), ("rounds", ""), ("pingpong", ""), ("stream", "")]


def _rows(points: Points, source: str, operation: str, level: str) -> np.ndarray:
    vendor = points.algorithm == "vendor"
    alone, stream = points.operation == MESSAGE, points.operation == STREAM
    of_source = {
        "vendor": vendor & (points.operation == operation),
        "rounds": ~vendor & ~alone & ~stream,
        "pingpong": alone,
        "stream": stream,
    }
    return np.asarray(of_source[source] & ((points.nodes == 1) == (level == "node")))


def _fit_level(
    points: Points,
    level: str,
    source: str,
    spec: CalibrateSpec,
    found: list[Calibrated],
    notes: list[str],
) -> Calibrated | None:
    """Return the fit of one level, or a note why it is left out."""
    operation = str(points.operation[0]) if source == "vendor" else ""
    what = " ".join(filter(None, (source, operation if operation != "allreduce" else "", level)))
    try:
        inner = _inner(points, level, source, spec.hints.nics, found, notes)
        problem = _held_by_prior(Problem.of(points, inner), source, level)
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
    notes += _identified(problem, best, what)
    held = _held(problem, source, spec)
    vendor = source == "vendor"
    known = _as_measured(problem, level) if vendor else _as_fitted(problem, spec.seed)
    summary = held.summary if held is not None else None
    link = _link(problem, cost, level, source, {**known, "holdout": summary})
    return Calibrated(link=link, problem=problem, held=held)


def _held_by_prior(problem: Problem, source: str, level: str) -> Problem:
    """Return the problem with a prior for the latency of a library that the sizes do not show.

    NCCL's own constants; of other libraries only where sizes are too few to fit a latency at all.
    """
    messages = problem.messages()
    if source != "vendor" or messages.min() <= LATENCY_SEEN_BYTES:
        return problem
    if problem.points.transport[0] == NCCL:
        return replace(problem, prior=latency_prior(level))
    few = len(np.unique(messages)) < FEWEST_SIZES
    return replace(problem, prior=message_prior(level)) if few else problem


def _held(problem: Problem, source: str, spec: CalibrateSpec) -> Held | None:
    """Return the check of a fit at sizes that it did not see."""
    for mask in splits(problem.points, "sizes", spec.holdout, spec.seed):
        if source == "vendor":
            return check_curves(problem.points, "sizes", mask)
        return predict_by_fit(problem, mask, spec.replicates, spec.seed)
    return None


def _as_measured(problem: Problem, level: str) -> dict[str, Any]:
    """Return what is known of a library's collective as it was measured, with bands of such curves."""
    operation = str(problem.points.operation[0])
    surface, per_node = link_surface(problem.points, level, problem.prior)
    hops = () if len(surface.curves) > 1 else ("latency over launch",)
    held = ("latency",) if problem.prior is not None else ()
    return {
        "surface": surface, "per_node": per_node, "ranks": tuple(curve.units for curve in surface.curves),
        "fabric": known_class(surface, operation) or "", "assumed": (*held, *hops, *SPREADS),
        "spread": spread_between(surface), "spread_per_octave": spread_per_octave(),
        "spread_per_doubling": spread_per_doubling(surface, operation),
        "operation": operation, "form": VENDOR_FORM,
    }  # fmt: skip


def _as_fitted(problem: Problem, seed: int) -> dict[str, Any]:
    """Return what is known of a fit beside its cost: what it leaves out, and what of that is a prior."""
    spread = spread_of(problem, seed)
    return {
        "surface": None, "per_node": 1, "ranks": tuple(sorted({kind.units for kind in problem.kinds})),
        "assumed": spread.assumed, "spread": spread.inside, "spread_per_octave": spread.per_octave,
        "spread_per_doubling": spread.per_doubling, "operation": "", "form": "",
    }  # fmt: skip


def _inner(
    points: Points, level: str, source: str, adapters: int | None, found: list[Calibrated], notes: list[str]
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
    if cost is None and source == "vendor":
        notes.append(f"{what}: nothing was measured inside one node; its links are taken as free")
        return Inside(FREE)
    if cost is None:
        raise FitError(what, "runs on several nodes of several ranks need runs inside one node, too")
    return Inside(cost, adapters if source == "rounds" else None)


def _inside(points: Points, source: str, found: list[Calibrated]) -> LinkCost | None:
    """Return the best fit inside nodes of the same transport, type and source."""
    for calibrated in found:
        link = calibrated.link
        same = (link.transport, link.dtype) == (points.transport[0], points.dtype[0])
        alike = source != "vendor" or link.operation == points.operation[0]
        if link.level == "node" and link.source == source and same and alike:
            return link.best
    return None


def _hidden(problem: Problem, best: Fit) -> bool:
    """Return whether no point depends on the bandwidth of the level: another level is slower."""
    _, slope = problem.derivatives(best.theta[None, :], best.breaks)
    return bool(np.abs(slope[0, 1 : len(best.breaks) + 2]).max() < SEEN)


def _why_hidden(problem: Problem) -> str:
    if problem.inner is not None and problem.inner.cost is not FREE:
        return "links inside nodes bind at every size: measure with one rank per node"
    return f"even {format_size(problem.messages().max())} take no longer than less: sweep to larger sizes"


def _identified(problem: Problem, best: Fit, what: str) -> list[str]:
    """Return warnings where the sweep cannot tell latency or bandwidth."""
    notes = []
    messages = problem.messages()
    if messages.min() > LATENCY_SEEN_BYTES:
        notes.append(
            f"{what}: latency is not identified, the smallest message is {format_size(messages.min())};"
            + (f" {_stands_in(problem)} in;" if problem.prior is not None else "")
            + " sweep from 1K"
        )
    latency = float(np.exp(best.theta[0]))
    largest = float(problem.cost(best.theta, best.breaks).transfer_s(messages.max()).item())
    if latency > largest / 2:
        notes.append(
            f"{what}: bandwidth is hardly identified, even {format_size(messages.max())} take"
            f" {format_time(largest)} with a latency of {format_time(latency)}; sweep to larger sizes"
        )
    return notes


def _stands_in(problem: Problem) -> str:
    ours = problem.points.transport[0] == NCCL
    return "NCCL's tuning constants stand" if ours else "a latency of the catalogue stands"


def _check_useful(cost: LinkCost, what: str) -> None:
    """Refuse intervals that say nothing."""
    last = Interval.of(cost.seconds_per_byte[-1])
    if last.high / last.low > WIDEST_FACTOR:
        raise FitError(
            what,
            f"the 90 % interval of the bandwidth spans a factor of {last.high / last.low:.0f}",
            remedy="measure more sizes, larger ones, or with more repetitions",
        )


def _link(problem: Problem, cost: LinkCost, level: str, source: str, known: dict[str, Any]) -> LinkProfile:
    points, messages = problem.points, problem.messages()
    return LinkProfile(
        level=level,
        transport=str(points.transport[0]),
        dtype=str(points.dtype[0]),
        source=source,
        cost=cost,
        low_bytes=float(messages.min()),
        high_bytes=float(messages.max()),
        reduction_known=problem.reduction,
        **known,
    )
