"""A collective algorithm as data: a few phases of transfers between ranks.

A *phase* is a pattern of transfers repeated for a number of rounds, while chunk and peers advance by a
rule, so that a ring over 1,024 ranks is two phases and not two million rows. The vector is cut into
``chunk_count`` chunks of (nearly) equal length. Within a round a rank posts its sends in array order,
then its receives in array order; all sends of a round read what the rank held before the round; the
next round of a rank starts when its own operations are done. There is no barrier. A transfer from a
rank to itself, or of no element, does not happen.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from nearlinear.models.arrays import IntArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Turn:
    """How an index advances: in round k it is base + (index - base + k x shift) mod cycle."""

    shift: int = 0
    cycle: int = 1
    base: IntArray | int = 0

    def at(self, index: IntArray, k: int) -> IntArray:
        """Return the indices of round ``k``."""
        if self.shift == 0 or k == 0:
            return index
        return np.asarray(self.base + (index - self.base + k * self.shift) % self.cycle)

    def laned(self, stride: int, start: IntArray, length: int) -> "Turn":
        """Return the rule for ``length`` indices mapped to start[lane] + stride x index, lane by lane."""
        base = np.broadcast_to(self.base, (length,))
        return Turn(
            shift=self.shift * stride,
            cycle=self.cycle * stride,
            base=(start[:, None] + stride * base[None, :]).ravel(),
        )


STILL = Turn()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Transfers:
    """The transfers of one round, as equally long columns.

    Attributes
    ----------
    source, destination : ndarray of int, shape (n,)
        Ranks.
    chunk : ndarray of int, shape (n,)
        First chunk sent; it lands at the same place.
    chunks : int
        Consecutive chunks per transfer.
    reduce : bool
        Whether the receiver adds what arrives to its own, or replaces it.
    """

    source: IntArray
    destination: IntArray
    chunk: IntArray
    chunks: int
    reduce: bool


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Phase:
    """A pattern of transfers and how it advances from round to round."""

    source: IntArray
    destination: IntArray
    chunk: IntArray
    chunks: int = 1
    reduce: bool
    rounds: int = 1
    source_turn: Turn = STILL
    destination_turn: Turn = STILL
    chunk_turn: Turn = STILL

    def __iter__(self) -> Iterator[Transfers]:
        return (self.round(k) for k in range(self.rounds))

    def round(self, k: int) -> Transfers:
        """Return the transfers of round ``k``."""
        return Transfers(
            source=self.source_turn.at(self.source, k),
            destination=self.destination_turn.at(self.destination, k),
            chunk=self.chunk_turn.at(self.chunk, k),
            chunks=self.chunks,
            reduce=self.reduce,
        )

    @property
    def fixed_peers(self) -> bool:
        """Whether source and destination are the same in every round."""
        return self.rounds == 1 or (self.source_turn.shift == 0 and self.destination_turn.shift == 0)

    def laned(self, stride: int, first_chunk: IntArray) -> "Phase":
        """Return the phase played by ``stride`` interleaved lanes at once.

        Lane l maps rank r to ``stride`` x r + l and chunk c to ``first_chunk[l]`` + c.
        """
        lane, length = np.arange(stride), len(self.source)
        return Phase(
            source=(lane[:, None] + stride * self.source[None, :]).ravel(),
            destination=(lane[:, None] + stride * self.destination[None, :]).ravel(),
            chunk=(first_chunk[:, None] + self.chunk[None, :]).ravel(),
            chunks=self.chunks,
            reduce=self.reduce,
            rounds=self.rounds,
            source_turn=self.source_turn.laned(stride, lane, length),
            destination_turn=self.destination_turn.laned(stride, lane, length),
            chunk_turn=self.chunk_turn.laned(1, first_chunk, length),
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Schedule:
    """An allreduce over ``workers`` ranks with the help of ``servers`` further ranks.

    Workers are ranks 0 to workers-1, dedicated servers follow; servers start from zeros. After the last
    phase every worker holds the sum over workers.

    Attributes
    ----------
    chunk_count : int
        Into how many chunks the vector is cut.
    phases : callable
        Yields the phases in order, anew at every call.
    """

    workers: int
    servers: int = 0
    chunk_count: int = 1
    phases: Callable[[], Iterator[Phase]]

    @property
    def ranks(self) -> int:
        """All participants: workers and dedicated servers."""
        return self.workers + self.servers

    @property
    def round_count(self) -> int:
        """Rounds of all phases."""
        return sum(phase.rounds for phase in self.phases())

    def chunk_bounds(self, elements: int) -> IntArray:
        """Return the first element of every chunk and the end, shape (chunk_count + 1,)."""
        return np.arange(self.chunk_count + 1, dtype=np.int64) * elements // self.chunk_count
