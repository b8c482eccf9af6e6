"""A job that may fail, in whole nanoseconds, and the times at which it does."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from nearlinear.models.arrays import FloatArray, IntArray
from nearlinear.models.training.checkpointing import Checkpointing
from nearlinear.models.training.failures import Failures

TICKS_PER_SECOND = 10**9  # nanoseconds: an int64 then holds 292 years
NEVER = 2**62


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Job:
    """Runs of a job, in ticks; columns have shape (runs,).

    Attributes
    ----------
    work : ndarray of int
        Compute of each run without failures.
    checkpoints : ndarray of int
        How many it writes without failures.
    interval, blocked, behind, restart : int
        Compute between checkpoints; how long one stops compute, and goes on behind it; a restart.
    """

    work: IntArray
    checkpoints: IntArray
    interval: int
    blocked: int
    behind: int
    restart: int

    @classmethod
    def of(cls, work_s: FloatArray, interval_s: float, how: Checkpointing) -> "Job":
        """Return runs of so much work each."""
        return cls(
            work=ticks(work_s),
            checkpoints=np.array([how.checkpoints(float(work), interval_s) for work in work_s]),
            interval=int(ticks(interval_s)),
            blocked=int(ticks(how.blocked_s)),
            behind=int(ticks(how.behind_s)),
            restart=int(ticks(how.restart_s)),
        )

    @property
    def period(self) -> int:
        """From the begin of an interval to the begin of the next."""
        return self.interval + self.blocked


def ticks(time_s: FloatArray | float) -> IntArray:
    """Return whole nanoseconds."""
    whole: IntArray = np.rint(np.asarray(time_s, dtype=float) * TICKS_PER_SECOND).astype(np.int64)
    return whole


def draw_gaps(failures: Failures, mtbf_s: float, runs: int, seed: int) -> Iterator[IntArray]:
    """Yield the times from each failure of every run to its next, shape (runs,), without end.

    Run i sees the same failures whatever the interval, so that intervals are compared on one sequence.
    """
    generator = np.random.default_rng(seed)
    while True:
        gap = failures.draw(generator, mtbf_s, runs)
        yield np.where(gap * TICKS_PER_SECOND < NEVER, ticks(np.minimum(gap, 1e9)), NEVER)
