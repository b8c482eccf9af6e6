"""Fits find the parameters that made the data, and refuse data that say nothing."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nearlinear.calibrate.fit import Fit, fit
from nearlinear.calibrate.forms import Inside, Kind
from nearlinear.calibrate.held import summarise
from nearlinear.calibrate.points import medians
from nearlinear.calibrate.problem import Problem
from nearlinear.calibrate.splits import hold_out_sizes
from nearlinear.calibrate.uncertainty import bootstrap, predict_by_fit, spread_of
from nearlinear.measure.records import Sample
from nearlinear.models.errors import FitError
from nearlinear.models.hardware.message import LinkCost
from tests.unit.calibrate.measured import SIZES, file_of, samples


def _problem(*groups: list[Sample], inner: LinkCost | None = None) -> Problem:
    return Problem.of(medians([file_of(*groups)]), Inside(inner) if inner else None)


def _best(problem: Problem) -> tuple[Fit, LinkCost]:
    found = fit(problem)
    return found, problem.cost(found.theta, found.breaks)


@pytest.mark.parametrize("algorithm", ["vendor", "ring", "tree", "recursive-doubling", "ps", "asa"])
@pytest.mark.parametrize(("latency_s", "bandwidth"), [(1e-6, 1e9), (3e-5, 2.5e10), (1e-3, 1e6)])
def test_exact_data_give_the_parameters_back(algorithm: str, latency_s: float, bandwidth: float) -> None:
    best, cost = _best(_problem(samples(algorithm, LinkCost.of(latency_s, bandwidth))))
    assert cost.latency_s.item() == pytest.approx(latency_s, rel=1e-5)
    assert 1 / cost.seconds_per_byte[-1].item() == pytest.approx(bandwidth, rel=1e-5)
    assert len(best.breaks) == 0


def test_two_algorithms_tell_adding_from_moving() -> None:
    known = LinkCost.of(2e-6, 5e9, 2e-10)
    problem = _problem(samples("ring", known), samples("tree", known), samples("recursive-doubling", known))
    _, cost = _best(problem)
    assert problem.reduction
    assert cost.reduction_s_per_byte.item() == pytest.approx(2e-10, rel=1e-4)
    assert cost.seconds_per_byte[0].item() == pytest.approx(2e-10, rel=1e-4)


@pytest.mark.parametrize("algorithms", [["ring"], ["vendor"], ["ring", "vendor"]])
def test_what_cannot_be_told_is_not_fitted(algorithms: list[str]) -> None:
    problem = _problem(*(samples(name, LinkCost.of(1e-6, 1e9)) for name in algorithms))
    assert not problem.reduction


def test_protocols_that_switch_give_pieces() -> None:
    slow, fast = 1 / 0.2e9, 1 / 10e9
    known = LinkCost(
        latency_s=np.array([[5e-6]]),
        seconds_per_byte=(np.array([[slow]]), np.array([[fast]])),
        break_bytes=(2.0**16,),
        reduction_s_per_byte=np.zeros((1, 1)),
    )
    best, cost = _best(_problem(samples("vendor", known, operation="sendrecv", ranks=2, noise=0.02)))
    assert len(best.breaks) >= 1
    assert 1 / cost.seconds_per_byte[-1].item() == pytest.approx(10e9, rel=0.1)
    assert cost.transfer_s(SIZES) == pytest.approx(known.transfer_s(SIZES), rel=0.05)


def test_no_piece_without_need() -> None:
    best, _ = _best(_problem(samples("ring", LinkCost.of(1e-5, 1e9), noise=0.05, repeats=5)))
    assert len(best.breaks) == 0


def test_one_bad_point_does_not_pull() -> None:
    taken = samples("ring", LinkCost.of(1e-5, 1e9))
    taken[9] = replace(taken[9], time_s=taken[9].time_s * 50)
    _, cost = _best(_problem(taken))
    assert cost.latency_s.item() == pytest.approx(1e-5, rel=0.05)
    assert 1 / cost.seconds_per_byte[-1].item() == pytest.approx(1e9, rel=0.05)


def test_a_network_is_fitted_on_top_of_the_nodes() -> None:
    inner, outer = LinkCost.of(3e-6, 200e9), LinkCost.of(15e-6, 10e9)
    taken = samples("vendor", outer, ranks=32, nodes=4, inner=inner, sizes=2.0 ** np.arange(10, 33))
    _, cost = _best(_problem(taken, inner=inner))
    assert cost.latency_s.item() == pytest.approx(15e-6, rel=1e-3)
    assert 1 / cost.seconds_per_byte[-1].item() == pytest.approx(10e9, rel=1e-3)


@given(
    latency=st.floats(-7, -3), bandwidth=st.floats(6, 11), noise=st.floats(0, 0.2), seed=st.integers(0, 1000)
)
def test_fitted_time_rises_with_size(latency: float, bandwidth: float, noise: float, seed: int) -> None:
    taken = samples("ring", LinkCost.of(10**latency, 10**bandwidth), noise=noise, seed=seed)
    _, cost = _best(_problem(taken))
    times = Kind("allreduce", "ring", 4, 1, np.arange(400)).time_s(2.0 ** np.linspace(3, 34, 400), cost, None)
    assert (np.diff(times) > 0).all()


@pytest.mark.parametrize("sizes", [[1024.0], [1024.0, 2048.0, 4096.0]])
def test_too_few_sizes(sizes: list[float]) -> None:
    problem = _problem(samples("ring", LinkCost.of(1e-6, 1e9), sizes=np.array(sizes)))
    with pytest.raises(
        FitError, match=r"needs at least 4 different sizes .* measure from 1K to 64M"
    ) as caught:
        fit(problem)
    assert caught.value.exit_code == 7


def test_bootstrap_covers_the_truth_about_as_often_as_it_says() -> None:
    covered = []
    for seed in range(40):
        problem = _problem(samples("ring", LinkCost.of(1e-5, 1e9), noise=0.1, seed=seed))
        theta = bootstrap(problem, fit(problem), 200, seed)
        low, high = np.percentile(theta[:, 1], [5, 95])
        covered.append(low <= np.log(1e-9) <= high)
    assert 0.7 <= np.mean(covered) <= 1.0  # 19 sizes are few, the pairs bootstrap is a little narrow


def test_bootstrap_starts_with_the_best_fit_and_repeats_exactly() -> None:
    problem = _problem(samples("ring", LinkCost.of(1e-5, 1e9), noise=0.1))
    best = fit(problem)
    theta = bootstrap(problem, best, 50, 7)
    assert (theta[0] == best.theta).all()
    assert theta.shape == (50, 2)
    assert (theta == bootstrap(problem, best, 50, 7)).all()
    assert theta[1:, 1].std() > 0


@pytest.mark.parametrize("noise", [0.02, 0.1])
def test_spread_is_that_of_the_noise(noise: float) -> None:
    problem = _problem(
        samples("ring", LinkCost.of(1e-5, 1e9), noise=noise, sizes=2.0 ** np.arange(8, 28, 0.25))
    )
    assert spread_of(problem, 0).inside == pytest.approx(noise, rel=0.35)


def test_held_out_points_lie_in_the_band() -> None:
    inside, total = 0.0, 0
    for seed in range(10):
        taken = samples(
            "ring", LinkCost.of(1e-5, 1e9), noise=0.1, seed=seed, sizes=2.0 ** np.arange(8, 28, 0.5)
        )
        problem = _problem(taken)
        held = predict_by_fit(problem, hold_out_sizes(problem.points, 0.2, seed), 200, seed)
        assert held is not None
        assert held.held.sum() == held.summary.points
        inside += held.summary.coverage_90 * held.summary.points
        total += held.summary.points
    assert 0.8 <= inside / total <= 0.98


def test_too_few_sizes_to_hold_any_out() -> None:
    problem = _problem(samples("ring", LinkCost.of(1e-5, 1e9), sizes=2.0 ** np.arange(10, 14)))
    assert predict_by_fit(problem, hold_out_sizes(problem.points, 0.0, 0), 100, 0) is None
    assert predict_by_fit(problem, hold_out_sizes(problem.points, 0.2, 0), 100, 0) is None  # three are left


def test_summary_by_hand() -> None:
    measured = np.array([1.0, 2.0, 4.0])
    errors = summarise(measured, np.array([1.1, 2.0, 2.0]), measured * 0.9, np.array([1.2, 2.2, 3.0]))
    assert errors.median_ape == pytest.approx(0.1)
    assert errors.p95_ape == pytest.approx(0.46)
    assert errors.coverage_90 == pytest.approx(2 / 3)
    assert errors.points == 3
