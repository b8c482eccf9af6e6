"""What SimPy processes of a program share: the environment, and events for begin and end of operations."""

from collections.abc import Generator
from typing import Any

import numpy as np
import simpy
from simpy.events import EventPriority

from nearlinear.simulator.programs.execution import NEVER, Execution, finished
from nearlinear.simulator.programs.program import COMPUTE, SEND, Program

LAST = EventPriority(9)  # of what is decided after everything else of a tick
Process = Generator[Any, Any, None]


class Stage:
    """The environment, and an event for the begin and the end of every operation."""

    def __init__(self, program: Program) -> None:
        self.program, self.env = program, simpy.Environment()
        self.begin, self.done = (np.full(len(program), NEVER, dtype=np.int64) for _ in range(2))
        self.begun = [self.env.event() for _ in range(len(program))]
        self.over = [self.env.event() for _ in range(len(program))]

    @property
    def now(self) -> int:
        """The present tick."""
        return int(self.env.now)

    def finish(self, operation: int) -> None:
        """Note that an operation is done now."""
        self.done[operation] = self.now
        self.over[operation].succeed()

    def at_last(self) -> simpy.Event:
        """Return an event of this tick that comes after all others."""
        event = self.env.event()
        event._ok, event._value = True, None
        self.env.schedule(event, priority=LAST)
        return event

    def run(self, exchange: Any, where: str) -> Execution:
        """Return the execution of all streams, messages carried by ``exchange``."""
        for stream in range(self.program.streams):
            self.env.process(self._live(stream, exchange))
        self.env.run()
        return finished(self.program, self.begin, self.done, where)

    def _live(self, stream: int, exchange: Any) -> Process:
        """Begin the operations of a stream in order."""
        program = self.program
        first = int(program.first[stream])
        yield self.env.timeout(int(program.begin_ticks[stream]))
        for operation in range(first, int(program.first[stream + 1])):
            if program.fence[operation]:
                for earlier in range(first, operation):
                    if program.kind[earlier] == SEND and self.done[earlier] == NEVER:
                        yield self.over[earlier]
                first = operation
            for waited in program.wait[program.wait_first[operation] : program.wait_first[operation + 1]]:
                yield self.over[waited] if waited >= 0 else self.begun[~waited]
            self.begin[operation] = self.now
            self.begun[operation].succeed()
            if program.kind[operation] == COMPUTE:
                yield self.env.timeout(int(program.ticks[operation]))
                self.finish(operation)
            elif program.kind[operation] == SEND:
                yield from exchange.send(operation)
            else:
                yield from exchange.receive(operation)
