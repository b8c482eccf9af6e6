"""The critical path of a program: from its last operation back to where the run began.

Every tick of an execution is explained by one that it came after. What the engines decided by who came
first (who had the adapter) is recovered from the ticks themselves.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from nearlinear.models.arrays import IntArray
from nearlinear.models.errors import SelfCheckError
from nearlinear.models.hardware.loggops import LogGOPS
from nearlinear.simulator.cause import PARTS, Cause, CriticalPath, PathBuilder, flown, later
from nearlinear.simulator.kernels import loggops as row
from nearlinear.simulator.pricing import asking, price_loggops
from nearlinear.simulator.programs.execution import Execution
from nearlinear.simulator.programs.program import COMPUTE, SEND, Program

DONE, BEGUN, LEFT = 0, 1, 2


def program_path(
    program: Program, execution: Execution, loggops: LogGOPS | None = None, last: int | None = None
) -> CriticalPath:
    """Return the critical path of an execution.

    Parameters
    ----------
    program : Program
        What ran.
    execution : Execution
        What came of it.
    loggops : LogGOPS, optional
        What priced the messages.
    last : int, optional
        Operation that is explained; the one that is done last by default.

    Raises
    ------
    SelfCheckError
        A tick that nothing explains, or a path that does not sum to the makespan.
    """
    builder = PathBuilder()
    if not len(program):
        return builder.path(0, 0)
    explain = _Explanation(program, execution) if loggops is None else _Adapters(program, execution, loggops)
    end = int(np.argmax(execution.done_ticks)) if last is None else last
    place: tuple[int, ...] = (DONE, end)
    start = 0
    while place:
        entry = builder.follow(explain.cause(*place))
        place, start = entry.place, entry.tick
    return builder.path(start, int(execution.done_ticks[end]))


@dataclass(frozen=True, eq=False)
class _Explanation:
    """Causes of ticks where messages start once both ends have posted them."""

    program: Program
    execution: Execution

    def entry(self, which: int, operation: int) -> Cause:
        """Return a tick that is explained next."""
        ticks = self.execution.done_ticks if which == DONE else self.execution.begin_ticks
        return Cause(int(ticks[operation]), place=(which, int(operation)))

    def cause(self, which: int, operation: int) -> Cause:
        """Return the tick with its causes, down to the next to be explained, or to the run's start."""
        found = self._begun(operation) if which == BEGUN else self._done(operation)
        known = self.entry(which, operation).tick
        if found.tick != known:
            name = self.program.name_of(operation)
            raise SelfCheckError(
                "simulator", f"{name} must have a cause at its tick", got=(found.tick, known)
            )
        return found

    def _done(self, operation: int) -> Cause:
        program, messages = self.program, self.program.messages
        if program.kind[operation] == COMPUTE:
            return self.entry(BEGUN, operation).plus(program.ticks[operation], self._part(operation))
        message = program.message[operation]
        if program.kind[operation] != SEND:
            there = later(self.entry(BEGUN, operation), self.entry(DONE, messages.send[message]))
            return there.plus(messages.handling[message], "adding")
        posted = self.entry(BEGUN, program.post[messages.receive[message]])
        begin = later(self.entry(BEGUN, operation), posted)
        took = int(self.execution.done_ticks[operation]) - begin.tick
        latency = min(int(messages.latency[message]), took)
        ends = (int(messages.source[message]), int(messages.destination[message]))
        return begin.plus(latency, "latency").plus(took - latency, "transfer", ends)

    def _begun(self, operation: int) -> Cause:
        program = self.program
        stream = program.stream_of(operation)
        causes = [Cause(int(program.begin_ticks[stream]))]
        if operation > program.first[stream]:
            causes.append(self._let_go(operation - 1))
        if program.fence[operation]:
            causes += [self.entry(DONE, send) for send in self._open_sends(stream, operation)]
        for waited in program.wait[program.wait_first[operation] : program.wait_first[operation + 1]]:
            causes.append(self.entry(DONE, waited) if waited >= 0 else self.entry(BEGUN, ~waited))
        return later(*causes)

    def _part(self, operation: int) -> str:
        """Return what a compute is spent on: loads and copies are labelled as such."""
        labelled = self.program.labelled
        label = self.program.label[labelled[operation]] if len(labelled) else ""
        return label if label in PARTS else "compute"

    def _let_go(self, operation: int) -> Cause:
        """Return when an operation lets go of its stream."""
        return self.entry(BEGUN if self.program.kind[operation] == SEND else DONE, operation)

    def _open_sends(self, stream: int, operation: int) -> IntArray:
        """Return the sends since the last fence."""
        program = self.program
        first = int(program.first[stream])
        fences = np.flatnonzero(program.fence[first:operation])
        first += int(fences[-1]) if len(fences) else 0
        return first + np.flatnonzero(program.kind[first:operation] == SEND)


@dataclass(frozen=True, eq=False)
class _Adapters(_Explanation):
    """Causes of ticks under LogGOPS."""

    loggops: LogGOPS

    def cause(self, which: int, operation: int) -> Cause:
        """Return the tick with its causes; when an adapter took a message up is one more kind of tick."""
        if which == LEFT:
            return self._left(operation)
        return super().cause(which, operation)

    def _done(self, operation: int) -> Cause:
        program = self.program
        if program.kind[operation] == COMPUTE:
            return super()._done(operation)
        message = program.message[operation]
        cpu = row.SEND_CPU if program.kind[operation] == SEND else row.RECEIVE_CPU
        total, first = int(self._cost[cpu, message]), int(self._cost[row.REQUEST, message])
        first = min(first, total)
        return self._at(LEFT, operation).plus(first, "overhead").plus(total - first, "transfer")

    def _at(self, which: int, operation: int) -> Cause:
        return Cause(int(self._taken[operation]), place=(which, int(operation)))

    def _left(self, operation: int) -> Cause:
        """Return when the adapter took a message up: when it was ready for it, or the adapter was free."""
        program, messages = self.program, self.program.messages
        message, known = program.message[operation], int(self._taken[operation])
        flight, overhead = int(self._cost[row.FLIGHT, message]), int(self._cost[row.REQUEST, message])
        ends = (int(messages.source[message]), int(messages.destination[message]))
        ready = self.entry(BEGUN, operation)
        if program.kind[operation] != SEND:
            sent = flown(self._at(LEFT, messages.send[message]), flight, overhead, ends)
            ready = later(ready, sent)
        elif self._asks[message]:
            posted = self.entry(BEGUN, program.post[messages.receive[message]])
            ready = flown(later(flown(ready, flight, overhead), posted), flight, overhead)
        return ready if ready.tick == known else self._after_another(operation, known)

    def _after_another(self, operation: int, known: int) -> Cause:
        """Return the message that had the adapter just before."""
        program = self.program
        key = (program.kind[operation], program.rank_of(operation), known)
        gap = row.SEND_NIC if program.kind[operation] == SEND else row.RECEIVE_NIC
        for other in self._freed.get((int(key[0]), key[1], known), ()):
            if other != operation:
                return self._at(LEFT, other).plus(self._cost[gap, program.message[other]], "gap")
        name = program.name_of(operation)
        raise SelfCheckError("simulator", f"{name} must have a cause at its tick", got=known)

    def _let_go(self, operation: int) -> Cause:
        message = self.program.message[operation]
        if self.program.kind[operation] == SEND and self._asks[message]:
            return self.entry(BEGUN, operation).plus(self._cost[row.REQUEST, message], "overhead")
        return self.entry(DONE, operation)

    @cached_property
    def _cost(self) -> IntArray:
        even = np.ones((2, 1, 1))
        sizes, which = self.program.sizes
        return price_loggops(sizes.astype(float), self.loggops, even, even)[:, which, 0]

    @cached_property
    def _asks(self) -> IntArray:
        sizes, which = self.program.sizes
        return asking(sizes.astype(float), self.loggops)[which]

    @cached_property
    def _taken(self) -> IntArray:
        """When an adapter took up the message of each operation."""
        program = self.program
        cpu = np.where(program.kind == SEND, row.SEND_CPU, row.RECEIVE_CPU)
        about = np.flatnonzero(program.kind != COMPUTE)
        taken = self.execution.done_ticks.copy()
        taken[about] -= self._cost[cpu[about], program.message[about]]
        return taken

    @cached_property
    def _freed(self) -> dict[tuple[int, int, int], list[int]]:
        """Which operations freed an adapter at a tick, by kind and rank."""
        program = self.program
        found: dict[tuple[int, int, int], list[int]] = {}
        for operation in np.flatnonzero(program.kind != COMPUTE).tolist():
            kind = int(program.kind[operation])
            gap = row.SEND_NIC if kind == SEND else row.RECEIVE_NIC
            free = int(self._taken[operation] + self._cost[gap, program.message[operation]])
            found.setdefault((kind, program.rank_of(operation), free), []).append(operation)
        return found
