"""A packed schedule replayed round by round in one sample: NumPy and plain rounds, not the engine."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from nearlinear.models.arrays import IntArray
from nearlinear.simulator.fabrics.fabric import repeated
from nearlinear.simulator.kernels import loggops as row
from nearlinear.simulator.pricing import Paces, price
from nearlinear.simulator.rounds.clocks import advance, advance_loggops
from nearlinear.simulator.rounds.engine import costs_of
from nearlinear.simulator.rounds.packing import Packed, Part

CPU, OUT, INTO = 0, 1, 2


@dataclass(frozen=True, eq=False)
class Round:
    """The messages of a round and what they cost in one sample; rows of ``cost`` by kind of clock."""

    source: IntArray
    destination: IntArray
    cost: IntArray
    latency: IntArray
    asks: IntArray

    def sent_by(self, rank: int) -> list[int]:
        """Return the messages that a rank sends, in posting order."""
        return self._by_source.get(rank, [])

    def received_by(self, rank: int) -> list[int]:
        """Return the messages that a rank receives, in posting order."""
        return self._by_destination.get(rank, [])

    @cached_property
    def _by_source(self) -> dict[int, list[int]]:
        return _numbers(self.source)

    @cached_property
    def _by_destination(self) -> dict[int, list[int]]:
        return _numbers(self.destination)

    @cached_property
    def came(self) -> IntArray | None:
        """Who sends to each rank, where rank r sends message r and none of them asks first."""
        here = np.arange(len(self.source))
        if not (self.once and (self.source == here).all() and not self.asks.any()):
            return None
        if len(np.unique(self.destination)) < len(here) or self.destination.max(initial=-1) >= len(here):
            return None
        came = np.empty(len(here), dtype=np.int64)
        came[self.destination] = here
        return came

    @cached_property
    def once(self) -> bool:
        """Whether no rank sends, and none receives, more than once."""
        return not (repeated(self.source) or repeated(self.destination))


def _numbers(ranks: IntArray) -> dict[int, list[int]]:
    """Return the messages of every rank, in posting order."""
    found: dict[int, list[int]] = {}
    for number, rank in enumerate(ranks.tolist()):
        found.setdefault(rank, []).append(number)
    return found


def _exchanged(state: IntArray, messages: Round, came: IntArray) -> IntArray:
    """Return the clocks after a round under LogGOPS in which every rank sends and receives once."""
    cpu, out, into = state
    if len(came) < len(cpu):  # some ranks rest: their clocks stand still
        rest = state[:, len(came) :]
        return np.concatenate([_exchanged(state[:, : len(came)], messages, came), rest], axis=1)
    cost = messages.cost
    at = np.maximum(cpu, out)
    got = np.maximum(at + cost[row.SEND_CPU], into)
    got = np.maximum(got, (at + cost[row.FLIGHT])[came])
    after = (got + cost[row.RECEIVE_CPU][came], at + cost[row.SEND_NIC], got + cost[row.RECEIVE_NIC][came])
    return np.stack(after)


class Replay:
    """The rounds of a packed schedule in one sample, and how clocks go through them.

    Parameters
    ----------
    packed : Packed
        What ran.
    paces : Paces, optional
        How slow ranks were, in all samples.
    sample : int
        Which sample.
    """

    def __init__(self, packed: Packed, paces: Paces | None = None, sample: int = 0) -> None:
        self.packed, self.sample = packed, sample
        self.paces = None if paces is None else paces.rows(slice(sample, sample + 1))
        self.loggops = packed.fabric.loggops is not None

    @property
    def count(self) -> int:
        """How many rounds there are."""
        return sum(phase.rounds for part in self.packed.parts() for phase in part.phases)

    def begun(self, start: IntArray) -> IntArray:
        """Return the clocks before the first round, shape (3, ranks)."""
        zeros = np.zeros_like(start)
        return np.stack([start, zeros, zeros])

    def clocks(self, start: IntArray) -> Iterator[tuple[IntArray, IntArray]]:
        """Yield the CPU clocks of all ranks before and after every round."""
        state = self.begun(start)
        for messages in self.rounds(0, self.count):
            after = self.advanced(state, messages)
            yield state[CPU], after[CPU]
            state = after

    def rounds(self, first: int, last: int) -> Iterator[Round]:
        """Yield rounds ``first`` to ``last`` - 1."""
        number = 0
        for part in self.packed.parts():
            rounds = sum(phase.rounds for phase in part.phases)
            if number + rounds <= first or number >= last:
                number += rounds
                continue
            table = self._table(part)
            for phase, offset in zip(part.phases, part.offsets, strict=True):
                still: Round | None = None
                for k in range(max(first - number, 0), min(last - number, phase.rounds)):
                    if still is None or not phase.still:
                        source, destination, local = phase.at(k)
                        group = local + offset
                        still = Round(source, destination, *(columns[..., group] for columns in table))
                    yield still
                number += phase.rounds

    def _table(self, part: Part) -> tuple[IntArray, IntArray, IntArray]:
        """Return costs, latency and who asks of every class, in this sample."""
        costs = costs_of(self.packed, part, self.paces)
        pick = [one[..., min(self.sample, one.shape[-1] - 1)] if one.ndim > 1 else one for one in costs]
        if self.loggops:
            return pick[0], np.zeros_like(pick[1], dtype=np.int64), pick[1]
        latency = price(part.classes, self.packed.fabric, self.packed.vector).latency
        return np.stack(pick), latency[:, min(self.sample, latency.shape[1] - 1)], np.zeros_like(pick[0])

    def advanced(self, state: IntArray, messages: Round) -> IntArray:
        """Return the clocks after a round, shape (3, ranks)."""
        source, destination = messages.source, messages.destination
        if self.loggops and messages.came is not None:
            return _exchanged(state, messages, messages.came)
        if self.loggops:
            cpu, out, into = (clock[:, None].copy() for clock in state)
            advance_loggops(cpu, out, into, source, destination, messages.cost[:, :, None], messages.asks)
            return np.stack([cpu[:, 0], out[:, 0], into[:, 0]])
        duration, handling = messages.cost[0][:, None], messages.cost[1][:, None]
        after = state.copy()
        if messages.once:
            end = np.maximum(state[CPU][source], state[CPU][destination]) + messages.cost[0]
            after[CPU][source] = end
            after[CPU][destination] = np.maximum(after[CPU][destination], end + messages.cost[1])
        else:
            after[CPU] = advance(state[CPU][:, None], source, destination, duration, handling)[:, 0]
        return after
