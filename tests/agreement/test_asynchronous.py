"""Rules of synchronisation: what SimPy executes is what closed forms say.

Random cases are replicated with fixed seeds; a closed form must lie within the 99.9 % confidence interval
of the mean over replications (Student, 19 degrees of freedom). Constant times agree exactly.
"""

from collections.abc import Callable, Sequence

import numpy as np
import pytest

from nearlinear.models.arrays import FloatArray
from nearlinear.models.training.compute_spread import Lattice, gamma, lognormal
from nearlinear.models.training.gossip_pushes import merge_age_s, received, sent
from nearlinear.models.training.jitter import Jitter
from nearlinear.models.training.server_queue import bounds, in_turn, mean_values
from nearlinear.models.training.staleness import geometric, never_resting, queued, renewal
from nearlinear.models.training.synchronisation import (
    AsynchronousServer,
    BulkSynchronous,
    ElasticAveraging,
    Gossip,
    Rule,
    StaleSynchronous,
)  # fmt: skip
from nearlinear.simulator.asynchronous.course import Course, run_course
from nearlinear.simulator.asynchronous.crew import Crew, Links, Visits
from nearlinear.simulator.asynchronous.durations import Draw, constant, drawn, exponential

REPLICATIONS = 20
STUDENT = 3.883  # 99.9 %, two-sided, 19 degrees of freedom
STUDENT_OF_MANY = 5.0  # for each of some dozen probabilities at once
COMPUTE = 10**7  # ticks


def _crew(
    workers: int, service: float, rule: Rule | None = None, steps: int = 400, seed: int = 0, servers: int = 1,
    draw: Draw = constant, service_draw: Draw = constant, slow: Sequence[int] = (), answer: int = 0,
) -> Crew:  # fmt: skip
    """Return workers that compute for COMPUTE, and are served for ``service`` times that."""
    each = np.full(workers, round(service * COMPUTE))
    step = np.full(workers, COMPUTE)
    step[list(slow)] *= 2
    return Crew(
        rule=rule or AsynchronousServer(), step_ticks=step, draw=draw, steps=steps, seed=(seed,),
        visits=Visits(bring_ticks=each, answer_ticks=np.full(workers, answer), servers=servers,
                      draw=service_draw),
    )  # fmt: skip


def _replicated(course: Callable[[int], Course], value: Callable[[Course], object]) -> FloatArray:
    return np.array([value(course(seed)) for seed in range(REPLICATIONS)], dtype=float)


def _holds(samples: FloatArray, expected: object, student: float = STUDENT) -> bool:
    """Return whether values lie within the confidence interval of the mean of replications."""
    half = student * samples.std(axis=0, ddof=1) / np.sqrt(len(samples))
    return bool((np.abs(samples.mean(axis=0) - expected) <= half + 1e-12).all())


def _rate(course: Course) -> float:
    """Visits of all workers per COMPUTE, one per step."""
    return course.crew.workers * COMPUTE / course.step_ticks


def _use(course: Course) -> float:
    return float(course.busy.mean()) / course.ticks


def _distribution(course: Course, length: int) -> FloatArray:
    return np.bincount(np.minimum(course.missed, length), minlength=length + 1)[:length] / len(course.missed)


RATIOS = [(2, 0.5), (4, 0.1), (8, 0.2), (16, 0.02), (5, 2.0)]


@pytest.mark.parametrize(("workers", "service"), RATIOS)
@pytest.mark.parametrize("draw", [exponential, constant])
def test_exponential_service_is_a_machine_repairman(workers: int, service: float, draw: Draw) -> None:
    """Throughput, utilisation and queue are those of M/M/1//N, whatever the distribution of compute."""

    def course(seed: int) -> Course:
        return run_course(_crew(workers, service, seed=seed, draw=draw, service_draw=exponential))

    load = mean_values(workers, 1.0, service)
    found = _replicated(course, lambda c: (_rate(c), _use(c), c.waiting * workers))
    assert _holds(found, (load.visits_per_s, load.utilisation, load.queued))


def test_several_servers_are_a_closed_network() -> None:
    def course(seed: int) -> Course:
        return run_course(_crew(6, 0.2, seed=seed, servers=3, draw=exponential, service_draw=exponential))

    load = mean_values(6, 1.0, 0.2, servers=3)
    found = _replicated(course, lambda c: (_rate(c), _use(c), c.waiting * 6 / 3))
    assert _holds(found, (load.visits_per_s, load.utilisation, load.queued))


@pytest.mark.parametrize(("workers", "service"), RATIOS)
def test_staleness_with_a_queue(workers: int, service: float) -> None:
    expected = queued(workers, 1.0, service)
    length = int(np.flatnonzero(expected > 0.01)[-1]) + 1

    def course(seed: int) -> Course:
        return run_course(_crew(workers, service, seed=seed, draw=exponential, service_draw=exponential))

    found = _replicated(course, lambda c: _distribution(c, length))
    assert _holds(found, expected[:length], STUDENT_OF_MANY)


@pytest.mark.parametrize("workers", [2, 5, 12])
def test_staleness_of_exponential_compute_is_geometric(workers: int) -> None:
    expected = geometric(workers)
    length = int(np.flatnonzero(expected > 0.01)[-1]) + 1

    def course(seed: int) -> Course:
        return run_course(_crew(workers, 1e-6, seed=seed, draw=exponential))

    found = _replicated(course, lambda c: _distribution(c, length))
    assert _holds(found, expected[:length], STUDENT_OF_MANY)
    means = _replicated(course, lambda c: c.missed.mean())
    assert means.mean() == pytest.approx(workers - 1, rel=0.01)


@pytest.mark.parametrize(
    ("draw", "cycle", "period"),
    [
        (drawn(Jitter(family="gamma", spread=0.5)), gamma(1.0, 4.0), 1),
        (drawn(Jitter(spread=0.3)), lognormal(1.0, 0.3), 1),
        (drawn(Jitter(spread=0.5)), lognormal(1.0, 0.5, steps=2), 2),
    ],
)
def test_staleness_of_any_compute_is_a_superposition_of_renewals(
    draw: Draw, cycle: Lattice, period: int
) -> None:
    expected = renewal(6, cycle)
    length = int(np.flatnonzero(expected > 0.01)[-1]) + 1

    def course(seed: int) -> Course:
        rule = AsynchronousServer(period=period)
        return run_course(_crew(6, 1e-6, rule, steps=800, seed=seed, draw=draw))

    found = _replicated(course, lambda c: _distribution(c, length))
    assert _holds(found, expected[:length], STUDENT_OF_MANY)


@pytest.mark.parametrize(
    ("workers", "service", "spread"), [(16, 0.25, 0.3), (24, 0.1, 0.3), (32, 0.07, 0.1), (12, 0.5, 0.4)]
)
def test_staleness_at_a_server_that_never_rests(workers: int, service: float, spread: float) -> None:
    expected = never_resting(workers, lognormal(1.0, spread), service)
    some = np.flatnonzero(expected > 0.01)

    def course(seed: int) -> Course:
        return run_course(_crew(workers, service, seed=seed, draw=drawn(Jitter(spread=spread))))

    found = _replicated(course, lambda c: _distribution(c, int(some[-1]) + 1)[some])
    assert _holds(found, expected[some], STUDENT_OF_MANY)


@pytest.mark.parametrize(("workers", "service"), [*RATIOS, (3, 0.5), (9, 0.125)])
@pytest.mark.parametrize("period", [1, 3])
def test_constant_times_are_exact(workers: int, service: float, period: int) -> None:
    """All in turn: one misses the moves of all others, once; nobody waits, or the server never rests."""
    course = run_course(_crew(workers, service, AsynchronousServer(period=period), steps=60))
    load = in_turn(workers, float(period), service)
    assert _rate(course) / period == pytest.approx(load.visits_per_s, rel=1e-12)
    assert _use(course) == pytest.approx(load.utilisation, rel=1e-12)
    assert course.waiting * workers == pytest.approx(load.queued, rel=1e-9, abs=1e-9)
    assert set(course.missed.tolist()) == {workers - 1}


@pytest.mark.parametrize(("workers", "service"), RATIOS)
def test_nothing_is_outside_the_bounds(workers: int, service: float) -> None:
    least, most = bounds(workers, 1.0, service)
    draws = (constant, exponential, drawn(Jitter(spread=0.2)))
    found = [_rate(run_course(_crew(workers, service, draw=d, service_draw=constant))) for d in draws]
    assert all(0.9 * least <= rate <= 1.1 * most for rate in found)  # 400 steps have a spread of their own


def test_a_full_elastic_server_gives_one_visit_per_service() -> None:
    """12 workers want 12 / (8 + 1) visits per step of compute; the server gives 1 per service of 1."""
    course = run_course(_crew(12, 1.0, ElasticAveraging(period=8), steps=80, draw=drawn(Jitter(spread=0.05))))
    visits = 12 * course.crew.counted / 8
    assert visits * COMPUTE / course.ticks == pytest.approx(1.0, rel=0.02)
    assert _use(course) == pytest.approx(1.0, abs=1e-9)


def test_a_slow_worker() -> None:
    """Worker 0 takes twice as long: 3 fast ones and a slow one make 3.5 steps while a fast one makes one."""
    asgd = run_course(_crew(4, 0.0, slow=[0], steps=400))
    ssp = run_course(_crew(4, 0.0, StaleSynchronous(staleness=2), slow=[0], steps=400))
    rule = BulkSynchronous(averages="weights")
    bsp = run_course(Crew(rule=rule, step_ticks=asgd.crew.step_ticks, steps=400))
    assert _rate(asgd) == pytest.approx(3.5, rel=0.01)
    assert _rate(bsp) == pytest.approx(2.0, rel=1e-12)
    assert asgd.made[1] / asgd.made[0] == pytest.approx(2.0, rel=0.01)
    assert _rate(ssp) == pytest.approx(2.0, rel=0.01)
    assert np.ptp(ssp.made) <= 3
    assert ssp.lead == 2


def test_a_bound_lets_jitter_pass_that_a_barrier_waits_for() -> None:
    """Averaging waits for the slowest of every step; the wider the bound, the less is waited."""
    draw = drawn(Jitter(spread=0.3))
    bulk = Crew(
        rule=BulkSynchronous(averages="weights"), step_ticks=np.full(8, COMPUTE), draw=draw, steps=400
    )
    bounded = [
        _rate(run_course(_crew(8, 0.0, StaleSynchronous(staleness=s), draw=draw))) for s in (0, 1, 4, 999)
    ]
    free = _rate(run_course(_crew(8, 0.0, draw=draw)))
    assert bounded[0] == pytest.approx(_rate(run_course(bulk)), rel=1e-9)
    assert bounded == sorted(bounded)
    assert bounded[-1] == free
    assert bounded[0] < 0.75 * free


def test_an_endless_bound_is_no_bound() -> None:
    one = run_course(_crew(5, 0.3, StaleSynchronous(staleness=10**6), draw=exponential, answer=10**5))
    other = run_course(_crew(5, 0.3, draw=exponential, answer=10**5))
    assert one.ticks == other.ticks
    assert (one.missed == other.missed).all()


def test_averaging_costs_its_exchange_once_a_period() -> None:
    rule = BulkSynchronous(averages="weights", period=4)
    crew = Crew(rule=rule, step_ticks=np.full(3, COMPUTE), steps=40, average_ticks=COMPUTE // 5)
    assert run_course(crew).step_ticks == COMPUTE * 1.05


def _gossip(workers: int, probability: float, transfer: int, seed: int = 0, draw: Draw = constant) -> Course:
    none = np.zeros((1, workers), dtype=np.int64)
    links = Links(
        transfer_ticks=none + transfer, unit=np.arange(workers)[None, :], inside=none,
        uplinks=np.ones(1, np.int64), merge_ticks=0,
    )  # fmt: skip
    rule = Gossip(probability=probability)
    return run_course(
        Crew(rule=rule, step_ticks=np.full(workers, COMPUTE), draw=draw, steps=400, seed=(seed,), links=links)
    )


@pytest.mark.parametrize("probability", [0.02, 0.3])
def test_pushes_are_binomial(probability: float) -> None:
    def course(seed: int) -> Course:
        return _gossip(10, probability, 0, seed)

    expected, came = sent(400, probability), received(10, 400, probability)
    means = _replicated(course, lambda c: (c.sent.mean(), c.received.mean()))
    assert _holds(means, (expected.mean, came.mean))
    counts = _replicated(course, lambda c: c.sent.var(ddof=1))
    assert _holds(counts, expected.variance)
    assert _holds(_replicated(course, lambda c: c.received.var(ddof=1)), came.variance)


@pytest.mark.parametrize(
    ("draw", "deviation", "mean"), [(exponential, 1.0, 1.0), (drawn(Jitter(spread=0.4)), 0.4513, 1.0833)]
)
def test_the_age_of_a_merge(draw: Draw, deviation: float, mean: float) -> None:
    """Log-normal of 0.4: mean exp(0.08) = 1.0833, deviation 1.0833 sqrt(exp(0.16) - 1) = 0.4513."""

    def course(seed: int) -> Course:
        return _gossip(20, 0.05, COMPUTE // 4, seed, draw)

    ages = _replicated(course, lambda c: c.ages.mean() / COMPUTE)
    # Links are held by other pushes now and then: a push every 20 steps for a quarter of a step each way.
    assert ages.mean() == pytest.approx(merge_age_s(0.25, mean, deviation), rel=0.02)


def test_the_age_of_a_merge_in_phase() -> None:
    """Constant steps begin together: a push of a quarter of a step is merged at the end of that step."""
    ages = _gossip(2, 0.5, COMPUTE // 4).ages
    assert set(ages.tolist()) == {COMPUTE}


def test_a_sender_waits_for_its_last_push_only() -> None:
    """A push at every step takes three steps: links give the pace, one push per three steps of compute."""
    course = _gossip(2, 1.0, 3 * COMPUTE)
    assert course.step_ticks == pytest.approx(3 * COMPUTE, rel=0.01)
    assert course.busy.mean() == pytest.approx(course.ticks, rel=0.01)
