"""Jitter, order statistics and loading: hand-computed values."""

import math

import numpy as np
import pytest

from nearlinear.models.errors import SpecError
from nearlinear.models.training.jitter import FAMILIES, Jitter
from nearlinear.models.training.loading import Loader, tandem_rate_per_s
from nearlinear.models.training.order_statistics import (
    expected_maximum,
    harmonic,
    integral_of_maximum,
)


def test_spellings_of_jitter() -> None:
    assert Jitter.of("3%") == Jitter(family="lognormal", spread=0.03)
    assert Jitter.of("log-normal:0.03") == Jitter.of("3%")
    assert Jitter.of("Exponential:100%") == Jitter(family="exponential", spread=1.0)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("gama:3%", r"--jitter: must be a known word, got 'gama'; did you mean gamma\?"),
        ("gamma:", "--jitter: must be a fraction, got ''; write 20% or 0.2"),
        ("130%", r"--jitter: must lie in 0..1, got '130%'"),
        ("often", "--jitter: must be a fraction, got 'often'"),
    ],
)
def test_what_is_no_jitter(text: str, message: str) -> None:
    with pytest.raises(SpecError, match=message):
        Jitter.of(text)


def test_a_constant_with_a_tail_is_never_below_it() -> None:
    with pytest.raises(SpecError, match="must be at most 100% where exponential, got 1.5"):
        Jitter(family="exponential", spread=1.5)


@pytest.mark.parametrize("family", FAMILIES)
def test_moments_of_draws(family: str) -> None:
    """Mean 1 (log-normal: exp(s^2/2) = 1.0202) and standard deviation s, within 4 standard errors."""
    draws = Jitter(family=family, spread=0.2).draw(np.random.default_rng(1), (200_000,))
    mean = math.exp(0.02) if family == "lognormal" else 1.0
    deviation = mean * math.sqrt(math.exp(0.04) - 1) if family == "lognormal" else 0.2
    assert abs(draws.mean() - mean) < 4 * deviation / math.sqrt(200_000)
    assert draws.std() == pytest.approx(deviation, rel=0.02)


def test_harmonic_numbers() -> None:
    assert harmonic(1) == 1.0
    assert harmonic(3) == pytest.approx(11 / 6)
    assert harmonic(10_001) == pytest.approx(float((1 / np.arange(1, 10_002)).sum()), rel=1e-14)


def test_the_larger_of_two_normals_lies_a_root_of_pi_above() -> None:
    """E max of two standard normals is 1/sqrt(pi) = 0.5642; gamma is normal for small spreads."""
    found = expected_maximum(Jitter(family="gamma", spread=0.001), [(2, 1.0)])
    assert (found - 1.0) / 0.001 == pytest.approx(0.56419, abs=2e-4)


def test_the_larger_of_two_lognormals() -> None:
    """E max = 2 exp(s^2/2) Phi(s/sqrt 2); with s = 1, 2 x 1.648721 x 0.760250 = 2.506879."""
    assert expected_maximum(Jitter(spread=1.0), [(2, 1.0)]) == pytest.approx(2.506879, rel=1e-5)


@pytest.mark.parametrize("devices", [1, 2, 64, 100_000])
@pytest.mark.parametrize("spread", [0.03, 0.5, 1.0])
def test_the_integral_is_exact_where_a_formula_is(devices: int, spread: float) -> None:
    jitter = Jitter(family="exponential", spread=spread)
    exact = 1 - spread + spread * harmonic(devices)
    assert integral_of_maximum(jitter, [(devices, 1.0)]) == pytest.approx(exact, rel=1e-6)
    assert expected_maximum(jitter, [(devices, 2.0)]) == pytest.approx(2 * exact, rel=1e-12)


def test_gamma_of_spread_one_is_exponential() -> None:
    """The slowest of 4 is H_4 = 25/12."""
    assert expected_maximum(Jitter(family="gamma", spread=1.0), [(4, 1.0)]) == pytest.approx(
        25 / 12, rel=1e-5
    )


def test_groups_that_cannot_meet_are_the_slower_one() -> None:
    jitter = Jitter(spread=0.01)
    assert expected_maximum(jitter, [(56, 1.0), (8, 2.0)]) == pytest.approx(
        expected_maximum(jitter, [(8, 2.0)]), rel=1e-7
    )


def test_lasting_slowness_adds_to_jitter_as_variances_do() -> None:
    both = expected_maximum(Jitter(spread=0.03, rank_spread=0.04), [(64, 1.0)])
    assert both == pytest.approx(expected_maximum(Jitter(spread=0.05), [(64, 1.0)]), rel=1e-5)


def test_the_queue_of_a_loader() -> None:
    """L = 1, S = 2, one place: r = 2, P0 = 1/(1 + 2 + 4), rate (6/7)/2; many places: the slower one's."""
    assert tandem_rate_per_s(1.0, 2.0, 1) == pytest.approx(3 / 7)
    assert tandem_rate_per_s(1.0, 1.0, 4) == pytest.approx(5 / 6)
    assert tandem_rate_per_s(1.0, 2.0, 200) == pytest.approx(0.5)
    assert tandem_rate_per_s(2.0, 1.0, 200) == pytest.approx(0.5)


def test_loaders_of_a_node_are_shared() -> None:
    assert Loader(time_s=0.1).pace_s(16, 8) == pytest.approx(0.1)
    assert Loader(time_s=0.1, per_node=3).pace_s(16, 8) == pytest.approx(0.3)
    assert Loader(time_s=0.1, per_node=16).pace_s(16, 8) == pytest.approx(0.1)
    assert Loader(time_s=0.1, per_node=2).pace_s(3, 8) == pytest.approx(0.2)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"prefetch": 0}, "--prefetch: must lie in 1..1000, got 0"),
        ({"per_node": 0}, "--loaders-per-node: must be >= 1, got 0"),
    ],
)
def test_loaders_that_cannot_be(given: dict[str, int], message: str) -> None:
    with pytest.raises(SpecError, match=message):
        Loader(time_s=0.1, **given)  # type: ignore[arg-type]


@pytest.mark.parametrize("spread", [0.05, 0.3, 0.33, 0.38, 1.0, 1.5, 3.0])
def test_one_device_of_gamma_takes_its_mean(spread: float) -> None:
    jitter = Jitter(family="gamma", spread=spread)
    assert expected_maximum(jitter, [(1, 1.0)]) == pytest.approx(1.0, rel=2e-3)
    assert expected_maximum(jitter, [(64, 1.0)]) > 1.0 + spread
