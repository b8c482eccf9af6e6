"""What is asked of jobs that fail, and the same at one scale."""

from dataclasses import dataclass

import numpy as np

from nearlinear.models.arrays import FloatArray
from nearlinear.models.errors import SpecError
from nearlinear.models.training.checkpointing import Checkpointing, expected_run_s
from nearlinear.models.training.failures import Failures
from nearlinear.models.units import format_time
from nearlinear.simulator.failures.job import Job, draw_gaps
from nearlinear.simulator.failures.leaps import Spent, run_leaps
from nearlinear.simulator.failures.processes import Told, run_processes

MOST_FAILURES = 200_000  # of a run: some ten seconds
LONGEST = 100.0  # times its work: beyond, a run gets nowhere


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is asked, whatever the scale.

    Attributes
    ----------
    how : Checkpointing
        Times to write and to restart.
    failures : Failures
        Mean time between them, per what, and how they are distributed.
    every_s : float or None
        Compute between checkpoints; Daly's interval of each scale where None.
    runs, seed : int
        How many runs are simulated, and of which failures.
    """

    how: Checkpointing
    failures: Failures
    every_s: float | None = None
    runs: int = 400
    seed: int = 0

    def interval_s(self, mtbf_s: float) -> float:
        """Return the interval at a scale.

        Raises
        ------
        SpecError
            Shorter than what is written behind it.
        """
        if self.every_s is None:
            return self.how.interval_s(mtbf_s)
        if not 0 < self.every_s >= self.how.behind_s:
            rule = f"must be > 0 and at least the {format_time(self.how.behind_s)} written behind compute"
            raise SpecError("--every", rule, got=format_time(self.every_s))
        return self.every_s


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Scale:
    """What is asked at one scale.

    Attributes
    ----------
    question : Question
        As for all.
    devices, per_node : int
        Scale.
    work_s : ndarray, shape (runs,)
        Compute of every run without failures.
    """

    question: Question
    devices: int
    per_node: int
    work_s: FloatArray

    @property
    def mtbf_s(self) -> float:
        """Mean time between failures of the job."""
        return self.question.failures.job_mtbf_s(self.devices, self.per_node)

    @property
    def interval_s(self) -> float:
        """Compute between checkpoints."""
        return self.question.interval_s(self.mtbf_s)

    def expected_s(self, interval_s: float) -> float:
        """Return the expected time of a run, the mean over runs of different work."""
        how, mtbf_s = self.question.how, self.mtbf_s
        works, counts = np.unique(self.work_s, return_counts=True)
        expected = [expected_run_s(float(work), interval_s, how, mtbf_s) for work in works]
        return float(np.average(expected, weights=counts))

    def spent(self, interval_s: float) -> Spent:
        """Return where the time of simulated runs went.

        Raises
        ------
        SpecError
            Runs that get nowhere, or with more failures than can be simulated.
        """
        self._check(interval_s)
        question, runs = self.question, len(self.work_s)
        job = Job.of(self.work_s, interval_s, question.how)
        return run_leaps(job, draw_gaps(question.failures, self.mtbf_s, runs, question.seed))

    def told(self, interval_s: float) -> Told:
        """Return the first run, told by SimPy."""
        question, runs = self.question, len(self.work_s)
        job = Job.of(self.work_s, interval_s, question.how)
        gaps = draw_gaps(question.failures, self.mtbf_s, runs, question.seed)
        return run_processes(job, 0, (int(gap[0]) for gap in gaps))

    def _check(self, interval_s: float) -> None:
        expected, work = self.expected_s(interval_s), float(self.work_s.mean())
        if expected > LONGEST * work:
            devices = f"at {self.devices:,} devices"
            rule = f"fails so often {devices} that a run takes more than {LONGEST:g} times its work"
            remedy = "say a longer --mtbf, fewer --devices, shorter times, or --every auto"
            raise SpecError("--mtbf", rule, remedy=remedy)
        if expected / self.mtbf_s > MOST_FAILURES:
            rule = f"has more than {MOST_FAILURES:,} failures at {self.devices:,} devices"
            raise SpecError("--duration", rule, remedy="say a shorter one: goodput is the same")
