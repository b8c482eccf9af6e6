"""What a naive reader would say of a log: predictors to beat, at sizes and at rank counts left out.

Between sizes: a straight line from size to size in bytes, one in logarithms, or one latency and bandwidth
for all sizes by least squares on seconds. Across rank counts: a power law through the two nearest known
counts, the bus bandwidth of the nearest, or its time.
"""

from collections.abc import Callable, Iterator

import numpy as np

from nearlinear.calibrate.curves.predicted import ACROSS_FILES, other_counts
from nearlinear.calibrate.curves.series import WITHOUT_SIZE, Series, units_of
from nearlinear.calibrate.held import Held
from nearlinear.calibrate.importers.names import bus_factor
from nearlinear.calibrate.points import Points, groups
from nearlinear.models.arrays import FloatArray, IntArray
from nearlinear.models.collectives.curve import Curve

Shape = Callable[[FloatArray, FloatArray, FloatArray], FloatArray]
Step = Callable[[list[Curve], Points, int], FloatArray]
Baseline = Callable[[Held], FloatArray]  # seconds at the held-out points


def linear_in_bytes(size_bytes: FloatArray, time_s: FloatArray, query_bytes: FloatArray) -> FloatArray:
    """Return times on straight lines between known sizes."""
    return np.asarray(np.interp(query_bytes, size_bytes, time_s))


def log_log(size_bytes: FloatArray, time_s: FloatArray, query_bytes: FloatArray) -> FloatArray:
    """Return times on power laws between known sizes."""
    return np.asarray(np.exp(np.interp(np.log(query_bytes), np.log(size_bytes), np.log(time_s))))


def one_line(size_bytes: FloatArray, time_s: FloatArray, query_bytes: FloatArray) -> FloatArray:
    """Return times by one latency and bandwidth, least squares on seconds; never below the least known."""
    slope, latency = np.polyfit(size_bytes, time_s, 1)
    return np.asarray(np.maximum(latency + slope * query_bytes, time_s.min()))


SHAPES: dict[str, Shape] = {"linear in bytes": linear_in_bytes, "log-log": log_log, "one line": one_line}


def bus_ratio(operation: str, ranks: int, known_ranks: int) -> float:
    """Return how much longer a collective takes than at known ranks, if the bus bandwidth is the same."""
    return bus_factor(operation, ranks) / bus_factor(operation, known_ranks)


def nearest(curves: list[Curve], units: int) -> list[Curve]:
    """Return the curves in order of their distance from a count, in doublings."""
    return sorted(curves, key=lambda curve: abs(np.log2(units / curve.units)))


def _same_time(curves: list[Curve], asked: Points, units: int) -> FloatArray:
    return _at(nearest(curves, units)[0], asked)


def _same_bus_bandwidth(curves: list[Curve], asked: Points, units: int) -> FloatArray:
    near = nearest(curves, units)[0]
    per_unit = int(asked.ranks[0]) // units
    return bus_ratio(str(asked.operation[0]), units * per_unit, near.units * per_unit) * _at(near, asked)


def _power_of_ranks(curves: list[Curve], asked: Points, units: int) -> FloatArray:
    near, *rest = nearest(curves, units)
    if not rest:
        return _at(near, asked)
    doublings = np.log(units / near.units) / np.log(rest[0].units / near.units)
    return np.asarray(_at(near, asked) * (_at(rest[0], asked) / _at(near, asked)) ** doublings)


def _at(curve: Curve, asked: Points) -> FloatArray:
    return linear_in_bytes(curve.size_bytes, curve.time_s, asked.size_bytes)


STEPS: dict[str, Step] = {
    "power of ranks": _power_of_ranks,
    "same bus bandwidth": _same_bus_bandwidth,
    "same time": _same_time,
}


def _between(shape: Shape, held: Held) -> Iterator[tuple[IntArray, FloatArray]]:
    hidden = held.held | held.outside
    for rows in groups(held.points, WITHOUT_SIZE):
        asked = rows[held.held[rows]]
        if len(asked):
            known = Series.of(held.points[rows[~hidden[rows]]])
            yield asked, shape(known.size_bytes, known.time_s, held.points.size_bytes[asked])


def _across(step: Step, held: Held) -> Iterator[tuple[IntArray, FloatArray]]:
    hidden = held.held | held.outside
    for rows in groups(held.points, ACROSS_FILES):
        asked = rows[held.held[rows]]
        if len(asked):
            points = held.points[asked]
            units, chain = units_of(points)
            per_node = int(points.ranks[0] // points.nodes[0])
            curves = other_counts(held.points, rows[~hidden[rows]], chain, per_node)
            yield asked, step(curves, points, units)


def _in_order(held: Held, parts: Iterator[tuple[IntArray, FloatArray]]) -> FloatArray:
    """Return predictions in the order of the held-out points."""
    found = np.full(len(held.points), np.nan)
    for rows, time_s in parts:
        found[rows] = time_s
    return np.asarray(found[held.held])


def _of_shape(shape: Shape) -> Baseline:
    return lambda held: _in_order(held, _between(shape, held))


def _of_step(step: Step) -> Baseline:
    return lambda held: _in_order(held, _across(step, held))


BETWEEN_SIZES: dict[str, Baseline] = {name: _of_shape(shape) for name, shape in SHAPES.items()}
ACROSS_RANKS: dict[str, Baseline] = {name: _of_step(step) for name, step in STEPS.items()}
