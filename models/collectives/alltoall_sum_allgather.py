"""Alltoall, sum, allgather: the exchange strategy ASA of Theano-MPI, and ASA16 with 16 bits on the wire.

    t = (p-1) (t(n/p) + reduce(n/p)) + (p-1) t(n/p),    t of the slowest pair that meets

Every rank sends slice j straight to rank j, which adds the p slices in full precision; a ring allgather
returns the sums. With 16-bit messages (``wire_fraction`` 0.5) the bytes on the wire halve while sums
stay in 32 bits; what arrives is widened, which costs the receiver as much as adding it. Across
nodes every round is taken as slow as its slowest pair with all adapters shared: an upper bound.

References
----------
Ma, Mao and Taylor 2016, "Theano-MPI", and its exchanger code (repository uoguelph-mlrg/Theano-MPI).
"""

from collections.abc import Iterator

import numpy as np

from nearlinear.models.arrays import FloatArray, IntArray
from nearlinear.models.collectives import ring
from nearlinear.models.collectives.algorithm import Choices
from nearlinear.models.collectives.schedule import Phase, Schedule, Turn
from nearlinear.models.hardware.topology import Topology


def schedule(workers: int, choices: Choices) -> Schedule:
    """Return the alltoall whose receivers add, and the allgather of the sums."""

    def phases() -> Iterator[Phase]:
        if workers > 1:
            yield _alltoall(workers)
            yield _allgather(workers)

    return Schedule(workers=workers, chunk_count=workers, phases=phases)


def _alltoall(workers: int) -> Phase:
    """Return p-1 rounds in which rank r sends slice r+k to rank r+k."""
    rank = np.arange(workers)
    turn = Turn(shift=1, cycle=workers)
    return Phase(
        source=rank,
        destination=(rank + 1) % workers,
        chunk=(rank + 1) % workers,
        reduce=True,
        rounds=workers - 1,
        destination_turn=turn,
        chunk_turn=turn,
    )


def _allgather(workers: int) -> Phase:
    """Return the ring allgather of slices that rank r owns as slice r."""
    rank = np.arange(workers)
    return Phase(
        source=rank,
        destination=(rank + 1) % workers,
        chunk=rank,
        reduce=False,
        rounds=workers - 1,
        chunk_turn=Turn(shift=-1, cycle=workers),
    )


def time_s(
    topology: Topology, ranks: int | IntArray, size_bytes: FloatArray | float, choices: Choices
) -> FloatArray:
    """Return the time of alltoall, sum and allgather of ``size_bytes``."""
    part = np.asarray(size_bytes, dtype=float) / ranks
    pair = topology.hop_s(ranks, part * choices.wire_fraction, part, everyone=True)
    spread = np.where(part > 0, (np.asarray(ranks) - 1) * pair, 0.0)
    return spread + ring.allgather_s(topology, ranks, size_bytes, choices)
