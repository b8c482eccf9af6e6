"""The learning rate at other batches, and how often workers exchange: FireCaffe's lever of the batch."""

import math

import pytest

from nearlinear.models.closed_form import predict
from nearlinear.models.economics.learning_rate import LearningRate, learning_rate
from nearlinear.models.errors import SpecError
from nearlinear.models.scenario import Scenario
from nearlinear.models.training.synchronisation import AsynchronousServer


def test_linear_far_below_the_critical_batch() -> None:
    """NiN of FireCaffe: 0.01 at 256 becomes 0.04 at 1024."""
    assert LearningRate(256, 0.01).at(1024) == pytest.approx(0.04)
    assert LearningRate(256, 0.01).at(1024, 1e9) == pytest.approx(0.04, rel=1e-5)


def test_it_saturates_beyond() -> None:
    rate = LearningRate(100, 0.1)
    # 10 times the batch at a critical batch of 300: 0.1 x 10 x 400/1300
    assert rate.at(1000, 300.0) == pytest.approx(4 / 13)
    assert rate.at(1e12, 300.0) == pytest.approx(0.1 / 100 * 400, rel=1e-6)


@pytest.mark.parametrize("raw", ["0.01", "256", "256:x", "0:0.1", "256:-1", "256:inf", "a:0.1", ""])
def test_what_is_no_rate(raw: str) -> None:
    with pytest.raises(SpecError, match="--learning-rate: must be a global batch and a learning rate, got"):
        learning_rate(raw, "--learning-rate")


def test_a_larger_batch_exchanges_less_often() -> None:
    scenario = Scenario.of(
        model="nin", cluster="titan", devices="1,4", batch_per_device=256, epochs=47, epoch_samples=1_200_000,
        learning_rate="256:0.01",
    )  # fmt: skip
    ends = [point.until_target for point in predict(scenario).points]
    assert [end.exchanges_per_epoch for end in ends if end] == pytest.approx([4687.5, 1171.875])
    assert [end.learning_rate for end in ends if end] == pytest.approx([0.01, 0.04])
    assert Scenario.of(model="nin", cluster="titan", epochs=47).target.learning_rate is None
    table = scenario.to_tables()["target"]
    assert table["learning-rate"] == "256:0.01"
    again = Scenario.of(model="nin", cluster="titan", epochs=47, learning_rate=table["learning-rate"])
    assert again.target.learning_rate == LearningRate(256, 0.01)
    assert math.isfinite(LearningRate(256, 0.01).at(1024))


def test_a_rate_needs_a_target() -> None:
    with pytest.raises(SpecError, match="--learning-rate: needs a target, got '256:0.01'"):
        Scenario.of(model="nin", cluster="titan", learning_rate="256:0.01")


def test_moves_that_are_added_want_a_part_of_it() -> None:
    scenario = Scenario.of(
        model="nin", cluster="titan", devices="1,4", batch_per_device=256, epochs=47, learning_rate="256:0.01"
    )
    ends = [point.until_target for point in predict(scenario, AsynchronousServer(period=2)).points]
    assert [end.learning_rate for end in ends if end] == pytest.approx([0.01, 0.01])
    assert ends[0] is not None
    assert ends[0].exchanges_per_epoch == pytest.approx(1_281_167 / 256 / 2)
