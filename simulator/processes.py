"""The SimPy engine: every rank a process, every device port a resource; the readable reference.

Same semantics as :mod:`nearlinear.simulator.rounds`, told as people would tell it: a rank arrives at a
round, meets its partners, waits for its transfers, adds what came in, and goes on. The engine also holds
what every device port carries, and fails if that is ever more than the port can.
"""

from collections import defaultdict
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import simpy

from nearlinear.models.arrays import IntArray
from nearlinear.models.collectives.schedule import Schedule, Transfers
from nearlinear.models.errors import SelfCheckError
from nearlinear.simulator.exchange import Outcome, Vector, checked_starts, to_ticks
from nearlinear.simulator.fabric import Fabric, moving

ROUNDING = 1e-9  # shares of a port are quotients; their sum may pass 1 by rounding


class _Port:
    """One direction of a device's port at one level, and the rates that it carries now."""

    def __init__(self) -> None:
        self.load = 0.0

    def take(self, rate: float) -> None:
        self.load += rate
        if self.load > 1.0 + ROUNDING:
            raise SelfCheckError("simulator", "a port must carry at most its rate", got=self.load)

    def release(self, rate: float) -> None:
        self.load -= rate


@dataclass(eq=False)
class _Transfer:
    """One message: its ends, its times in ticks, and the ports it uses at which rate."""

    env: simpy.Environment
    source: int
    destination: int
    size_bytes: int
    duration: int
    handling: int
    rate: float
    ports: tuple[_Port, _Port]

    def __post_init__(self) -> None:
        self.sender_ready, self.receiver_ready = self.env.event(), self.env.event()
        self.done = self.env.process(self._carry())

    def _carry(self) -> Generator[Any, Any, None]:
        """Wait for both ends, hold the ports while the message flows."""
        yield self.sender_ready & self.receiver_ready
        for port in self.ports:
            port.take(self.rate)
        yield self.env.timeout(self.duration)
        for port in self.ports:
            port.release(self.rate)


@dataclass
class _Rank:
    """One rank: for each of its rounds, what it sends and what it receives."""

    env: simpy.Environment
    start: int
    rounds: list[tuple[list[_Transfer], list[_Transfer]]]
    end: int | None = None

    def live(self) -> Generator[Any, Any, None]:
        """Play the rounds in order."""
        yield self.env.timeout(self.start)
        for sends, receives in self.rounds:
            for transfer in sends:
                transfer.sender_ready.succeed()
            for transfer in receives:
                transfer.receiver_ready.succeed()
            for transfer in receives:
                yield transfer.done
                yield self.env.timeout(transfer.handling)
            for transfer in sends:
                yield transfer.done
        self.end = int(self.env.now)


def run_processes(
    schedule: Schedule, fabric: Fabric, vector: Vector, start_ticks: IntArray | None = None
) -> Outcome:
    """Return when every rank is done with a schedule; arguments as in ``run_rounds``, one sample."""
    starts = checked_starts(start_ticks, 1, schedule.ranks)[0]
    env = simpy.Environment()
    ranks = [_Rank(env, int(start), []) for start in starts]
    sent, received = np.zeros(len(ranks), np.int64), np.zeros(len(ranks), np.int64)
    messages = 0
    for transfers in _Stage(env, fabric, vector, defaultdict(_Port)).rounds(schedule):
        sends, receives = defaultdict(list), defaultdict(list)
        for transfer in transfers:
            sends[transfer.source].append(transfer)
            receives[transfer.destination].append(transfer)
            sent[transfer.source] += transfer.size_bytes
            received[transfer.destination] += transfer.size_bytes
            messages += 1
        for number in sends.keys() | receives.keys():
            ranks[number].rounds.append((sends[number], receives[number]))
    for rank in ranks:
        env.process(rank.live())
    env.run()
    return Outcome(end_ticks=_ends(ranks), messages=messages, sent_bytes=sent, received_bytes=received)


def _ends(ranks: list[_Rank]) -> IntArray:
    unfinished = [number for number, rank in enumerate(ranks) if rank.end is None]
    if unfinished:
        raise SelfCheckError("simulator", "every rank must finish", got=unfinished)
    return np.array([[rank.end for rank in ranks]], dtype=np.int64)


@dataclass(frozen=True)
class _Stage:
    """Where messages are made: the environment, the fabric, what is summed, and the ports in use."""

    env: simpy.Environment
    fabric: Fabric
    vector: Vector
    ports: defaultdict[tuple[str, int, int], _Port]

    def rounds(self, schedule: Schedule) -> Iterator[list[_Transfer]]:
        """Yield the messages of every round, with the rate that max-min sharing gives each."""
        bounds = schedule.chunk_bounds(self.vector.elements)
        for phase in schedule.phases():
            for transfers in phase:
                moved, elements = moving(transfers, bounds)
                levels = self.fabric.level(moved)
                rates = self.fabric.rates(moved, levels)
                yield [
                    self._message(moved, i, int(elements[i]), int(levels[i]), float(rates[i]))
                    for i in range(len(elements))
                ]

    def _message(self, moved: Transfers, i: int, elements: int, level: int, rate: float) -> _Transfer:
        source, destination = int(moved.source[i]), int(moved.destination[i])
        size, narrow = elements * self.vector.element_bytes, self.vector.wire_fraction
        cost = self.fabric.costs[level]
        handled = size if moved.reduce or narrow < 1.0 else 0
        return _Transfer(
            env=self.env,
            source=source,
            destination=destination,
            size_bytes=size,
            duration=int(to_ticks(cost.transfer_s(size * narrow, 1.0 / rate)).item()),
            handling=int(to_ticks(cost.reduce_s(handled)).item()),
            rate=rate,
            ports=(self.ports["out", level, source], self.ports["in", level, destination]),
        )
