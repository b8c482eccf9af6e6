"""Recursive doubling: partners at distance 1, 2, 4 … exchange and add the whole vector.

    t = log2(p) (t(n) + reduce(n)),    least latency, most bytes

Other rank counts fold the first 2r ranks into r (r = p minus the next lower power of two) before, and
unfold after; this adds 2 t(n) + reduce(n).

References
----------
Thakur, Rabenseifner and Gropp 2005, "Optimization of collective communication operations in MPICH",
section 4.5.
"""

from collections.abc import Iterator

import numpy as np

from nearlinear.models.arrays import FloatArray, IntArray
from nearlinear.models.collectives.algorithm import Choices
from nearlinear.models.collectives.folding import Folding
from nearlinear.models.collectives.schedule import Phase, Schedule
from nearlinear.models.hardware.topology import Topology


def schedule(workers: int, choices: Choices) -> Schedule:
    """Return fold, exchanges of the whole vector, and unfold."""
    folding = Folding(workers)

    def phases() -> Iterator[Phase]:
        yield from folding.fold(chunks=1)
        active = np.arange(folding.power)
        for step in folding.steps():
            yield Phase(
                source=folding.rank(active),
                destination=folding.rank(active ^ step),
                chunk=np.zeros(folding.power, dtype=np.int64),
                reduce=True,
            )
        yield from folding.unfold(chunks=1)

    return Schedule(workers=workers, phases=phases)


def time_s(
    topology: Topology, ranks: int | IntArray, size_bytes: FloatArray | float, choices: Choices
) -> FloatArray:
    """Return the time of a recursive-doubling allreduce of ``size_bytes``."""
    size = np.asarray(size_bytes, dtype=float)
    wire = size * choices.wire_fraction
    power = 2 ** np.floor(np.log2(np.asarray(ranks, dtype=float)))
    whole = power == ranks
    time = np.zeros(())
    for exponent in range(int(np.log2(np.max(power)))):
        step = topology.reach_s(2**exponent, ranks, wire, size, everyone=True, aligned=whole)
        time = time + np.where(power > 2**exponent, step, 0.0)
    time = time + folding_s(topology, ranks, size, choices, whole)
    return np.where(size > 0, time, 0.0)


def folding_s(
    topology: Topology,
    ranks: int | IntArray,
    size_bytes: FloatArray,
    choices: Choices,
    whole: FloatArray | bool,
) -> FloatArray:
    """Return the time to fold and unfold; zero where ``whole`` says the ranks are a power of two."""
    wire = size_bytes * choices.wire_fraction
    fold = topology.reach_s(1, ranks, wire, size_bytes, everyone=True)
    unfold = topology.reach_s(1, ranks, wire, choices.landed(size_bytes), everyone=True)
    return np.where(whole, 0.0, fold + unfold)
