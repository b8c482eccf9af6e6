"""The SimPy engine: every stream a process, every message a process; the readable reference.

It tells the semantics as people would: a stream begins its operations in order, a message starts when
both ends have posted it, what shares links runs at max-min fair rates. All that depends on who else is
there is decided once per tick, after everything else of that tick: rates, and whom an adapter serves.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import simpy

from nearlinear.models.arrays import FloatArray, IntArray
from nearlinear.models.errors import SelfCheckError
from nearlinear.simulator.fabrics.sharing import max_min_rates
from nearlinear.simulator.pricing import stretched
from nearlinear.simulator.programs.execution import Execution, posted_group
from nearlinear.simulator.programs.program import Program
from nearlinear.simulator.programs.stage import Process, Stage

ROUNDING = 1e-9  # rates are quotients; their sum may pass a capacity by rounding


def run_processes(program: Program, capacity: FloatArray | None = None, where: str = "schedule") -> Execution:
    """Return the execution of a program by SimPy.

    Parameters
    ----------
    program : Program
        What ranks do.
    capacity : ndarray, shape (links,), optional
        Share links by *flow*: rates are solved anew whenever a message starts or ends. Without it every
        message takes its own ``slowdown`` (discipline *round*).
    where : str
        What an error names.

    Raises
    ------
    ContentError
        Deadlock.
    """
    stage = Stage(program)
    wires: Any = _Held(stage) if capacity is None else _Flows(stage, capacity)
    return stage.run(_Paired(stage, wires), where)


class _Paired:
    """Messages start once both ends have posted them."""

    def __init__(self, stage: Stage, wires: Any) -> None:
        self.stage, self.wires = stage, wires
        count = len(stage.program.messages)
        self.sent, self.expected = ([stage.env.event() for _ in range(count)] for _ in range(2))
        for message in range(count):
            stage.env.process(self._carry(message))

    def send(self, operation: int) -> Process:
        self.sent[self.stage.program.message[operation]].succeed()
        yield from ()

    def receive(self, operation: int) -> Process:
        stage, program = self.stage, self.stage.program
        for expected in posted_group(program, operation):
            self.expected[program.message[expected]].succeed()
        message = program.message[operation]
        yield stage.over[program.messages.send[message]]
        yield stage.env.timeout(int(program.messages.handling[message]))
        stage.finish(operation)

    def _carry(self, message: int) -> Process:
        yield self.sent[message]
        yield self.expected[message]
        yield from self.wires.carry(message)
        self.stage.finish(int(self.stage.program.messages.send[message]))


class _Held:
    """Discipline *round*: every message keeps the rate that it was given."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        messages = stage.program.messages
        self.duration = messages.latency + stretched(messages.work, messages.slowdown)

    def carry(self, message: int) -> Process:
        yield self.stage.env.timeout(int(self.duration[message]))


@dataclass
class _Flow:
    """A message on its way: when its rate last changed, the work left then, and when it will end."""

    since: int
    remaining: float
    over: simpy.Event
    rate: float = 0.0
    version: int = 0


class _Flows:
    """Discipline *flow*: rates are solved anew in every tick in which a message starts or ends."""

    def __init__(self, stage: Stage, capacity: FloatArray) -> None:
        self.stage, self.capacity = stage, capacity
        self.active: dict[int, _Flow] = {}
        self.solving = False

    def carry(self, message: int) -> Process:
        messages = self.stage.program.messages
        yield self.stage.env.timeout(int(messages.latency[message]))
        if messages.work[message] == 0:
            return
        flow = _Flow(self.stage.now, float(messages.work[message]), self.stage.env.event())
        self.active[message] = flow
        self._changed()
        yield flow.over
        del self.active[message]
        self._changed()

    def _changed(self) -> None:
        if not self.solving:
            self.solving = True
            self.stage.env.process(self._solve(self.stage.at_last()))

    def _solve(self, last: simpy.Event) -> Process:
        yield last
        self.solving = False
        if not self.active:
            return
        who = np.array(sorted(self.active))
        messages = self.stage.program.messages
        share = None if messages.whole else messages.share[who]
        rates = max_min_rates(messages.links[who], self.capacity, share, messages.limit[who])
        self._check(messages.links[who], share, rates)
        for message, rate in zip(who.tolist(), rates.tolist(), strict=True):
            flow = self.active[message]
            if rate != flow.rate:
                flow.remaining -= (self.stage.now - flow.since) * flow.rate
                flow.since, flow.rate = self.stage.now, rate
                flow.version += 1
                self.stage.env.process(self._end(flow, flow.version))

    def _end(self, flow: _Flow, version: int) -> Process:
        yield self.stage.env.timeout(max(int(np.rint(flow.remaining * (1.0 / flow.rate))), 0))
        if flow.version == version:
            flow.over.succeed()

    def _check(self, links: IntArray, share: FloatArray | None, rates: FloatArray) -> None:
        used = links >= 0
        load = np.where(used, rates[:, None] * (1.0 if share is None else share), 0.0)
        total = np.bincount(links[used], load[used], minlength=len(self.capacity))
        if (total > self.capacity * (1 + ROUNDING)).any():
            most = float((total / self.capacity).max())
            raise SelfCheckError("simulator", "a link must carry at most its capacity", got=most)
