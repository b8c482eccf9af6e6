"""One run as processes in SimPy: the reference of ``leaps``, and what a timeline shows.

A job computes and stops to write; each checkpoint is completed by a process of its own, so that writing can
go on behind compute; a process of failures interrupts the job, wherever it is.
"""

from collections.abc import Generator, Iterator
from dataclasses import dataclass
from typing import Any

import simpy

from nearlinear.simulator.failures.job import NEVER, Job

COMPUTE, CHECKPOINT, LOST, RESTART, WRITING = "compute", "checkpoint", "lost work", "restart", "writing"


@dataclass(frozen=True, slots=True)
class Span:
    """What a run did from ``begin`` to ``end``, in ticks."""

    name: str
    begin: int
    end: int


@dataclass(frozen=True, slots=True)
class Told:
    """A run told: its end, its failures and its spans in order, what is written behind compute among them."""

    wall: int
    failures: int
    spans: tuple[Span, ...]

    def total(self, name: str) -> int:
        """Return the ticks of all spans of a name."""
        return sum(span.end - span.begin for span in self.spans if span.name == name)


def run_processes(job: Job, run: int, gaps: Iterator[int]) -> Told:
    """Return a run of a job, told by SimPy.

    Parameters
    ----------
    job : Job
        The runs.
    run : int
        Which of them.
    gaps : iterator of int
        Times to its next failure.
    """
    return _Run(job, run, gaps).told()


class _Run:
    def __init__(self, job: Job, run: int, gaps: Iterator[int]) -> None:
        self.job, self.gaps = job, gaps
        self.checkpoints, self.work = int(job.checkpoints[run]), int(job.work[run])
        self.environment = simpy.Environment()
        self.spans: list[Span] = []
        self.saved = self.failures = 0
        self.writer: Any = None

    def told(self) -> Told:
        job = self.environment.process(self._job())
        self.environment.process(self._failing(job))
        self.environment.run(until=job)
        ordered = sorted(self.spans, key=lambda span: (span.begin, span.end))
        return Told(int(self.environment.now), self.failures, tuple(ordered))

    def _failing(self, job: Any) -> Generator[Any, Any, None]:
        for gap in self.gaps:
            yield self.environment.timeout(gap)
            if gap >= NEVER or not job.is_alive:
                return
            self.failures += 1
            job.interrupt()

    def _job(self) -> Generator[Any, Any, None]:
        restart = 0
        while True:
            try:
                yield from self._spend(RESTART, restart)
                yield from self._intervals()
                return
            except simpy.Interrupt:
                self._fall_back()
                restart = self.job.restart

    def _intervals(self) -> Generator[Any, Any, None]:
        for number in range(self.saved, self.checkpoints):
            yield from self._spend(COMPUTE, self.job.interval)
            yield from self._spend(CHECKPOINT, self.job.blocked)
            self.writer = self.environment.process(self._write(number + 1))
            if self.job.behind == 0:
                yield self.writer
        yield from self._spend(COMPUTE, self.work - self.checkpoints * self.job.interval)

    def _write(self, number: int) -> Generator[Any, Any, None]:
        begin = int(self.environment.now)
        try:
            yield self.environment.timeout(self.job.behind)
            self.saved = number
        except simpy.Interrupt:
            pass
        if self.environment.now > begin:
            self.spans.append(Span(WRITING, begin, int(self.environment.now)))

    def _spend(self, name: str, ticks: int) -> Generator[Any, Any, None]:
        begin = int(self.environment.now)
        try:
            yield self.environment.timeout(ticks)
        finally:
            if self.environment.now > begin:
                self.spans.append(Span(name, begin, int(self.environment.now)))

    def _fall_back(self) -> None:
        """Drop what is being written, and call lost what was computed since the last complete checkpoint."""
        if self.writer is not None and self.writer.is_alive:
            self.writer.interrupt()
        kept = self.saved * self.job.interval
        for place, span in enumerate(self.spans):
            if span.name == COMPUTE:
                kept -= span.end - span.begin
                if kept < 0:
                    self.spans[place : place + 1] = _cut(span, -kept)
                    kept = 0


def _cut(span: Span, lost: int) -> list[Span]:
    """Return a span of compute whose last ticks are lost."""
    border = span.end - lost
    kept = [Span(COMPUTE, span.begin, border)] if border > span.begin else []
    return [*kept, Span(LOST, border, span.end)]
