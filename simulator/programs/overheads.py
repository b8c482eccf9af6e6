"""The SimPy engine under LogGOPS: every stream a CPU, every rank an adapter that serves in turn."""

from collections.abc import Generator
from typing import Any

import numpy as np
import simpy

from nearlinear.models.hardware.loggops import LogGOPS
from nearlinear.simulator.kernels import loggops as row
from nearlinear.simulator.pricing import asking, price_loggops
from nearlinear.simulator.programs.execution import Execution, posted_group
from nearlinear.simulator.programs.program import Program
from nearlinear.simulator.programs.stage import Process, Stage


def run_processes_loggops(program: Program, loggops: LogGOPS, where: str = "schedule") -> Execution:
    """Return the execution of a program by SimPy, messages priced by LogGOPS."""
    stage = Stage(program)
    return stage.run(_Overheads(stage, loggops), where)


class _Overheads:
    """LogGOPS: a CPU per stream, and an adapter per rank that serves one message at a time each way."""

    def __init__(self, stage: Stage, loggops: LogGOPS) -> None:
        self.stage = stage
        messages = stage.program.messages
        size, even = messages.size_bytes.astype(float), np.ones((2, 1, 1))
        self.cost = price_loggops(size, loggops, even, even)[:, :, 0]
        self.asks = asking(size, loggops)
        self.left, self.posted = ([stage.env.event() for _ in range(len(messages))] for _ in range(2))
        self.free: dict[tuple[str, int], int] = {}
        self.queue: list[tuple[int, tuple[str, int], int, simpy.Event]] = []

    def send(self, operation: int) -> Process:
        stage, message = self.stage, self.stage.program.message[operation]
        if self.asks[message]:
            stage.env.process(self._ask(operation, message))
            yield stage.env.timeout(int(self.cost[row.REQUEST, message]))
            return
        at = yield from self._serve(operation, "out", self.cost[row.SEND_NIC, message])
        self.left[message].succeed(at)
        yield stage.env.timeout(at - stage.now + int(self.cost[row.SEND_CPU, message]))
        stage.finish(operation)

    def _ask(self, operation: int, message: int) -> Process:
        stage = self.stage
        yield stage.env.timeout(int(self.cost[row.FLIGHT, message]))
        yield self.posted[message]
        yield stage.env.timeout(int(self.cost[row.FLIGHT, message]))
        at = yield from self._serve(operation, "out", self.cost[row.SEND_NIC, message])
        self.left[message].succeed(at)
        yield stage.env.timeout(at - stage.now + int(self.cost[row.SEND_CPU, message]))
        stage.finish(operation)

    def receive(self, operation: int) -> Process:
        stage, program = self.stage, self.stage.program
        for expected in posted_group(program, operation):
            self.posted[program.message[expected]].succeed()
        message = program.message[operation]
        left = yield self.left[message]
        yield stage.env.timeout(max(left + int(self.cost[row.FLIGHT, message]) - stage.now, 0))
        at = yield from self._serve(operation, "in", self.cost[row.RECEIVE_NIC, message])
        yield stage.env.timeout(at - stage.now + int(self.cost[row.RECEIVE_CPU, message]))
        stage.finish(operation)

    def _serve(self, operation: int, way: str, gap: int) -> Generator[Any, Any, int]:
        """Wait for the adapter; return when it starts. At a tick it takes operations in their order."""
        granted = self.stage.env.event()
        if not self.queue:
            self.stage.env.process(self._grant(self.stage.at_last()))
        rank = self.stage.program.rank_of(operation)
        self.queue.append((operation, (way, rank), int(gap), granted))
        at: int = yield granted
        return at

    def _grant(self, last: simpy.Event) -> Process:
        yield last
        waiting, self.queue = sorted(self.queue, key=lambda entry: entry[0]), []
        for _, adapter, gap, granted in waiting:
            at = max(self.stage.now, self.free.get(adapter, 0))
            self.free[adapter] = at + gap
            granted.succeed(at)
