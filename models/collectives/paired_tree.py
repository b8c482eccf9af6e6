"""Pairwise tree with an exchange at the top: the strategy ``copper`` of Theano-MPI.

Pairs reduce upwards inside each half of the ranks (the two sockets of a copper node), the two tops
exchange and add, and the sum goes down again; the whole vector on every edge:

    t = (2 log2 p - 1) t(n) + log2(p) reduce(n)

Other rank counts fold onto the next lower power of two before and unfold after, which adds
2 t(n) + reduce(n); Theano-MPI itself has trees for 2, 4, 8 and 16 ranks.

References
----------
Ma, Mao and Taylor 2016, "Theano-MPI": code of the exchange strategies ``copper`` and ``copper16``.
"""

from collections.abc import Iterator

import numpy as np

from nearlinear.models.arrays import FloatArray, IntArray
from nearlinear.models.collectives.algorithm import Choices
from nearlinear.models.collectives.folding import Folding
from nearlinear.models.collectives.recursive_doubling import folding_s
from nearlinear.models.collectives.schedule import Phase, Schedule
from nearlinear.models.hardware.topology import Topology


def schedule(workers: int, choices: Choices) -> Schedule:
    """Return pairs reducing upwards, the exchange of the two tops, and the way down."""
    folding = Folding(workers)
    steps = folding.steps()

    def phases() -> Iterator[Phase]:
        yield from folding.fold(chunks=1)
        for step in steps[:-1]:
            yield _edges(folding, step, reduce=True)
        for top in steps[-1:]:
            yield _phase(folding, np.array([0, top]), np.array([top, 0]), reduce=True)
        for step in reversed(steps[:-1]):
            yield _edges(folding, step, reduce=False)
        yield from folding.unfold(chunks=1)

    return Schedule(workers=workers, phases=phases)


def _edges(folding: Folding, step: int, reduce: bool) -> Phase:
    parent = np.arange(0, folding.power, 2 * step)
    child = parent + step
    return _phase(folding, child if reduce else parent, parent if reduce else child, reduce)


def _phase(folding: Folding, source: IntArray, destination: IntArray, reduce: bool) -> Phase:
    return Phase(
        source=folding.rank(source),
        destination=folding.rank(destination),
        chunk=np.zeros(len(source), dtype=np.int64),
        reduce=reduce,
    )


def time_s(
    topology: Topology, ranks: int | IntArray, size_bytes: FloatArray | float, choices: Choices
) -> FloatArray:
    """Return the time of a pairwise tree over ``size_bytes``."""
    size = np.asarray(size_bytes, dtype=float)
    wire, landed = size * choices.wire_fraction, choices.landed(size)
    power = 2 ** np.floor(np.log2(np.asarray(ranks, dtype=float)))
    whole = power == ranks
    time = np.zeros(())
    for exponent in range(int(np.log2(np.max(power)))):
        step = 2**exponent
        up = topology.reach_s(step, ranks, wire, size, everyone=False, aligned=whole)
        down = topology.reach_s(step, ranks, wire, landed, everyone=False, aligned=whole)
        time = time + np.where(power > 2 * step, up + down, np.where(power > step, up, 0.0))
    return np.where(size > 0, time + folding_s(topology, ranks, size, choices, whole), 0.0)
