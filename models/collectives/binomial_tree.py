"""Binomial tree: reduce to rank 0 and broadcast back, the reduction tree of FireCaffe.

    t = ceil(log2 p) (2 t(n) + reduce(n)),    the whole vector on every edge

References
----------
Iandola, Ashraf, Moskewicz and Keutzer 2016, "FireCaffe", section on reduction trees (the formula
2 n log2(p)/B is remembered from the paper; Paleo implements it as 2 ceil(log2 p) n/B).
"""

from collections.abc import Iterator

import numpy as np

from nearlinear.models.arrays import FloatArray, IntArray
from nearlinear.models.collectives.algorithm import Choices
from nearlinear.models.collectives.schedule import Phase, Schedule
from nearlinear.models.hardware.topology import Topology


def schedule(workers: int, choices: Choices) -> Schedule:
    """Return ceil(log2 p) reducing rounds towards rank 0 and as many broadcasting rounds back."""
    steps = [1 << k for k in range((workers - 1).bit_length())]

    def phases() -> Iterator[Phase]:
        for step in steps:
            yield _edges(workers, step, reduce=True)
        for step in reversed(steps):
            yield _edges(workers, step, reduce=False)

    return Schedule(workers=workers, phases=phases)


def _edges(workers: int, step: int, reduce: bool) -> Phase:
    parent = np.arange(0, workers - step, 2 * step)
    child = parent + step
    return Phase(
        source=child if reduce else parent,
        destination=parent if reduce else child,
        chunk=np.zeros(len(parent), dtype=np.int64),
        reduce=reduce,
    )


def time_s(
    topology: Topology, ranks: int | IntArray, size_bytes: FloatArray | float, choices: Choices
) -> FloatArray:
    """Return the time of a tree reduce and broadcast of ``size_bytes``."""
    size = np.asarray(size_bytes, dtype=float)
    wire = size * choices.wire_fraction
    time = np.zeros(())
    for exponent in range(int(np.ceil(np.log2(np.max(ranks))))):
        up = topology.reach_s(2**exponent, ranks, wire, size, everyone=False)
        down = topology.reach_s(2**exponent, ranks, wire, choices.landed(size), everyone=False)
        time = time + np.where(np.asarray(ranks) > 2**exponent, up + down, 0.0)
    return np.where(size > 0, time, 0.0)
