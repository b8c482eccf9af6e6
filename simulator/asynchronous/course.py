"""A course: a crew under its rule, from the steps that are left out to the last that counts."""

from dataclasses import dataclass

import numpy as np

from nearlinear.models.arrays import IntArray
from nearlinear.models.training.synchronisation import BulkSynchronous, Gossip
from nearlinear.simulator.asynchronous.averaging import Averaging
from nearlinear.simulator.asynchronous.crew import Crew
from nearlinear.simulator.asynchronous.gossiping import Gossiping
from nearlinear.simulator.asynchronous.visiting import Visiting
from nearlinear.simulator.asynchronous.watch import COMPUTE, EXCHANGE, WAIT, Span, Watch


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Course:
    """What came of a crew, over the steps that count.

    Attributes
    ----------
    crew : Crew
        Who, and how.
    ticks : int
        From the first step that counts to the last.
    spent : ndarray of int, shape (tracks, 3)
        Ticks of waiting, compute and exchange; workers, then servers, or the links out of each worker.
    made : ndarray of int, shape (workers,)
        Steps of each worker; they add up to workers x steps.
    missed : ndarray of int
        For each visit, moves of others since the worker took its weights.
    lead : int
        Most visits that a worker was ahead of the slowest when it went on (under a bound).
    sent, received : ndarray of int, shape (workers,)
        Pushes of each worker.
    ages : ndarray of int
        Ticks from each push to its merge.
    begin : int
        First tick that counts.
    spans : tuple of Span
        Who did what, where it was recorded.
    """

    crew: Crew
    ticks: int
    spent: IntArray
    made: IntArray
    missed: IntArray
    lead: int
    sent: IntArray
    received: IntArray
    ages: IntArray
    begin: int
    spans: tuple[Span, ...]

    @property
    def step_ticks(self) -> float:
        """Mean time of a step: all workers together make workers x steps in the time of the course."""
        return self.ticks / self.crew.counted

    @property
    def compute_ticks(self) -> float:
        """Mean compute of a step."""
        return float(self.spent[: self.crew.workers, COMPUTE].sum()) / float(self.made.sum())

    def share(self, state: int) -> float:
        """Return the part of the workers' time that they spend in a state."""
        return float(self.spent[: self.crew.workers, state].sum()) / (self.ticks * self.crew.workers)

    @property
    def waiting(self) -> float:
        """Part of the workers' time that they wait."""
        return self.share(WAIT)

    @property
    def busy(self) -> IntArray:
        """Ticks in which each server, or each link out of a worker, is held."""
        return np.asarray(self.spent[self.crew.workers :, EXCHANGE])


def run_course(crew: Crew, record: bool = False) -> Course:
    """Return what comes of a crew.

    Parameters
    ----------
    crew : Crew
        Workers under a rule.
    record : bool
        Keep who did what from when to when.
    """
    watch = Watch(crew.workers, _others(crew), crew.warm, crew.counted, record)
    rule = _playing(crew, watch)
    for worker in range(crew.workers):
        watch.env.process(rule.live(worker))
    watch.env.run(until=watch.over)
    found = watch.found
    return Course(
        crew=crew,
        ticks=int(watch.env.now) - watch.begin,
        spent=np.array(watch.spent, dtype=np.int64),
        made=np.array(watch.made, dtype=np.int64),
        missed=np.array(found.missed, dtype=np.int64),
        lead=found.lead,
        sent=np.array(found.sent, dtype=np.int64),
        received=np.array(found.received, dtype=np.int64),
        ages=np.array(found.ages, dtype=np.int64),
        begin=watch.begin,
        spans=tuple(watch.spans),
    )


def _others(crew: Crew) -> int:
    """Return how many servers, or links out of workers, are watched beside the workers."""
    if crew.visits is not None:
        return crew.visits.servers
    return crew.workers if crew.links is not None else 0


def _playing(crew: Crew, watch: Watch) -> Averaging | Visiting | Gossiping:
    if isinstance(crew.rule, BulkSynchronous):
        return Averaging(crew, watch)
    return Gossiping(crew, watch) if isinstance(crew.rule, Gossip) else Visiting(crew, watch)
