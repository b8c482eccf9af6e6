"""A phase of a schedule as flat arrays: a pattern of transfers, and how it advances.

What a message costs is looked up by its *class*: level, slowdown, bytes and whether the receiver adds.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from nearlinear.models.arrays import FloatArray, IntArray

NO_TURN = (0, 1)
NOTHING = np.empty(0, dtype=np.int64)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Classes:
    """Kinds of messages, as equally long columns.

    Attributes
    ----------
    level, hops : ndarray of int, shape (classes,)
        Cost that applies, and switches beyond the first.
    slowdown : ndarray, shape (classes,)
        How many times longer than alone bytes take.
    elements : ndarray of int, shape (classes,)
        Length; a message of no element does not happen.
    reduce : ndarray of bool, shape (classes,)
        Whether the receiver adds.
    """

    level: IntArray
    hops: IntArray
    slowdown: FloatArray
    elements: IntArray
    reduce: IntArray


@dataclass(frozen=True, kw_only=True, eq=False)
class PackedPhase:
    """A pattern of transfers and how it advances.

    Attributes
    ----------
    kind : int
        PERMUTATION (then transfer r is sent by rank r) or LIST.
    rounds : int
        How often it runs.
    source, destination : ndarray of int, shape (transfers,)
        Ranks of the first round.
    group : ndarray of int, shape (transfers,)
        Class of each transfer, or of its shorter length where the length changes.
    chunk : ndarray of int, shape (transfers,)
        Where its chunks begin in the first round; empty where the length never changes.
    longer : ndarray of uint8
        By first chunk, 1 where the longer length applies; the class is then ``group`` + 1.
    source_turn, destination_turn, chunk_turn : tuple of int
        Shift per round, and cycle.
    source_base, destination_base, chunk_base : ndarray of int
        Where each cycle begins; empty where the index stands still.
    classes : Classes
        The classes of this phase.
    """

    kind: int
    rounds: int
    source: IntArray
    destination: IntArray
    group: IntArray
    chunk: IntArray
    longer: IntArray
    source_turn: tuple[int, int] = NO_TURN
    destination_turn: tuple[int, int] = NO_TURN
    chunk_turn: tuple[int, int] = NO_TURN
    source_base: IntArray
    destination_base: IntArray
    chunk_base: IntArray
    classes: Classes

    def moves(self) -> Iterator[tuple[IntArray, IntArray, IntArray]]:
        """Yield source, destination and class of the messages of every round, in posting order."""
        return (self.at(k) for k in range(self.rounds))

    def at(self, k: int) -> tuple[IntArray, IntArray, IntArray]:
        """Return source, destination and class of the messages of round ``k``, in posting order."""
        source = _turned(self.source, self.source_base, self.source_turn, k)
        destination = _turned(self.destination, self.destination_base, self.destination_turn, k)
        group = self.group
        if len(self.chunk):
            group = group + self.longer[_turned(self.chunk, self.chunk_base, self.chunk_turn, k)]
        if not self.may_drop:
            return source, destination, group
        keep = (self.classes.elements[group] > 0) & (source != destination)
        return source[keep], destination[keep], group[keep]

    @property
    def still(self) -> bool:
        """Whether all rounds are the same."""
        return not (len(self.chunk) or self.source_turn[0] or self.destination_turn[0])

    @cached_property
    def may_drop(self) -> bool:
        """Whether some transfer may not happen: it moves nothing, or a rank meets itself."""
        turning = self.source_turn[0] or self.destination_turn[0]
        meets_itself = bool(turning) or bool((self.source == self.destination).any())
        return meets_itself or bool((self.classes.elements == 0).any())


def _turned(index: IntArray, base: IntArray, turn: tuple[int, int], k: int) -> IntArray:
    shift, cycle = turn
    if shift == 0 or k == 0:
        return index
    return np.asarray(base + (index - base + k * shift) % cycle)
