"""Workers that push to each other at random: pushes hold links and never the receiver.

A worker has one push under way at a time; only for the next one does it wait until that is through. What
has come is merged at the end of a step, each push at the cost of an addition.
"""

from typing import Any

import numpy as np
import simpy

from nearlinear.models.training.synchronisation import Gossip
from nearlinear.simulator.asynchronous.crew import Crew
from nearlinear.simulator.asynchronous.watch import COMPUTE, EXCHANGE, WAIT, Watch
from nearlinear.simulator.programs.stage import Process


class Gossiping:
    """Workers, what lies in their boxes, and the links between them."""

    def __init__(self, crew: Crew, watch: Watch) -> None:
        assert crew.links is not None
        assert isinstance(crew.rule, Gossip)
        self.crew, self.watch, self.env, self.links = crew, watch, watch.env, crew.links
        self.probability = crew.rule.probability
        self.box: list[list[int]] = [[] for _ in range(crew.workers)]
        self.uplinks: dict[tuple[int, int, bool], simpy.Resource] = {}

    def live(self, worker: int) -> Process:
        """Compute, merge what has come, push by chance."""
        watch, env, compute = self.watch, self.env, self.crew.compute(worker)
        generator = np.random.default_rng([*self.crew.seed, 2, worker])
        letter: Any = None
        while True:
            watch.enter(worker, COMPUTE)
            yield env.timeout(next(compute))
            if self.box[worker]:
                yield from self._merge(worker)
            watch.step(worker)
            if self.crew.workers > 1 and generator.random() < self.probability:
                if letter is not None and letter.is_alive:
                    watch.enter(worker, WAIT)
                    yield letter
                peer = int(generator.integers(self.crew.workers - 1))
                letter = env.process(self._carry(worker, peer + (peer >= worker)))

    def _merge(self, worker: int) -> Process:
        """Merge what has come; what comes meanwhile waits for the next step."""
        watch, came = self.watch, self.box[worker]
        self.box[worker] = []
        if watch.counts:
            watch.found.ages += [int(self.env.now) - pushed for pushed in came]
        watch.enter(worker, EXCHANGE)
        yield self.env.timeout(self.links.merge_ticks * len(came))

    def _carry(self, worker: int, peer: int) -> Process:
        """Hold the links of sender and receiver until the push is there."""
        watch, links, pushed = self.watch, self.links, int(self.env.now)
        level = int(np.argmax(links.inside[:, worker] == links.inside[:, peer]))
        if watch.counts:
            watch.found.sent[worker] += 1
            watch.found.received[peer] += 1
        with self._uplink(level, worker, out=True).request() as leaving:
            yield leaving
            with self._uplink(level, peer, out=False).request() as entering:
                yield entering
                watch.enter(watch.workers + worker, EXCHANGE)
                ticks = max(links.transfer_ticks[level, worker], links.transfer_ticks[level, peer])
                yield self.env.timeout(int(ticks))
                watch.enter(watch.workers + worker, WAIT)
        self.box[peer].append(pushed)

    def _uplink(self, level: int, worker: int, out: bool) -> simpy.Resource:
        key = level, int(self.links.unit[level, worker]), out
        if key not in self.uplinks:
            self.uplinks[key] = simpy.Resource(self.env, int(self.links.uplinks[level]))
        return self.uplinks[key]
