"""Recursive halving and doubling: reduce-scatter by vector halving, allgather by vector doubling.

    t = sum over k of 2 t(n/2^k) + reduce(n/2^k),  k = 1 … log2 p:    2 log2(p) messages, (p-1)/p n each way

Partners are at distance 1 for the largest messages, so that they stay inside a node where they can.
Other rank counts fold first, as in recursive doubling.

References
----------
Rabenseifner 2004, "Optimization of collective reduction operations", section 2 (vector halving with
distance doubling). Thakur, Rabenseifner and Gropp 2005, section 4.5.
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
    """Return fold, halvings, doublings and unfold over 2^floor(log2 p) chunks."""
    folding = Folding(workers)

    def phases() -> Iterator[Phase]:
        yield from folding.fold(chunks=folding.power)
        places = _places(folding)
        for step, first in zip(folding.steps(), places, strict=True):
            yield _exchange(folding, step, first, halving=True)
        for step, first in zip(reversed(folding.steps()), reversed(places), strict=True):
            yield _exchange(folding, step, first, halving=False)
        yield from folding.unfold(chunks=folding.power)

    return Schedule(workers=workers, chunk_count=folding.power, phases=phases)


def _exchange(folding: Folding, step: int, first: IntArray, halving: bool) -> Phase:
    """Return the exchange at distance ``step``: the partner's half when halving, else one's own."""
    active = np.arange(folding.power)
    width = folding.power // (2 * step)
    theirs = first + np.where(active & step, -width, width)  # the range of active ^ step
    return Phase(
        source=folding.rank(active),
        destination=folding.rank(active ^ step),
        chunk=theirs if halving else first,
        chunks=width,
        reduce=halving,
    )


def _places(folding: Folding) -> list[IntArray]:
    """Return for every step where the range of each participant begins once that step is decided."""
    active, first, width = np.arange(folding.power), np.zeros(folding.power, dtype=np.int64), folding.power
    places = []
    for step in folding.steps():
        width //= 2
        first = first + np.where(active & step, width, 0)
        places.append(first)
    return places


def time_s(
    topology: Topology, ranks: int | IntArray, size_bytes: FloatArray | float, choices: Choices
) -> FloatArray:
    """Return the time of a halving-doubling allreduce of ``size_bytes``."""
    size = np.asarray(size_bytes, dtype=float)
    power = 2 ** np.floor(np.log2(np.asarray(ranks, dtype=float)))
    whole = power == ranks
    time = np.zeros(())
    for exponent in range(int(np.log2(np.max(power)))):
        part = size / 2 ** (exponent + 1)
        wire = part * choices.wire_fraction
        halve = topology.reach_s(2**exponent, ranks, wire, part, everyone=True, aligned=whole)
        double = topology.reach_s(
            2**exponent, ranks, wire, choices.landed(part), everyone=True, aligned=whole
        )
        time = time + np.where(power > 2**exponent, halve + double, 0.0)
    time = time + folding_s(topology, ranks, size, choices, whole)
    return np.where(size > 0, time, 0.0)
