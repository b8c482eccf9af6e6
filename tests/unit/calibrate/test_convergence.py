"""Fits of epochs over the batch: made-up runs come back, and data that show nothing are refused."""

import numpy as np
import pytest

from nearlinear.calibrate.convergence import Runs, Unseen, best, constant_left_out, fit, left_out
from nearlinear.models.economics.convergence import samples_to_target
from nearlinear.models.errors import FitError

BATCHES = np.geomspace(256, 65536, 9)


def _runs(minimum: float, critical: float, spread: float, submitters: int = 8, seed: int = 0) -> Runs:
    batch = np.tile(BATCHES, submitters)
    group = np.repeat([f"s{i}" for i in range(submitters)], len(BATCHES))
    noise = np.exp(spread * np.random.default_rng(seed).standard_normal(len(batch)))
    return Runs(batch=batch, epochs=samples_to_target(batch, minimum, critical) * noise, group=group)


def test_exact_runs_come_back() -> None:
    minimum, critical, grows = best(_runs(34.0, 40_000.0, 0.0))
    assert minimum == pytest.approx(34.0, rel=0.01)
    assert critical == pytest.approx(40_000.0, rel=0.02)
    assert grows


@pytest.mark.parametrize("seed", range(3))
def test_intervals_hold_what_made_noisy_runs(seed: int) -> None:
    curve, unseen = fit(_runs(34.0, 20_000.0, 0.08, seed=seed))
    assert curve.minimum.low * 0.97 <= 34.0 <= curve.minimum.high * 1.03
    assert curve.critical_batch.low * 0.93 <= 20_000.0 <= curve.critical_batch.high * 1.07
    # a batch size that was left out is missed by the noise alone
    assert curve.spread == pytest.approx(0.08, rel=0.35)
    assert unseen.quantile(0.5) == pytest.approx(0.6745 * 0.08, rel=0.35)
    assert curve.batches == (256, 65536)


def test_a_popular_batch_size_does_not_hide_the_growth() -> None:
    few = _runs(34.0, 20_000.0, 0.0, submitters=1)
    many = np.concatenate([np.arange(len(BATCHES)), np.full(500, 3)])
    crowded = few.only(many)
    crowded = Runs(batch=crowded.batch, epochs=crowded.epochs.copy(), group=crowded.group)
    crowded.epochs[len(BATCHES) :] *= 1.1  # who copies each other is off together
    assert best(crowded)[1] == pytest.approx(20_000.0, rel=0.1)


def test_one_outlier_does_not_pull() -> None:
    runs = _runs(34.0, 20_000.0, 0.0)
    runs.epochs[0] *= 10
    minimum, critical, _ = best(runs)
    assert minimum == pytest.approx(34.0, rel=0.01)
    assert critical == pytest.approx(20_000.0, rel=0.03)


def test_left_out_sizes_are_predicted_and_one_number_is_not_enough() -> None:
    runs = _runs(34.0, 20_000.0, 0.0)
    assert left_out(runs).quantile(0.9) < 0.02
    # at the largest batch epochs are 4.3 times those of the smallest
    assert constant_left_out(runs).quantile(0.9) > 0.5


def test_what_is_left_out_is_not_fitted() -> None:
    # no curve of two parameters goes through three such points; a fit to all would go through two of them
    runs = Runs(
        batch=np.array([1e3, 2e4, 8e4]), epochs=np.array([34.0, 60.0, 70.0]), group=np.array(["a", "b", "c"])
    )
    assert np.abs(left_out(runs).error).min() > 0.05


def test_submitters_and_not_their_rows_are_drawn() -> None:
    runs = _runs(34.0, 20_000.0, 0.0)
    offset = np.exp(np.linspace(-0.3, 0.3, 8))
    runs.epochs[:] *= np.repeat(offset, len(BATCHES))  # a recipe is off at every batch alike
    alone = Runs(batch=runs.batch, epochs=runs.epochs, group=np.arange(len(runs.batch)).astype(str))
    together = fit(runs)[0].minimum
    assert together.spread > 1.5 * fit(alone)[0].minimum.spread


def test_the_quantile_weighs_batch_sizes_and_not_rows() -> None:
    unseen = Unseen(error=np.array([0.1, -0.1, 0.1, 0.9]), weight=np.array([1 / 3, 1 / 3, 1 / 3, 2.0]))
    assert unseen.quantile(0.5) == 0.9
    assert unseen.quantile(0.3) == 0.1


def test_what_is_refused() -> None:
    runs = _runs(34.0, 1e9, 0.05)
    with pytest.raises(FitError, match="epochs must grow with the batch, got 'none in"):
        fit(runs)
    with pytest.raises(FitError, match="needs 4 batch sizes, got 3"):
        fit(runs.only(runs.batch < 1100))
