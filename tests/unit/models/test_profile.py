import numpy as np

from nearlinear.models.link_profile import Interval


def test_interval_of_samples() -> None:
    samples = np.arange(101.0)[:, None]
    samples[[0, 50]] = samples[[50, 0]]
    assert Interval.of(samples) == Interval(best=50.0, low=5.0, high=95.0)


def test_interval_holds_the_best_fit() -> None:
    samples = np.linspace(1.0, 2.0, 101)[:, None]
    samples[0] = 3.0
    assert Interval.of(samples).high == 3.0
    samples[0] = 0.5
    assert Interval.of(samples).low == 0.5


def test_interval_in_units() -> None:
    assert Interval(best=2e-6, low=1e-6, high=4.5e-6).shown(1e-6) == "2 [1 - 4.5]"
