"""The critical path of a schedule: found backwards, round by round, with clocks kept at checkpoints.

A first pass keeps the clocks of every so many rounds; then, block by block from the last, rounds are
replayed and the tick of one rank is explained: which message, overhead or addition it came after. What
is held at once is the square root of all rounds. The replay is NumPy and scalars, not the engine, so
that a path that sums to the makespan also checks the engine.
"""

from math import isqrt

import numpy as np

from nearlinear.models.arrays import IntArray
from nearlinear.models.errors import SelfCheckError
from nearlinear.simulator.cause import Cause, CriticalPath, PathBuilder, flown, later
from nearlinear.simulator.exchange import Outcome
from nearlinear.simulator.kernels import loggops as row
from nearlinear.simulator.pricing import Paces
from nearlinear.simulator.rounds.packing import Packed
from nearlinear.simulator.rounds.replay import CPU, INTO, OUT, Replay, Round


def critical_path(
    packed: Packed, outcome: Outcome, start_ticks: IntArray, paces: Paces | None = None, sample: int = 0
) -> CriticalPath:
    """Return the critical path of one sample.

    Parameters
    ----------
    packed : Packed
        What ran.
    outcome : Outcome
        What came of it.
    start_ticks : ndarray of int, shape (samples, ranks)
        When ranks started.
    paces : Paces, optional
        How slow ranks were.
    sample : int
        Which sample to explain.

    Raises
    ------
    SelfCheckError
        The replay contradicts the engine.
    """
    start, ends = start_ticks[sample], outcome.end_ticks[sample]
    builder = PathBuilder()
    rank = int(np.argmax(ends))
    entered = follow_back(builder, Replay(packed, paces, sample), start, ends, rank)
    return builder.path(int(start[entered]) if entered is not None else 0, int(ends.max()))


def follow_back(
    builder: PathBuilder, replay: Replay, start: IntArray, ends: IntArray, rank: int
) -> int | None:
    """Take in the causes of a rank's end; return the rank at whose start they begin.

    None where they begin with an adapter that nothing had used.

    Raises
    ------
    SelfCheckError
        The replay contradicts the engine's ``ends``.
    """
    state, count, kept = replay.begun(start), replay.count, []
    block = max(isqrt(count), 1)
    for number, messages in enumerate(replay.rounds(0, count)):
        if number % block == 0:
            kept.append(state)
        state = replay.advanced(state, messages)
    if not (state[CPU] == ends).all():
        raise SelfCheckError("simulator", "a replay must end where the engine ended")
    clock = CPU
    explain = _Overheads if replay.loggops else _Paired
    for number in reversed(range(len(kept))):
        states, rounds = [kept[number]], list(replay.rounds(number * block, min((number + 1) * block, count)))
        for messages in rounds[:-1]:
            states.append(replay.advanced(states[-1], messages))
        for before, messages in zip(reversed(states), reversed(rounds), strict=True):
            rank, clock = builder.follow(explain(before, messages).after(rank, clock)).place
    return rank if clock == CPU else None


class _Paired:
    """A round in which a message starts once both ends are there."""

    def __init__(self, before: IntArray, messages: Round) -> None:
        self.before, self.messages = before, messages

    def entry(self, rank: int, clock: int = CPU) -> Cause:
        return Cause(int(self.before[clock][rank]), place=(rank, clock))

    def after(self, rank: int, clock: int) -> Cause:
        messages = self.messages
        got = self.entry(rank)
        for i in messages.received_by(rank):
            got = later(got, self._carried(i)).plus(messages.cost[1][i], "adding")
        return later(got, *(self._carried(i) for i in messages.sent_by(rank)))

    def _carried(self, i: int) -> Cause:
        messages = self.messages
        source, destination = int(messages.source[i]), int(messages.destination[i])
        duration, latency = int(messages.cost[0][i]), int(messages.latency[i])
        begin = later(self.entry(source), self.entry(destination))
        first_byte = min(latency, duration)
        return begin.plus(first_byte, "latency").plus(
            duration - first_byte, "transfer", (source, destination)
        )


class _Overheads(_Paired):
    """A round under LogGOPS: all sends of a rank, then all its receives."""

    def after(self, rank: int, clock: int) -> Cause:
        messages, cost = self.messages, self.messages.cost
        cpu, out, _ = self._posted(rank)
        into = self.entry(rank, INTO)
        for i in messages.received_by(rank):
            source = int(messages.source[i])
            arrival = flown(self._left(i), cost[row.FLIGHT][i], cost[row.REQUEST][i], (source, rank))
            at = later(cpu, into, arrival)
            first = min(int(cost[row.REQUEST][i]), int(cost[row.RECEIVE_CPU][i]))
            cpu = at.plus(first, "overhead").plus(cost[row.RECEIVE_CPU][i] - first, "transfer")
            into = at.plus(cost[row.RECEIVE_NIC][i], "gap")
        for i in messages.sent_by(rank):
            if messages.asks[i]:
                left = self._left(i)
                cpu = later(cpu, left.plus(cost[row.SEND_CPU][i], "overhead"))
                out = later(out, left.plus(cost[row.SEND_NIC][i], "gap"))
        return (cpu, out, into)[clock]

    def _posted(self, rank: int) -> tuple[Cause, Cause, dict[int, Cause]]:
        """Return CPU and adapter of a rank once its sends are posted, and when each of them began."""
        messages, cost = self.messages, self.messages.cost
        cpu, out, begun = self.entry(rank), self.entry(rank, OUT), {}
        for i in messages.sent_by(rank):
            if messages.asks[i]:
                begun[i] = cpu
                cpu = cpu.plus(cost[row.REQUEST][i], "overhead")
            else:
                begun[i] = later(cpu, out)
                cpu = begun[i].plus(cost[row.SEND_CPU][i], "overhead")
                out = begun[i].plus(cost[row.SEND_NIC][i], "gap")
        return cpu, out, begun

    def _left(self, i: int) -> Cause:
        """Return when the data of a message leave: at once, or when they were asked for and granted."""
        messages, cost = self.messages, self.messages.cost
        flight, overhead = cost[row.FLIGHT][i], cost[row.REQUEST][i]
        _, out, begun = self._posted(int(messages.source[i]))
        if not messages.asks[i]:
            return begun[i]
        ready, _, _ = self._posted(int(messages.destination[i]))
        granted = later(flown(begun[i], flight, overhead), ready)
        return later(flown(granted, flight, overhead), out)
