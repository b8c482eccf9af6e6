"""What a packed schedule moves, counted without executing it."""

from dataclasses import dataclass
from functools import lru_cache
from math import gcd

import numpy as np

from nearlinear.models.arrays import IntArray
from nearlinear.simulator.kernels.table import PERMUTATION
from nearlinear.simulator.rounds.packed_phase import PackedPhase
from nearlinear.simulator.rounds.packing import Packed


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Tally:
    """Counts of a schedule.

    Attributes
    ----------
    messages : int
        Transfers that take place.
    sent_elements, received_elements : ndarray of int, shape (ranks,)
        Elements that each rank gives and gets.
    """

    messages: int
    sent_elements: IntArray
    received_elements: IntArray

    @classmethod
    def of(cls, packed: Packed) -> "Tally":
        """Return the counts of a packed schedule; they are kept with it."""
        return _tally(packed)


@lru_cache(maxsize=64)
def _tally(packed: Packed) -> Tally:
    ranks = packed.schedule.ranks
    messages, sent, received = 0, np.zeros(ranks, np.int64), np.zeros(ranks, np.int64)
    for part in packed.parts():
        gave: list[tuple[IntArray, IntArray]] = []
        got: list[tuple[IntArray, IntArray]] = []
        for phase in part.phases:
            if phase.kind == PERMUTATION and len(phase.classes.elements) == 1:
                moved = int(phase.classes.elements[0]) * phase.rounds
                messages += len(phase.source) * phase.rounds
                sent += moved
                received += moved
            elif _still(phase):
                count, elements = _moved(phase)
                messages += count
                gave.append((phase.source, elements))
                got.append((phase.destination, elements))
            else:
                for source, destination, group in phase.moves():
                    elements = phase.classes.elements[group]
                    messages += len(elements)
                    _add(sent, [(source, elements)])
                    _add(received, [(destination, elements)])
        _add(sent, gave)
        _add(received, got)
    return Tally(messages=messages, sent_elements=sent, received_elements=received)


def _still(phase: PackedPhase) -> bool:
    """Return whether the same ranks meet in every round."""
    turning = phase.source_turn[0] or phase.destination_turn[0]
    return not turning and bool((phase.source != phase.destination).all())


def _moved(phase: PackedPhase) -> tuple[int, IntArray]:
    """Return how many messages take place, and the elements that each transfer moves in all rounds."""
    longer = _rounds_at_longer(phase)
    short = phase.classes.elements[phase.group]
    if not len(phase.chunk):
        return int(np.count_nonzero(short)) * phase.rounds, short * phase.rounds
    long = phase.classes.elements[phase.group + 1]
    messages = (short > 0) * (phase.rounds - longer) + (long > 0) * longer
    return int(messages.sum()), short * (phase.rounds - longer) + long * longer


def _rounds_at_longer(phase: PackedPhase) -> IntArray:
    """Return in how many rounds each transfer has the longer length, without going through them.

    The chunk of a transfer visits its cycle in steps of ``shift``: positions in that orbit turn rounds
    into a range, and a prefix sum over the orbit counts the range.
    """
    count = np.zeros(len(phase.source), dtype=np.int64)
    shift, cycle = phase.chunk_turn
    if not len(phase.chunk):
        return count
    if shift == 0:
        return phase.longer[phase.chunk] * np.int64(phase.rounds)
    period = cycle // gcd(shift, cycle)
    offset = phase.chunk - phase.chunk_base
    orbit = np.stack([phase.chunk_base, offset % gcd(shift, cycle)], axis=1)
    found, which = np.unique(orbit, axis=0, return_inverse=True)
    whole, rest = divmod(phase.rounds, period)
    for number, (base, first) in enumerate(found):
        mine = which.reshape(-1) == number
        visited = (first + shift * np.arange(period)) % cycle
        position = np.empty(cycle, dtype=np.int64)
        position[visited] = np.arange(period)
        long = phase.longer[base + visited].astype(np.int64)
        sums = np.concatenate(([0], np.cumsum(np.concatenate([long, long]))))
        at = position[offset[mine]]
        count[mine] = whole * long.sum() + sums[at + rest] - sums[at]
    return count


def _add(total: IntArray, moved: list[tuple[IntArray, IntArray]]) -> None:
    if moved:
        ranks, elements = (np.concatenate(columns) for columns in zip(*moved, strict=True))
        # Sums in float64 are exact below 2^53 elements
        total += np.bincount(ranks, elements, minlength=len(total)).astype(np.int64)
