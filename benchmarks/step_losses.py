"""Fit what steps lose beyond ideal overlap, on the shipped curves, and leave out each publication in turn.

    python benchmarks/step_losses.py

Constants: ``[step]``, ``[step.beyond]`` and ``[overlap]`` of ``models/data/priors.toml``. A step is

    (compute + max(exposed, unhidden x exchange)) x (1 + constant + per_doubling log2(n in a node)
                                                       + beyond log2(nodes' worth))

with compute from the smallest scale. A grid is searched for the least median plus a quarter of the 90th
percentile of |log error| of throughput in two situations, one device known and one node known, which weigh
the same. Then every origin is left out in turn
and predicted with the constants of the others.
"""

from dataclasses import dataclass
from itertools import product

import numpy as np

from nearlinear.models.arrays import FloatArray
from nearlinear.models.parameters import central
from nearlinear.models.prior import table
from nearlinear.models.training.model import StepModel
from nearlinear.models.training.step import exposed_and_hidden
from nearlinear.reports.validation.curve import MAIN, Curve
from nearlinear.reports.validation.suite import find_suite, read_suite

GRID = tuple(
    product(
        np.arange(0.0, 0.041, 0.005), np.arange(0.0, 0.0201, 0.0025), np.arange(0.0, 0.0101, 0.0025),
        np.arange(0.0, 1.01, 0.1),
    )
)  # fmt: skip
NAMES = ("constant", "per_doubling", "beyond", "unhidden")
LEAST_LOSS = 0.005
SHOWS, LEAST_SHARE = 0.05, 0.05  # an exchange of a twentieth of the step shows what is paid of it
Constants = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Points:
    """Scales beyond the smallest of all curves, one array element each; times in seconds.

    Attributes
    ----------
    origin : ndarray of str
        Who published.
    devices, inside, first : ndarray
        Scale; devices of the smaller of scale and full node, or as many as losses grow over; the same of
        the full node that is known.
    measured, alone, node : ndarray
        Step measured, on the smallest scale, and on a full node; nan where none was published.
    exchange, exposed, node_exchange, node_exposed : ndarray
        Exchange and what ideal overlap leaves of it, here and on the full node.
    """

    origin: np.ndarray
    devices: FloatArray
    inside: FloatArray
    first: FloatArray
    measured: FloatArray
    alone: FloatArray
    node: FloatArray
    exchange: FloatArray
    exposed: FloatArray
    node_exchange: FloatArray
    node_exposed: FloatArray

    @property
    def beyond(self) -> np.ndarray:
        """Which lie beyond a known node."""
        return np.asarray(np.isfinite(self.node) & (self.devices > self.first))


def collect() -> Points:
    """Return the points of the shipped curves."""
    curves = [c for c in read_suite(find_suite("data-parallel")).curves if c.published.group == MAIN]
    rows = [row for curve in curves for row in _rows(curve)]
    origin = np.array([row[0] for row in rows])
    columns = np.array([row[1:] for row in rows], dtype=float).T
    names = [name for name in Points.__slots__ if name != "origin"]
    return Points(origin=origin, **dict(zip(names, columns, strict=True)))


def _rows(curve: Curve) -> list[tuple[str | float, ...]]:
    case = curve.case
    model = StepModel(case, central(case))
    alone = _step_s(curve, int(curve.devices[0]))
    per_node = curve.per_node
    node = _step_s(curve, per_node) if per_node in curve.devices else np.nan
    at_node = _exchange(model, alone, per_node)
    first = max(per_node, int(table()["step"]["devices"]))
    return [
        (curve.published.origin, n, min(n, first), per_node, _step_s(curve, n), alone, node,
         *_exchange(model, alone, n), *at_node)
        for n in map(int, curve.devices[1:])
    ]  # fmt: skip


def _step_s(curve: Curve, devices: int) -> float:
    return curve.case.batch_per_device(devices) * devices / curve.rate(devices)


def _exchange(model: StepModel, compute_s: float, devices: int) -> tuple[float, float]:
    """Return exchange, and what is exposed of it when the step without it takes ``compute_s``."""
    parameters = model.middle
    time_s = model.exchange(parameters, devices).time_s
    slowness = np.array([compute_s / model.layers(devices).total_s])
    ideal = model.layers(devices)
    ready = slowness[:, None] * model.buckets.ready_s(ideal.backward_s)[None, :]
    exposed, _ = exposed_and_hidden(slowness * ideal.backward_s.sum(), ready, time_s, True)
    return float(time_s.sum()), float(exposed[0])


def errors(points: Points, constants: Constants) -> tuple[FloatArray, FloatArray]:
    """Return log errors of throughput where one device is known, and where one node is."""
    constant, per_doubling, beyond, unhidden = constants
    paid = np.maximum(points.exposed, unhidden * points.exchange)
    at_node = np.maximum(points.node_exposed, unhidden * points.node_exchange)
    grown = constant + per_doubling * np.log2(points.inside)
    after = beyond * np.log2(points.devices / points.inside)
    one = (points.alone + paid) * (1.0 + grown + after)
    inside = per_doubling * np.log2(points.inside / np.minimum(points.first, points.inside))
    node = (points.node + paid - at_node) * (1.0 + inside + after)
    return np.log(points.measured / one), np.log(points.measured / node)


def fit(points: Points, keep: np.ndarray) -> Constants:
    """Return the constants of the least error on the points to keep."""
    beyond = points.beyond & keep

    def loss(constants: Constants) -> float:
        one, node = errors(points, constants)
        return _cost(one[keep]) + (_cost(node[beyond]) if beyond.any() else 0.0)

    return min(GRID, key=loss)


def _cost(error: FloatArray) -> float:
    """Return the median plus a quarter of the 90th percentile of |log error|."""
    return float(np.median(np.abs(error)) + np.quantile(np.abs(error), 0.9) / 4)


def _print(title: str, error: FloatArray) -> None:
    wrong = np.abs(np.expm1(error))
    print(f"| {title} | {np.median(wrong):.1%} | {np.quantile(wrong, 0.9):.1%} | {np.median(error):+.1%} |")


def _print_spreads(points: Points, constants: Constants) -> None:
    """Print how losses scatter: inside a node by their logarithm, beyond it by two quantiles."""
    constant, per_doubling, _, unhidden = constants
    one, node = errors(points, (0.0, 0.0, 0.0, unhidden))
    inside = points.devices <= points.first
    typical = constant + per_doubling * np.log2(points.inside[inside])
    losses = np.maximum(np.expm1(one[inside]), LEAST_LOSS)
    print(f"[step] log_sd {np.log(losses / typical).std(ddof=1):.2f}, n {int(inside.sum())}")
    beyond = points.beyond
    each = np.expm1(node[beyond]) / np.log2(points.devices / points.first)[beyond]
    middle, high = np.quantile(each, [0.5, 0.95])
    more = (points.exchange - points.node_exchange)[beyond]
    shows = more > SHOWS * points.node[beyond]
    paid = np.maximum((points.measured - points.node)[beyond][shows] / more[shows], LEAST_SHARE)
    spread = np.log(paid).std(ddof=1)
    print(f"[overlap] share paid: median {np.median(paid):.2f}, log_sd {spread:.2f}, n {len(paid)}")
    print(f"loss per doubling beyond a node: median {middle:.4f}, 95th percentile {high:.3f}, n {len(each)}")


def main() -> None:
    """Print the constants, and errors in and out of sample."""
    points = collect()
    everything = np.ones(len(points.devices), dtype=bool)
    constants = fit(points, everything)
    print(", ".join(f"{name} {value:.4g}" for name, value in zip(NAMES, constants, strict=True)))
    left_one, left_node = np.full(len(everything), np.nan), np.full(len(everything), np.nan)
    for origin in dict.fromkeys(points.origin):
        mine = points.origin == origin
        others = fit(points, ~mine)
        one, node = errors(points, others)
        left_one[mine], left_node[mine] = one[mine], node[mine]
        print(f"without {origin}:", ", ".join(f"{value:.4g}" for value in others))
    one, node = errors(points, constants)
    beyond = points.beyond
    _print_spreads(points, constants)
    print("\n| situation | median | 90th percentile | bias |\n|---|---|---|---|")
    _print("one device known, in sample", one)
    _print("one device known, publication left out", left_one)
    _print("one node known, in sample", node[beyond])
    _print("one node known, publication left out", left_node[beyond])


if __name__ == "__main__":
    main()
