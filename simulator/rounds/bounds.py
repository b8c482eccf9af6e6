"""Self-checks of a run: no rank can be faster than its own messages one after another.

    end[r] >= start[r] + sum over rounds of max(longest message alone, bytes through one port)

and under LogGOPS than the overheads of its CPU, or than the first message that reaches it.
"""

import numpy as np

from nearlinear.models.arrays import IntArray
from nearlinear.models.errors import SelfCheckError
from nearlinear.simulator.exchange import Outcome
from nearlinear.simulator.kernels import loggops as row
from nearlinear.simulator.pricing import price
from nearlinear.simulator.rounds.engine import costs_of
from nearlinear.simulator.rounds.packed_phase import PackedPhase
from nearlinear.simulator.rounds.packing import Packed, Part


def check_bounds(packed: Packed, outcome: Outcome, start_ticks: IntArray) -> None:
    """Check that every rank ends no sooner than its bound, in all samples.

    Raises
    ------
    SelfCheckError
        A rank was too fast.
    """
    least = lower_bounds(packed)
    early = outcome.end_ticks < start_ticks + least
    if early.any():
        sample, rank = (int(i) for i in np.argwhere(early)[0])
        needs = int(least[min(sample, len(least) - 1), rank])
        took = int((outcome.end_ticks - start_ticks)[sample, rank])
        raise SelfCheckError("simulator", f"rank {rank} must need at least {needs} ticks", got=took)


def lower_bounds(packed: Packed) -> IntArray:
    """Return the least ticks that every rank needs, shape (samples or 1, ranks), ranks being equal."""
    least = np.zeros((1, packed.schedule.ranks), dtype=np.int64)
    for part in packed.parts():
        alone, through = _costs(packed, part)
        for phase, offset in zip(part.phases, part.offsets, strict=True):
            if phase.still:
                source, destination, local = phase.at(0)
                least = least + phase.rounds * _round(
                    packed, source, destination, alone[local + offset], through[local + offset]
                )
            elif not phase.may_drop:
                least = least + phase.rounds * _shortest(packed, phase, alone, offset)
    return least


def _costs(packed: Packed, part: Part) -> tuple[IntArray, IntArray]:
    """Return ticks of each class alone, and through a port or a CPU, shape (classes, samples or 1)."""
    if packed.fabric.loggops is None:
        ticks = price(part.classes, packed.fabric, packed.vector)
        return ticks.latency + ticks.work, ticks.work
    cost = costs_of(packed, part, None)[0]
    return np.zeros_like(cost[row.SEND_CPU]), np.minimum(cost[row.SEND_CPU], cost[row.RECEIVE_CPU])


def _round(
    packed: Packed, source: IntArray, destination: IntArray, alone: IntArray, through: IntArray
) -> IntArray:
    """Return the least ticks of a round for every rank."""
    shape = (packed.schedule.ranks, alone.shape[1])
    longest, sent, got = (np.zeros(shape, dtype=np.int64) for _ in range(3))
    np.maximum.at(longest, source, alone)
    np.maximum.at(longest, destination, alone)
    np.add.at(sent, source, through)
    np.add.at(got, destination, through)
    busiest = sent + got if packed.fabric.loggops is not None else np.maximum(sent, got)
    return np.maximum(longest, busiest).T


def _shortest(packed: Packed, phase: PackedPhase, alone: IntArray, offset: int) -> IntArray:
    """Return the shortest message of a phase for every rank that takes part in it."""
    classes = alone[offset : offset + len(phase.classes.elements)]
    taking = np.zeros(packed.schedule.ranks, dtype=np.int64)
    taking[phase.source] = taking[phase.destination] = 1
    return np.asarray(classes.min(axis=0)[:, None] * taking)
