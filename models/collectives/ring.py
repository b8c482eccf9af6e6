"""Ring allreduce: reduce-scatter and allgather along a ring of neighbours.

    t = (p-1) (t(n/p) + reduce(n/p)) + (p-1) t(n/p),    t of the slowest hop on the ring

Rank r sends chunk r-k in round k to r+1, which adds it; after p-1 rounds rank r owns chunk r+1, which
then travels on. Exact for any rank count when p divides the elements; else one element per round more.

References
----------
Patarasuk and Yuan 2009, "Bandwidth optimal all-reduce algorithms for clusters of workstations".
"""

from collections.abc import Iterator

import numpy as np

from nearlinear.models.arrays import FloatArray, IntArray
from nearlinear.models.collectives.algorithm import Choices
from nearlinear.models.collectives.schedule import Phase, Schedule, Turn
from nearlinear.models.hardware.topology import Topology


def schedule(workers: int, choices: Choices) -> Schedule:
    """Return the two phases of a ring over ``workers`` ranks."""

    def phases() -> Iterator[Phase]:
        if workers > 1:
            yield reduce_scatter(workers)
            yield allgather(workers)

    return Schedule(workers=workers, chunk_count=workers, phases=phases)


def reduce_scatter(workers: int) -> Phase:
    """Return the phase after which rank r owns the sum of chunk r+1."""
    return _around(workers, first=np.arange(workers), reduce=True)


def allgather(workers: int) -> Phase:
    """Return the phase that spreads chunk r+1, owned by rank r, to all."""
    return _around(workers, first=(np.arange(workers) + 1) % workers, reduce=False)


def _around(workers: int, first: IntArray, reduce: bool) -> Phase:
    rank = np.arange(workers)
    return Phase(
        source=rank,
        destination=(rank + 1) % workers,
        chunk=first,
        reduce=reduce,
        rounds=workers - 1,
        chunk_turn=Turn(shift=-1, cycle=workers),
    )


def time_s(
    topology: Topology, ranks: int | IntArray, size_bytes: FloatArray | float, choices: Choices
) -> FloatArray:
    """Return the time of a ring allreduce of ``size_bytes``."""
    return reduce_scatter_s(topology, ranks, size_bytes, choices) + allgather_s(
        topology, ranks, size_bytes, choices
    )


def reduce_scatter_s(
    topology: Topology, ranks: int | IntArray, size_bytes: FloatArray | float, choices: Choices
) -> FloatArray:
    """Return the time of a ring reduce-scatter of a vector of ``size_bytes``."""
    part = np.asarray(size_bytes, dtype=float) / ranks
    hop = topology.hop_s(ranks, part * choices.wire_fraction, part)
    return np.where(part > 0, (np.asarray(ranks) - 1) * hop, 0.0)


def allgather_s(
    topology: Topology, ranks: int | IntArray, size_bytes: FloatArray | float, choices: Choices
) -> FloatArray:
    """Return the time of a ring allgather that ends with ``size_bytes`` on every rank."""
    part = np.asarray(size_bytes, dtype=float) / ranks
    hop = topology.hop_s(ranks, part * choices.wire_fraction, choices.landed(part))
    return np.where(part > 0, (np.asarray(ranks) - 1) * hop, 0.0)
