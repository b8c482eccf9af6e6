"""What rules cost in steps, against the rules themselves on a quadratic loss in one dimension."""

from typing import Any

import numpy as np
import pytest

from nearlinear.models.arrays import FloatArray
from nearlinear.models.economics.asynchrony import asynchrony, stable_step
from nearlinear.models.training.synchronisation import AsynchronousServer, ElasticAveraging

ROUNDS = 4000


def _asgd(workers: int, period: int, rate: float) -> float:
    """Return how far the server is from the minimum after many rounds in turn, having begun at 1."""
    rule, centre = AsynchronousServer(period=period), np.ones(1)
    taken = [np.ones(1) for _ in range(workers)]
    for _ in range(ROUNDS // workers):
        for worker in range(workers):
            weights = taken[worker].copy()
            for _ in range(period):
                weights -= rate * weights
            rule.take(taken[worker], rule.serve(centre, rule.bring(weights, taken[worker])))
    return float(np.abs(centre[0]))


@pytest.mark.parametrize(("workers", "period"), [(2, 1), (3, 1), (4, 1), (8, 1), (3, 2), (4, 4), (8, 16)])
def test_asynchronous_descent_is_stable_up_to_the_formula(workers: int, period: int) -> None:
    limit = stable_step(workers - 1, period)
    assert _asgd(workers, period, 0.97 * limit) < 1.0
    with np.errstate(over="ignore", invalid="ignore"):
        assert not _asgd(workers, period, 1.03 * limit) < 1.0
    assert asynchrony(AsynchronousServer(period=period), workers).stretch == pytest.approx(
        2.0 / (workers * limit)
    )


def _dragged(rule: ElasticAveraging, workers: int) -> tuple[float, float]:
    """Return the server's way per step, and its distance from a worker that visits, in such steps.

    Workers move by 1 in every step.
    """
    centre, weights = np.zeros(1), [np.zeros(1) for _ in range(workers)]
    way, gaps = [0.0], [0.0]
    for _ in range(ROUNDS):
        gaps.append(0.0)
        for own in weights:
            own += rule.period
            gaps[-1] += float((own - centre)[0]) / workers
            rule.take(own, rule.serve(centre, rule.bring(own, own)))
        way.append(float(centre[0]))
    speed = (way[-1] - way[-2]) / rule.period
    return speed, gaps[-1] / speed


@pytest.mark.parametrize("workers", [2, 3, 8])
@pytest.mark.parametrize("rule", [ElasticAveraging(period=4), ElasticAveraging(period=1, elasticity=0.125)])
def test_workers_drag_the_server_along(workers: int, rule: ElasticAveraging) -> None:
    speed, behind = _dragged(rule, workers)
    cost = asynchrony(rule, workers)
    assert speed == pytest.approx(1.0 / cost.stretch, rel=1e-6)
    assert behind == pytest.approx(cost.lag_steps, rel=1e-6)


def _averaged(noise: FloatArray, rate: float, period: int) -> Any:
    """Return the mean of the weights after steps with noise of shape (steps, workers)."""
    weights = np.ones(noise.shape[1])
    for step, drawn in enumerate(noise, start=1):
        weights -= rate * (weights + drawn)
        if step % period == 0:
            weights[:] = weights.mean()
    return weights.mean()


def test_the_mean_of_weights_moves_as_if_gradients_were_averaged() -> None:
    noise = np.random.default_rng(0).standard_normal((256, 4))
    assert _averaged(noise, 0.1, 64) == pytest.approx(_averaged(noise, 0.1, 1), rel=1e-12)
