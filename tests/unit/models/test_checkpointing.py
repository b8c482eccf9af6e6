"""Checkpoints and failures: published and hand-computed values, and limits."""

import math

import numpy as np
import pytest

from nearlinear.models.errors import SpecError
from nearlinear.models.training.checkpointing import (
    Checkpointing,
    best_interval_s,
    daly_interval_s,
    expected_run_s,
    goodput,
    young_interval_s,
)
from nearlinear.models.training.failures import Failures, published_mtbf
from nearlinear.simulator.failures.job import Job, draw_gaps
from nearlinear.simulator.failures.leaps import run_leaps

HOUR = 3600.0


@pytest.mark.parametrize(("mtbf_h", "minutes"), [(24.0, 117.0), (6.0, 57.0), (0.25, 9.1)])
def test_intervals_of_the_figures_of_daly(mtbf_h: float, minutes: float) -> None:
    """Figures 3 to 5 of Daly 2006: 5 minutes to write; two digits are printed of the last."""
    assert daly_interval_s(300.0, mtbf_h * HOUR) / 60 == pytest.approx(
        minutes, abs=0.5 if minutes > 10 else 0.05
    )
    assert best_interval_s(300.0, mtbf_h * HOUR) == pytest.approx(
        daly_interval_s(300.0, mtbf_h * HOUR), rel=0.003
    )


def test_young() -> None:
    """sqrt(2 x 5 min x 24 h) = 2 h."""
    assert young_interval_s(300.0, 24 * HOUR) == pytest.approx(2 * HOUR)


def test_where_writing_takes_longer_than_failures_are_apart() -> None:
    assert daly_interval_s(300.0, 100.0) == 100.0


@pytest.mark.parametrize("write_s", [1.0, 60.0, 1800.0])
def test_the_best_interval_is_best(write_s: float) -> None:
    how, mtbf_s = Checkpointing(write_s=write_s, restart_s=100.0), 2 * HOUR
    best = best_interval_s(write_s, mtbf_s)
    top = goodput(best, how, mtbf_s)
    assert top > goodput(best * 1.01, how, mtbf_s)
    assert top > goodput(best / 1.01, how, mtbf_s)


def test_goodput_by_hand() -> None:
    """M = 100, tau = 50, C = 10, R = 5: 50/(100 e^0.05 (e^0.6 - 1)) = 0.57852."""
    how = Checkpointing(write_s=10.0, restart_s=5.0)
    assert goodput(50.0, how, 100.0) == pytest.approx(0.57852, abs=1e-5)


def test_goodput_with_a_quarter_blocking_by_hand() -> None:
    """B = 2.5, W = 7.5: 50/(100 e^0.125 (e^0.525 - 1)) = 0.63907."""
    how = Checkpointing(write_s=10.0, restart_s=5.0, blocking=0.25)
    assert (how.blocked_s, how.behind_s) == (2.5, 7.5)
    assert goodput(50.0, how, 100.0) == pytest.approx(0.63907, abs=1e-5)


def test_a_run_of_one_interval_by_hand() -> None:
    """No checkpoint: M e^(R/M) (e^(work/M) - 1) = 100 e^0.05 (e^0.5 - 1) = 68.198."""
    how = Checkpointing(write_s=10.0, restart_s=5.0)
    assert expected_run_s(50.0, 50.0, how, 100.0) == pytest.approx(68.198, abs=1e-3)


def test_a_long_run_has_the_goodput_of_the_formula() -> None:
    how = Checkpointing(write_s=60.0, restart_s=300.0, blocking=0.2)
    assert 1e9 / expected_run_s(1e9, 900.0, how, HOUR) == pytest.approx(goodput(900.0, how, HOUR), rel=1e-5)


def test_without_failures_only_checkpoints_cost() -> None:
    """Ten intervals have nine checkpoints between them."""
    how = Checkpointing(write_s=60.0, restart_s=300.0)
    assert how.checkpoints(10_000.0, 1000.0) == 9
    assert expected_run_s(10_000.0, 1000.0, how, math.inf) == 10_540.0
    assert goodput(1000.0, how, math.inf) == pytest.approx(1000 / 1060)
    spent = run_leaps(
        Job.of(np.array([1e4]), 1000.0, how), draw_gaps(Failures(mtbf_s=math.inf), math.inf, 1, 0)
    )
    assert spent.wall.tolist() == [10_540 * 10**9]
    assert spent.failures.tolist() == [0]


def test_a_checkpoint_that_would_outlast_the_run_is_not_written() -> None:
    """Complete after tau + W: at 1000 + 45 of a work of 1040 it would be too late."""
    how = Checkpointing(write_s=60.0, restart_s=0.0, blocking=0.25)
    assert how.checkpoints(1040.0, 1000.0) == 0
    assert how.checkpoints(1050.0, 1000.0) == 1


def test_failures_beyond_all_numbers_leave_nothing() -> None:
    assert goodput(1e6, Checkpointing(write_s=1.0, restart_s=1.0), 1.0) == 0.0


def test_parts_that_fail() -> None:
    assert Failures(mtbf_s=800.0, per="device").job_mtbf_s(16, 8) == 50.0
    assert Failures(mtbf_s=800.0, per="node").job_mtbf_s(17, 8) == pytest.approx(800 / 3)
    assert Failures(mtbf_s=800.0, per="job").job_mtbf_s(16, 8) == 800.0


@pytest.mark.parametrize("shape", [0.5, 1.0, 2.0])
def test_times_between_failures_have_the_mean_that_was_asked_for(shape: float) -> None:
    """The coefficient of variation of Weibull shapes 0.5, 1 and 2 is sqrt 5, 1 and 0.5227."""
    gaps = Failures(mtbf_s=1.0, shape=shape).draw(np.random.default_rng(0), 500.0, 200_000)
    error = 500.0 * {0.5: 5.0, 1.0: 1.0, 2.0: 0.5227**2}[shape] ** 0.5 / math.sqrt(200_000)
    assert abs(gaps.mean() - 500.0) < 4 * error


def test_the_published_rate() -> None:
    """54 days of 16,384 devices over 419 interruptions: 5.78 years each."""
    fact = published_mtbf()
    assert fact.value == pytest.approx(54 * 86400 * 16384 / 419, rel=1e-5)
    assert fact.source.date == "2024-07"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"write_s": 0.0, "restart_s": 1.0}, "--checkpoint: must be > 0"),
        ({"write_s": 1.0, "restart_s": -1.0}, "--restart: must be >= 0"),
        ({"write_s": 1.0, "restart_s": 1.0, "blocking": 1.5}, "--blocking: must lie in 0..1"),
    ],
)
def test_checkpoints_that_cannot_be(given: dict[str, float], message: str) -> None:
    with pytest.raises(SpecError, match=message):
        Checkpointing(**given)
