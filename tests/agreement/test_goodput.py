"""Failures: simulated runs are what formulas expect, and SimPy ends them at the same nanosecond.

Intervals are 99.9 % (3.29 standard errors) of the simulated mean; seeds are fixed.
"""

import numpy as np
import pytest

from nearlinear.models.training.checkpointing import (
    Checkpointing,
    best_interval_s,
    daly_interval_s,
    expected_run_s,
)
from nearlinear.models.training.failures import Failures
from nearlinear.simulator.failures.job import TICKS_PER_SECOND, Job, draw_gaps
from nearlinear.simulator.failures.leaps import Spent, run_leaps
from nearlinear.simulator.failures.outcome import point
from nearlinear.simulator.failures.processes import (
    CHECKPOINT,
    COMPUTE,
    LOST,
    RESTART,
    WRITING,
    run_processes,
)
from nearlinear.simulator.failures.question import Question, Scale
from nearlinear.simulator.failures.sweep import Sweep

SURE = 3.29
HOUR = 3600.0
CASES = [  # mean time between failures, to write, to restart, interval over Daly's
    (24 * HOUR, 300.0, 600.0, 1.0),  # figures 3 to 5 of Daly 2006
    (6 * HOUR, 300.0, 600.0, 1.0),
    (0.25 * HOUR, 300.0, 600.0, 1.0),
    (6 * HOUR, 300.0, 600.0, 0.3),
    (6 * HOUR, 300.0, 600.0, 3.0),
    (2 * HOUR, 60.0, 0.0, 1.0),
    (1 * HOUR, 30.0, 1800.0, 2.0),
]


def _runs(mtbf_s: float, how: Checkpointing, interval_s: float, work_s: float, shape: float = 1.0) -> Spent:
    job = Job.of(np.full(1500, work_s), interval_s, how)
    failures = Failures(mtbf_s=mtbf_s, per="job", shape=shape)
    return run_leaps(job, draw_gaps(failures, mtbf_s, 1500, 1))


@pytest.mark.parametrize("blocking", [1.0, 0.25])
@pytest.mark.parametrize(("mtbf_s", "write_s", "restart_s", "factor"), CASES)
def test_runs_take_what_is_expected(
    mtbf_s: float, write_s: float, restart_s: float, factor: float, blocking: float
) -> None:
    how = Checkpointing(write_s=write_s, restart_s=restart_s, blocking=blocking)
    interval_s = max(factor * how.interval_s(mtbf_s), how.behind_s)
    work_s = 20.4 * interval_s
    wall_s = _runs(mtbf_s, how, interval_s, work_s).wall / TICKS_PER_SECOND
    expected = expected_run_s(work_s, interval_s, how, mtbf_s)
    error = float(wall_s.std(ddof=1) / np.sqrt(len(wall_s)))
    assert abs(float(wall_s.mean()) - expected) < SURE * error
    assert expected > work_s


@pytest.mark.parametrize("blocking", [1.0, 0.3, 0.0])
@pytest.mark.parametrize("shape", [0.6, 1.0, 3.0])
@pytest.mark.parametrize(("mtbf_s", "write_s", "restart_s", "factor"), CASES[1:5])
def test_simpy_ends_every_run_at_the_same_nanosecond(
    mtbf_s: float, write_s: float, restart_s: float, factor: float, shape: float, blocking: float
) -> None:
    how = Checkpointing(write_s=write_s, restart_s=restart_s, blocking=blocking)
    interval_s = max(factor * how.interval_s(mtbf_s), how.behind_s)
    failures = Failures(mtbf_s=mtbf_s, per="job", shape=shape)
    job = Job.of(np.array([7.7, 30.0, 30.0, 0.4]) * interval_s, interval_s, how)
    spent = run_leaps(job, draw_gaps(failures, mtbf_s, 4, 5))
    for run in range(4):
        told = run_processes(job, run, (int(gap[run]) for gap in draw_gaps(failures, mtbf_s, 4, 5)))
        assert told.wall == spent.wall[run]
        assert told.failures == spent.failures[run]
        totals = [told.total(name) for name in (COMPUTE, CHECKPOINT, LOST, RESTART)]
        columns = (job.work, spent.checkpoints, spent.lost, spent.restarts)
        assert totals == [column[run] for column in columns]
        job_spans = [span for span in told.spans if span.name != WRITING]
        assert [one.end for one in job_spans[:-1]] == [one.begin for one in job_spans[1:]]


@pytest.mark.parametrize(("mtbf_s", "write_s"), [(6 * HOUR, 300.0), (2 * HOUR, 60.0), (0.5 * HOUR, 120.0)])
def test_the_best_simulated_interval_is_that_of_daly(mtbf_s: float, write_s: float) -> None:
    """Goodput is flat at its top, so that 15 % of the interval cost less than 0.2 % of it."""
    question = Question(
        how=Checkpointing(write_s=write_s, restart_s=600.0), runs=800, seed=3,
        failures=Failures(mtbf_s=mtbf_s, per="job"),
    )  # fmt: skip
    scale = Scale(question=question, devices=1, per_node=1, work_s=np.full(800, 100 * mtbf_s))
    best = Sweep.of(scale).best_s
    assert best == pytest.approx(daly_interval_s(write_s, mtbf_s), rel=0.15)
    assert best == pytest.approx(best_interval_s(write_s, mtbf_s), rel=0.15)


def test_a_scale_adds_up_and_is_inside_its_interval() -> None:
    question = Question(
        how=Checkpointing(write_s=120.0, restart_s=300.0, blocking=0.5),
        failures=Failures(mtbf_s=1000 * HOUR), runs=2000,
    )  # fmt: skip
    found = point(Scale(question=question, devices=512, per_node=8, work_s=np.full(2000, 5 * 86400.0)))
    shares = found.checkpoint_share + found.lost_share + found.restart_share
    assert found.simulated.mean + shares == pytest.approx(1.0, rel=1e-9)
    assert found.mtbf_s == pytest.approx(1000 * HOUR / 512)
    assert found.nodes == 64
    assert abs(found.simulated.mean - found.formula) < SURE / 1.96 * found.simulated.half_width
    assert found.failures == pytest.approx(found.wall_s.median / found.mtbf_s, rel=0.02)


def test_bursts_leave_more_time_than_even_failures() -> None:
    """Of as many failures, some of a burst fall into restarts and cost less."""
    how = Checkpointing(write_s=120.0, restart_s=600.0)
    interval_s = how.interval_s(HOUR)
    bursts, even = (_runs(HOUR, how, interval_s, 50 * HOUR, shape).wall.mean() for shape in (0.5, 1.0))
    assert bursts < 0.95 * even


def test_the_seed_decides() -> None:
    how = Checkpointing(write_s=60.0, restart_s=60.0)
    job = Job.of(np.full(20, 1e5), 1000.0, how)
    failures = Failures(mtbf_s=HOUR, per="job")
    one, same, other = (run_leaps(job, draw_gaps(failures, HOUR, 20, seed)).wall for seed in (4, 4, 5))
    assert (one == same).all()
    assert not (one == other).all()
