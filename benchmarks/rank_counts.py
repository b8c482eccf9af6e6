"""Errors of collectives at rank counts that were held out, beside simpler ones: part of ``holdout.py``.

Every rank count of a system is predicted from one or two others, at all sizes. Other systems of the reference
help, but never the one that is judged, and half-widths of bands come from the rest, too.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from bands import COLLECTIVES, errors_of_ranks, fit_ranks
from logs import Log

from nearlinear.calibrate import nccl_tuning
from nearlinear.calibrate.curves.rank_width import rank_half_width
from nearlinear.calibrate.curves.reference import SHARED, SWITCHED, fabric
from nearlinear.calibrate.curves.series import WITHOUT_RANKS, Series
from nearlinear.calibrate.curves.surface_fit import carried, surface_of
from nearlinear.calibrate.importers.names import bus_factor
from nearlinear.calibrate.points import groups
from nearlinear.models.arrays import FloatArray
from nearlinear.models.catalogue import devices, find_link
from nearlinear.models.collectives.curve import Curve
from nearlinear.models.collectives.surface import Surface
from nearlinear.reports.validation.log_baselines import bus_ratio

DEVICES = {"a100_sxm": "a100-sxm-80gb", "h100_sxm": "h100-sxm", "h200_sxm": "h200", "b200_sxm": "b200"}
GENERATIONS = {"a100_sxm": "ampere", "h100_sxm": "hopper", "h200_sxm": "hopper", "b200_sxm": "blackwell"}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Target:
    """A held-out rank count: what is known, and what was measured."""

    family: str
    operation: str
    units: int
    surface: Surface
    size_bytes: FloatArray
    time_s: FloatArray

    @property
    def known(self) -> tuple[int, ...]:
        """The counts that are known."""
        return tuple(curve.units for curve in self.surface.curves)

    @property
    def nearest(self) -> Curve:
        """The known curve that is nearest."""
        return min(self.surface.curves, key=lambda curve: abs(np.log2(self.units / curve.units)))


def targets(found: Sequence[Log]) -> Iterator[Target]:
    """Yield every rank count of every system, collective and type, from one or two others."""
    for log in (log for log in found if log.system):
        for rows in groups(log.points, WITHOUT_RANKS):
            points = log.points[rows]
            counts = sorted(set(points.ranks.tolist()))
            series = {count: Series.of(points[points.ranks == count]) for count in counts}
            for count in counts:
                others = [other for other in counts if other != count]
                for known in [others, *([other] for other in others if 0.5 <= count / other <= 2)]:
                    operation = str(points.operation[0])
                    curves = [series[other].curve(other) for other in known]
                    yield Target(
                        family=log.family, operation=operation, units=count,
                        surface=surface_of(curves, operation, chain=True),
                        size_bytes=series[count].size_bytes, time_s=series[count].time_s,
                    )  # fmt: skip


def _own(target: Target) -> FloatArray:
    return target.surface.time_s(target.units, target.size_bytes)


def _helped(target: Target) -> FloatArray:
    curve = carried(target.surface, target.operation, target.units, without=(target.family,))
    return curve.at(target.size_bytes, target.surface.growth)


def _same_bandwidth(target: Target) -> FloatArray:
    near = target.nearest
    ratio = bus_ratio(target.operation, target.units, near.units)
    return near.at(target.size_bytes, target.surface.growth) * ratio


def _datasheet(target: Target) -> FloatArray:
    if target.family not in DEVICES:
        return np.full_like(target.time_s, np.nan)
    link = find_link(devices()[DEVICES[target.family]].node_link)
    passes = bus_factor(target.operation, target.units) * target.size_bytes
    return passes / link.bandwidth_bytes_per_s.value + 2 * (target.units - 1) * link.latency_s.value


def _constants(target: Target) -> FloatArray:
    if target.family not in GENERATIONS or target.operation not in (
        "allreduce",
        "allgather",
        "reduce-scatter",
    ):
        return np.full_like(target.time_s, np.nan)
    return nccl_tuning.time_s(target.operation, target.units, target.size_bytes, GENERATIONS[target.family])


PREDICTORS = {
    "with other systems": _helped,
    "own data": _own,
    "same bus bandwidth": _same_bandwidth,
    "datasheet": _datasheet,
    "NCCL's constants": _constants,
}


def show_ranks(found: Sequence[Log]) -> None:
    """Print the table, one row per class of links and what is known."""
    everything = [t for t in targets(found) if t.operation in COLLECTIVES]
    steps = errors_of_ranks(found)
    families = {step.family for step in steps}
    tables = {f: {kind: fit_ranks([s for s in steps if s.family != f or kind == SHARED], kind)
                  for kind in (SWITCHED, SHARED)} for f in families}  # fmt: skip
    print("\nall collectives, a rank count held out, all sizes\n")
    print(f"| links | known | {' | '.join(PREDICTORS)} | in 90 % band | half-width | number |")
    print(f"|---|---|{'---|' * (len(PREDICTORS) + 3)}")
    for kind in (SWITCHED, SHARED):
        mine = [t for t in everything if fabric(t.surface.curves, t.operation) == kind]
        for what, chosen in _cases(mine).items():
            print(f"| {kind} | {what} | {' | '.join(_errors(chosen))} | {_band(chosen, tables)} |")


def _cases(found: Sequence[Target]) -> dict[str, list[Target]]:
    two = [t for t in found if len(t.known) == 2]
    one = [t for t in found if len(t.known) == 1]
    return {
        "two other counts": two,
        "2 and 4, asked for 8": [t for t in two if t.units == 8],
        "one doubling up": [t for t in one if t.units > t.known[0]],
        "one halving down": [t for t in one if t.units < t.known[0]],
    }


def _errors(chosen: Sequence[Target]) -> Iterator[str]:
    for predict in PREDICTORS.values():
        ratio = np.concatenate([predict(t) / t.time_s for t in chosen])
        known = np.abs(ratio[~np.isnan(ratio)] - 1.0)
        quantiles = [np.quantile(known, q) for q in (0.5, 0.9, 0.95)] if len(known) else []
        yield " / ".join(f"{100 * q:.1f}" for q in quantiles) or "-"


def _band(chosen: Sequence[Target], tables: dict[str, dict[str, dict[str, float]]]) -> str:
    half = [rank_half_width(t.surface, t.operation, t.units, tables[t.family]) for t in chosen]
    inside = [np.abs(np.log(_helped(t) / t.time_s)) <= h for t, h in zip(chosen, half, strict=True)]
    points = np.concatenate(inside)
    return f"{points.mean():.1%} | {np.median(half):.3f} | {len(points)}"
