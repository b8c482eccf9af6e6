"""Epochs under rules of synchronisation: by hand, and what is refused."""

import numpy as np
import pytest

from nearlinear.models.closed_form import predict
from nearlinear.models.economics.asynchrony import Asynchrony, asynchrony, draw_epochs, epochs, stable_step
from nearlinear.models.economics.convergence import Convergence, Interval, samples_to_target
from nearlinear.models.errors import SpecError
from nearlinear.models.scenario import Scenario
from nearlinear.models.training.rule_step import visited_s
from nearlinear.models.training.synchronisation import (
    AsynchronousServer,
    BulkSynchronous,
    ElasticAveraging,
    Gossip,
    Rule,
    StaleSynchronous,
)  # fmt: skip

EPOCH = 32_000.0
TEN, THOUSAND = np.array([[10.0]]), np.array([[1000.0]])
CURVE = Convergence(
    minimum=Interval(value=10, low=10, high=10), critical_batch=Interval(value=1000, low=1000, high=1000)
)


def _ends(cost: Asynchrony, batch: float = 1000.0) -> tuple[float, float]:
    least, most = epochs(cost, batch, TEN, THOUSAND, EPOCH)
    return float(least[0, 0]), float(most[0, 0])


def test_averaged_gradients_are_the_curve() -> None:
    assert _ends(asynchrony(BulkSynchronous(), 4)) == (20.0, 20.0)
    drawn = draw_epochs(CURVE, [Asynchrony(workers=4)], np.array([1000.0]), EPOCH, 5, seed=3)
    assert (drawn == samples_to_target(np.array([[1000.0]]), *CURVE.draw_parameters(5, seed=3))).all()


def test_weights_that_are_averaged_now_and_then() -> None:
    """20 epochs are 640 steps, 64 of them apart: a tenth of the way to 4 workers alone, 4 x 12.5 epochs."""
    cost = asynchrony(BulkSynchronous(averages="weights", period=65), 4)
    assert cost == Asynchrony(workers=4, alone_steps=64.0)
    assert _ends(cost) == pytest.approx((20.0, 20.0 + 0.1 * 30.0))


def test_workers_that_never_meet_take_what_each_takes_alone() -> None:
    cost = asynchrony(BulkSynchronous(averages="weights", period=10**6), 4)
    assert _ends(cost)[1] == pytest.approx(50.0)


def test_delay_multiplies_what_is_not_noise() -> None:
    """3 workers, 2 moves missed: 2 sin(pi/10) = 0.618, and 2/(3 x 0.618) = 1.079."""
    cost = asynchrony(AsynchronousServer(), 3)
    assert cost.stretch == pytest.approx(1.0787, abs=1e-4)
    assert _ends(cost) == pytest.approx((10.0 + 10.0 * cost.stretch,) * 2)
    # moves of 2 steps: 1 - sqrt(1 - 0.618) = 0.382
    assert stable_step(2, period=2) == pytest.approx(0.3820, abs=1e-4)


def test_many_workers_pay_four_over_pi_at_most() -> None:
    assert asynchrony(AsynchronousServer(), 10_000).stretch == pytest.approx(4.0 / np.pi, rel=1e-3)
    assert [asynchrony(AsynchronousServer(period=k), 2).stretch for k in (1, 4, 16)] == pytest.approx(
        [1.0] * 3
    )
    assert asynchrony(AsynchronousServer(period=4), 1) == Asynchrony(workers=1)


def test_elastic_averaging_by_hand() -> None:
    """4 workers: 5/4; 8 steps at 1/2 lag 4 steps, 4000 of 32000 samples; deviations last for 16 steps."""
    cost = asynchrony(ElasticAveraging(period=8), 4)
    assert cost == Asynchrony(workers=4, stretch=1.25, lag_steps=4.0, alone_steps=15.0)
    least = 10.0 + 12.5 + 0.125
    assert _ends(cost) == pytest.approx((least, least + 15.0 / (32.0 * least) * (50.0 - least)))


def test_the_band_is_between_both_ends() -> None:
    cost = asynchrony(BulkSynchronous(averages="weights", period=65), 4)
    drawn = draw_epochs(CURVE, [cost], np.array([1000.0]), EPOCH, 2001, seed=0)
    assert 20.0 <= drawn.min() < 20.1
    assert 22.9 < drawn.max() <= 23.0


@pytest.mark.parametrize("rule", [Gossip(), StaleSynchronous()])
def test_rules_of_which_nothing_is_known(rule: Rule) -> None:
    with pytest.raises(SpecError, match="--rule: must be one whose epochs are known"):
        asynchrony(rule, 4)


def test_workers_wait_for_nobody_or_for_the_link_of_the_server() -> None:
    assert visited_s(1.0, 2.0, 2.0, 3, 1) == 6.0  # 3 letters of 2 s a step
    assert visited_s(1.0, 2.0, 2.0, 3, 4) == 2.0  # 4 x 1 + 2 x 2 s in 4 steps
    assert visited_s(1.0, 2.0, 2.0, 1, 1) == 5.0
    assert visited_s(1.0, 1.0, 0.5, 8, 2, servers=2) == 4.0  # 8 x 1 in 2 steps, more than 2 + 2 x 1.5


def test_a_rule_prices_steps_and_epochs() -> None:
    asked = {"model": "resnet50", "cluster": "p4d", "per_node": 1, "devices": "1,8", "samples": 101}
    scenario = Scenario.of(**asked, until_accuracy=True)
    plain, elastic = predict(scenario), predict(scenario, ElasticAveraging(period=8))
    assert elastic.title.endswith("rule easgd, period 8, elasticity 0.5")
    assert elastic.inputs["rule"] == {"name": "easgd", "period": 8, "elasticity": 0.5}
    assert [point.algorithm for point in elastic.points] == ["easgd", "easgd"]
    assert elastic.points[0].step_time_s == plain.points[0].step_time_s  # alone there is nobody to visit
    one, other = plain.points[1], elastic.points[1]
    assert other.breakdown_s.exposed_communication_s < one.breakdown_s.exposed_communication_s
    assert one.until_target is not None
    assert other.until_target is not None
    assert other.until_target.epochs.median > one.until_target.epochs.median
    assert any("quadratic" in warning for warning in elastic.warnings)


def test_weights_averaged_every_few_steps_share_the_exchange() -> None:
    asked = {"model": "resnet50", "cluster": "p4d", "per_node": 1, "devices": "8"}
    every, eighth = (
        predict(Scenario.of(**asked), BulkSynchronous(averages="weights", period=k)).points[0].breakdown_s
        for k in (1, 8)
    )
    ratio = every.exposed_communication_s / eighth.exposed_communication_s
    assert ratio == pytest.approx(8.0, rel=0.1)  # means over the middle samples of two runs


@pytest.mark.parametrize("rule", [AsynchronousServer(period=8), ElasticAveraging(period=64)])
def test_one_worker_descends_as_ever(rule: Rule) -> None:
    assert asynchrony(rule, 1) == asynchrony(BulkSynchronous(), 1)
