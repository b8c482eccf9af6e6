"""Workers that average over all of them every so many steps: nobody goes on before all are there."""

from nearlinear.simulator.asynchronous.crew import Crew
from nearlinear.simulator.asynchronous.watch import COMPUTE, EXCHANGE, WAIT, Watch
from nearlinear.simulator.programs.stage import Process


class Averaging:
    """Workers and the barrier before each exchange."""

    def __init__(self, crew: Crew, watch: Watch) -> None:
        self.crew, self.watch, self.env = crew, watch, watch.env
        self.there, self.averaged = 0, self.env.event()

    def live(self, worker: int) -> Process:
        """Compute, and average when it is time."""
        watch, env, compute = self.watch, self.env, self.crew.compute(worker)
        while True:
            watch.enter(worker, COMPUTE)
            for left in range(self.crew.period - 1, -1, -1):
                yield env.timeout(next(compute))
                if left:
                    watch.step(worker)
            if watch.counts:
                watch.found.missed.append(0)
            watch.enter(worker, WAIT)
            self.there += 1
            if self.there == self.crew.workers:
                env.process(self._average())
            yield self.averaged
            watch.step(worker)

    def _average(self) -> Process:
        """Let everybody exchange, and then go on."""
        for worker in range(self.crew.workers):
            self.watch.enter(worker, EXCHANGE)
        yield self.env.timeout(self.crew.average_ticks)
        ended, self.averaged, self.there = self.averaged, self.env.event(), 0
        ended.succeed()
