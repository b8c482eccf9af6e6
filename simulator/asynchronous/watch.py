"""Who does what for how long, and when a course ends: the clock that all rules share.

A course ends when all workers together have made the steps that count; nobody stops before, so that a
slow worker has the others around it to the end. The first steps are left out.
"""

from dataclasses import dataclass, field

import simpy

WAIT, COMPUTE, EXCHANGE = range(3)  # a server or a link waits where it rests
STATES = ("wait", "compute", "exchange")


@dataclass(frozen=True, slots=True)
class Span:
    """What a track did from one tick to another."""

    track: int
    state: int
    begin: int
    end: int


@dataclass(slots=True)
class Found:
    """What rules note while steps count.

    Attributes
    ----------
    missed : list of int
        Moves of others that each visit missed.
    lead : int
        Most visits that a worker was ahead of the slowest when it went on.
    ages : list of int
        Ticks from each push to its merge.
    sent, received : list of int
        Pushes of each worker.
    """

    missed: list[int] = field(default_factory=list)
    lead: int = 0
    ages: list[int] = field(default_factory=list)
    sent: list[int] = field(default_factory=list)
    received: list[int] = field(default_factory=list)


class Watch:
    """The environment, with what each track does.

    Parameters
    ----------
    workers, others : int
        Tracks: workers first, then servers or links.
    warm, counted : int
        Steps per worker that are left out, and that count.
    record : bool
        Keep a span for everything that counts.
    """

    def __init__(self, workers: int, others: int, warm: int, counted: int, record: bool = False) -> None:
        self.env = simpy.Environment()
        self.workers, self.begin = workers, 0
        self.found, self.spans, self.made = Found(), list[Span](), [0] * workers
        self.spent = [[0, 0, 0] for _ in range(workers + others)]
        self.over = self.env.event()
        self._state, self._since = [WAIT] * (workers + others), [0] * (workers + others)
        self._done, self._opens, self._closes = 0, workers * warm, workers * (warm + counted)
        self._record, self._all = record, range(workers + others)
        self.counts = False
        if self._opens == 0:
            self._open()

    def enter(self, track: int, state: int) -> None:
        """Note that a track does something else from now on."""
        now = int(self.env.now)
        before, was = self._since[track], self._state[track]
        if now > before:
            self.spent[track][was] += now - before
            if self._record and self.counts and (was != WAIT or track < self.workers):
                self.spans.append(Span(track, was, before, now))
        self._state[track], self._since[track] = state, now

    def step(self, worker: int) -> None:
        """Note a worker's step; what others do in the last tick comes too late."""
        if self._done == self._closes:
            return
        self._done += 1
        self.made[worker] += 1
        if self._done == self._opens:
            self._open()
        elif self._done == self._closes:
            self._touch()
            self.counts = False
            self.over.succeed()

    def _open(self) -> None:
        self._touch()
        self.begin, self.counts = int(self.env.now), True
        self.spent = [[0, 0, 0] for _ in self._all]
        self.made = [0] * self.workers
        self.found = Found(sent=[0] * self.workers, received=[0] * self.workers)

    def _touch(self) -> None:
        for track in self._all:
            self.enter(track, self._state[track])
