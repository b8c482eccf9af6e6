"""Workers that visit servers: each server handles one at a time, first come, first served.

A server is held while a worker's part travels to it and is added; the answer leaves by the other direction
of its link, while the next part arrives. Where the rule lets a worker wait for the slowest, the server
answers when the slowest has caught up.
"""

from collections.abc import Iterator
from contextlib import nullcontext
from typing import Any

import numpy as np
import simpy

from nearlinear.models.training.synchronisation import ServerRule, StaleSynchronous
from nearlinear.simulator.asynchronous.crew import Crew
from nearlinear.simulator.asynchronous.durations import ticks
from nearlinear.simulator.asynchronous.watch import COMPUTE, EXCHANGE, WAIT, Watch
from nearlinear.simulator.programs.stage import Process

FACTOR = 10**9  # factors on a service are whole billionths


class Visiting:
    """Workers and their servers."""

    def __init__(self, crew: Crew, watch: Watch) -> None:
        assert crew.visits is not None
        assert isinstance(crew.rule, ServerRule)
        self.crew, self.watch, self.env, self.visits = crew, watch, watch.env, crew.visits
        self.rule: ServerRule = crew.rule
        count = self.visits.servers
        self.servers = [simpy.Resource(self.env) for _ in range(count)]
        self.factors = [self._factors(server) for server in range(count)]
        self.version = [0] * count
        self.taken = [[0] * count for _ in range(crew.workers)]
        self.clock = [0] * crew.workers
        self.bounded = isinstance(crew.rule, StaleSynchronous)
        self.changed = self.env.event()
        self.adapters: list[Any] = []
        if self.visits.narrow:
            nodes = int(self.visits.node.max()) + 1
            self.adapters = [simpy.Resource(self.env, self.visits.adapters) for _ in range(nodes)]

    def live(self, worker: int) -> Process:
        """Compute, and visit when it is time."""
        watch, env, compute = self.watch, self.env, self.crew.compute(worker)
        period = self.crew.period
        while True:
            watch.enter(worker, COMPUTE)
            for left in range(period - 1, -1, -1):
                yield env.timeout(next(compute))
                if left:
                    watch.step(worker)
            yield from self._visit(worker)
            watch.step(worker)

    def _visit(self, worker: int) -> Process:
        """Bring a part to every server in turn; fetch later what was not answered at once."""
        count, unanswered = self.visits.servers, list[int]()
        for offset in range(count):
            server = (worker + offset) % count
            yield from self._held(worker, server, self._bring(worker, server))
            if self.bounded and self.rule.waits(self.clock[worker] + 1 - self._slowest(worker)):
                unanswered.append(server)
            else:
                yield from self._answer(worker, server)
        if self.bounded:
            yield from self._wait(worker)
        for server in unanswered:
            self.watch.enter(worker, EXCHANGE)
            yield from self._answer(worker, server)

    def _held(self, worker: int, server: int, doing: Process) -> Process:
        """Hold a server, and an adapter of the node, as long as something is done."""
        watch, track = self.watch, self.watch.workers + server
        with self.servers[server].request() as turn:
            watch.enter(worker, WAIT)
            yield turn
            with self._adapter(worker) as line:
                if line is not None:
                    yield line
                watch.enter(worker, EXCHANGE)
                watch.enter(track, EXCHANGE)
                yield from doing
                watch.enter(track, WAIT)

    def _bring(self, worker: int, server: int) -> Process:
        """Bring a part, which the server adds."""
        factor = next(self.factors[server]) / FACTOR
        yield self.env.timeout(round(int(self.visits.bring_ticks[worker]) * factor))
        if self.watch.counts:
            self.watch.found.missed.append(self.version[server] - self.taken[worker][server])
        self.version[server] += 1

    def _answer(self, worker: int, server: int) -> Process:
        """Take the weights of now."""
        self.taken[worker][server] = self.version[server]
        if self.visits.answer_ticks[worker]:
            yield self.env.timeout(int(self.visits.answer_ticks[worker]))

    def _slowest(self, worker: int) -> int:
        """Return the least clock, the worker's own counted with the visit that it is at."""
        self.clock[worker] += 1
        least = min(self.clock)
        self.clock[worker] -= 1
        return least

    def _wait(self, worker: int) -> Process:
        """Count a visit, and wait until the slowest worker is near enough."""
        before = min(self.clock)
        self.clock[worker] += 1
        if min(self.clock) > before:
            waiting, self.changed = self.changed, self.env.event()
            waiting.succeed()
        self.watch.enter(worker, WAIT)
        while self.rule.waits(self.clock[worker] - min(self.clock)):
            yield self.changed
        if self.watch.counts:
            lead = self.clock[worker] - min(self.clock)
            self.watch.found.lead = max(self.watch.found.lead, lead)

    def _adapter(self, worker: int) -> Any:
        if not self.adapters:
            return nullcontext()
        return self.adapters[int(self.visits.node[worker])].request()

    def _factors(self, server: int) -> Iterator[int]:
        generator = np.random.default_rng([*self.crew.seed, 1, server])
        return ticks(FACTOR, self.visits.draw, generator)
