"""Many runs at once, from failure to failure: what lies between two failures is known without events."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from nearlinear.models.arrays import IntArray
from nearlinear.simulator.failures.job import Job


@dataclass(slots=True, eq=False)
class Spent:
    """Where the ticks of every run went, shape (runs,); useful work and these three add up to ``wall``.

    Attributes
    ----------
    wall : ndarray of int
        From the begin of a run to its end.
    checkpoints : ndarray of int
        Compute stopped to write.
    lost : ndarray of int
        Compute that had to be done again.
    restarts : ndarray of int
        From a failure until compute went on, restarts that failed included.
    failures : ndarray of int
        How many there were.
    """

    wall: IntArray
    checkpoints: IntArray
    lost: IntArray
    restarts: IntArray
    failures: IntArray

    @classmethod
    def nothing(cls, runs: int) -> "Spent":
        """Return runs that have not begun."""
        return cls(*(np.zeros(runs, dtype=np.int64) for _ in range(5)))


def run_leaps(job: Job, gaps: Iterator[IntArray]) -> Spent:
    """Return where the time of all runs went.

    Parameters
    ----------
    job : Job
        The runs.
    gaps : iterator of ndarray of int
        Times to the next failure, as ``draw_gaps`` yields them.
    """
    runs = len(job.work)
    spent, saved = Spent.nothing(runs), np.zeros(runs, dtype=np.int64)
    active, first = np.arange(runs), True
    while len(active):
        gap = next(gaps)[active]
        restart = 0 if first else job.restart
        spent.restarts[active] += np.minimum(gap, restart)
        uptime = np.maximum(gap - restart, 0)
        ended = _stretch(job, spent, saved, active, uptime)
        active, first = active[~ended], False
        spent.failures[active] += 1
    spent.wall = job.work + spent.checkpoints + spent.lost + spent.restarts
    return spent


def _stretch(job: Job, spent: Spent, saved: IntArray, active: IntArray, uptime: IntArray) -> IntArray:
    """Let some runs go on from what they saved for so long; return which of them came to their end."""
    left = job.checkpoints[active] - saved[active]
    rest = job.work[active] - job.checkpoints[active] * job.interval
    ended = left * job.period + rest <= uptime
    begun = np.minimum(uptime // job.period, left)
    into = uptime - begun * job.period
    partial = np.where(begun < left, np.clip(into - job.interval, 0, job.blocked), 0)
    blocked = begun * job.blocked + partial
    complete = np.clip((uptime - job.behind) // job.period, 0, left)
    spent.checkpoints[active] += np.where(ended, left * job.blocked, blocked)
    spent.lost[active] += np.where(ended, 0, uptime - blocked - complete * job.interval)
    saved[active] += np.where(ended, left, complete)
    return np.asarray(ended)
