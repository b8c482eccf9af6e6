"""The surface of a library's collective on one level, with the spreads that its predictions get."""

from collections import Counter

import numpy as np

from nearlinear.calibrate.curves.half_width import half_width, shipped
from nearlinear.calibrate.curves.reference import NCCL, systems
from nearlinear.calibrate.curves.series import Series
from nearlinear.calibrate.curves.surface_fit import carried, surface_of
from nearlinear.calibrate.nccl_tuning import LatencyPrior
from nearlinear.calibrate.points import Points
from nearlinear.models.collectives.surface import Surface
from nearlinear.models.prediction import Z90
from nearlinear.models.prior import table


def link_surface(points: Points, level: str, prior: LatencyPrior | None) -> tuple[Surface, int]:
    """Return the surface of points of one operation on one level, and the ranks of each unit.

    Nodes may be filled differently; the filling of most points is taken. A prior holds the latency where
    no small message was timed.
    """
    chain = level == "node"
    per_unit = np.ones(len(points), dtype=np.int64) if chain else points.ranks // points.nodes
    per_node = Counter(per_unit.tolist()).most_common(1)[0][0]
    mine = points[per_unit == per_node]
    counts = mine.ranks if chain else mine.nodes
    curves = [Series.of(mine[counts == count]).curve(int(count)) for count in np.unique(counts)]
    operation = str(points.operation[0])
    surface = surface_of(curves, operation, chain, prior)
    return with_carried(surface, operation) if points.transport[0] == NCCL else surface, per_node


def with_carried(surface: Surface, operation: str) -> Surface:
    """Return the surface with the rank counts that only other systems tell."""
    known = {units for system in systems() for units in system.curves.get(operation, {})}
    found = [carried(surface, operation, units) for units in sorted(known)]
    growth_alone = [surface.curve(curve.units) for curve in found]
    told = [
        curve for curve, own in zip(found, growth_alone, strict=True)
        if not curve.measured and not np.array_equal(curve.time_s, own.time_s)
    ]  # fmt: skip
    return Surface(growth=surface.growth, curves=surface.curves, carried=tuple(told))


def spread_between(surface: Surface) -> float:
    """Return the standard deviation, in log time, half-way between measured sizes: the median over them.

    A prior where every curve has one size.
    """
    widths = [
        half_width(c.size_bytes, c.time_s, np.sqrt(c.size_bytes[1:] * c.size_bytes[:-1]))
        for c in surface.curves
        if len(c.size_bytes) > 1
    ]
    if not widths:
        return float(table()["residual"]["inside"])
    return float(np.median(np.concatenate(widths))) / Z90


def spread_per_octave() -> float:
    """Return the standard deviation per octave beyond the largest size, and below the smallest."""
    return max(shipped().octave_above, shipped().octave_below) / Z90
