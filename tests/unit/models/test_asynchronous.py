"""Closed forms of asynchronous training by hand."""

from math import comb, exp

import numpy as np
import pytest

from nearlinear.models.case import Case
from nearlinear.models.hardware.message import LinkCost
from nearlinear.models.hardware.topology import Topology
from nearlinear.models.parameters import central
from nearlinear.models.scenario import Scenario
from nearlinear.models.training.compute_spread import Lattice, gamma, lognormal, spread_out
from nearlinear.models.training.gossip_pushes import merge_age_s, received, sent
from nearlinear.models.training.jitter import Jitter
from nearlinear.models.training.model import StepModel
from nearlinear.models.training.rule_step import rule_step
from nearlinear.models.training.server_queue import (
    bounds,
    in_turn,
    mean_values,
    occupancy,
    saturating_workers,
)  # fmt: skip
from nearlinear.models.training.server_visit import visit_s
from nearlinear.models.training.staleness import (
    geometric,
    mean_of,
    most_missed,
    never_resting,
    quantile_of,
    queued,
    renewal,
    together,
)  # fmt: skip
from nearlinear.models.training.synchronisation import (
    AsynchronousServer,
    BulkSynchronous,
    ElasticAveraging,
    Gossip,
    Rule,
)  # fmt: skip


def test_a_queue_of_two_by_hand() -> None:
    """Z = 3, s = 1: P(n) ~ 1, 2/3, 2/9 = 9, 6, 2 of 17; X = 8/17, waiting 2/17."""
    assert occupancy(2, 3.0, 1.0) == pytest.approx([9 / 17, 6 / 17, 2 / 17])
    load = mean_values(2, 3.0, 1.0)
    assert (load.visits_per_s, load.utilisation, load.queued) == pytest.approx((8 / 17, 8 / 17, 2 / 17))


@pytest.mark.parametrize(("workers", "service"), [(1, 0.3), (7, 0.1), (30, 0.2), (200, 1.0)])
def test_mean_values_are_those_of_the_chain(workers: int, service: float) -> None:
    """Two ways to one queue: mean-value analysis, and the probabilities of the finite source."""
    chain, load = occupancy(workers, 1.0, service), mean_values(workers, 1.0, service)
    assert load.utilisation == pytest.approx(1.0 - chain[0], rel=1e-10)
    assert load.queued == pytest.approx(np.maximum(np.arange(workers + 1) - 1, 0) @ chain, abs=1e-9)


def test_constant_times_by_hand() -> None:
    """Z = 4, s = 1: 4 workers make 4/5 of a visit per second; 8 want 8/5, get 1, and 8 - 5 wait."""
    few, many = in_turn(4, 4.0, 1.0), in_turn(8, 4.0, 1.0)
    assert (few.visits_per_s, few.utilisation, few.queued) == pytest.approx((0.8, 0.8, 0.0))
    assert (many.visits_per_s, many.utilisation, many.queued) == pytest.approx((1.0, 1.0, 3.0))
    assert bounds(8, 4.0, 1.0) == pytest.approx((8 / 12, 1.0))
    assert saturating_workers(4.0, 1.0) == 5.0
    assert saturating_workers(4.0, 0.5, servers=2) == 10.0
    assert in_turn(3, 4.0, 0.0).visits_per_s == 0.75
    assert saturating_workers(1.0, 0.0) == np.inf


def test_exponential_queues_lie_between_the_bounds() -> None:
    for workers in (1, 3, 10, 40):
        least, most = bounds(workers, 5.0, 0.7)
        assert least <= mean_values(workers, 5.0, 0.7).visits_per_s <= most


def test_every_staleness_has_the_mean_of_all_others() -> None:
    for workers in (2, 5, 17):
        forms = (
            together(workers), geometric(workers), queued(workers, 1.0, 0.3),
            never_resting(workers, lognormal(1.0, 0.2), 4.0), renewal(workers, lognormal(1.0, 0.2)),
            renewal(workers, gamma(2.0, 3.0, more_s=0.5)),
        )  # fmt: skip
        for form in forms:
            assert form.sum() == pytest.approx(1.0, abs=1e-4)
            assert mean_of(form) == pytest.approx(workers - 1, rel=1e-3)


def test_staleness_of_two_by_hand() -> None:
    """Exponential compute, no service: who is next is a coin. Slow service: each is served in turn."""
    assert queued(2, 1.0, 1e-9)[:3] == pytest.approx([0.5, 0.25, 0.125])
    assert queued(2, 1e-9, 1.0)[:3] == pytest.approx([0.0, 1.0, 0.0], abs=1e-6)
    assert renewal(2, gamma(1.0, 1.0))[1:3] == pytest.approx([0.25, 0.125], abs=2e-4)
    assert renewal(9, lognormal(1.0, 0.001))[8] == pytest.approx(1.0, abs=0.02)
    assert quantile_of(geometric(2), 0.95) == 4  # 1/2 + 1/4 + 1/8 + 1/16 = 0.9375 is not enough
    assert quantile_of(together(5), 0.95) == 4
    assert most_missed(4, 0) == 3
    assert most_missed(4, 2) == 15


def test_a_server_that_never_rests_by_hand() -> None:
    """Compute of 0.8 or 1.2 services, half of the workers each; four of them.

    Away for 0.8: who left 0.8 + 1 ago is back, nobody else has left: 3. Away for 1.2: one visit was made
    meanwhile, by whom who left 0.2 ago and still computes: 3 + 1 - 1.
    """
    halves = np.zeros(4096)
    halves[[799, 1199]] = 0.5
    cells = Lattice(width_s=0.001, weight=halves)
    assert never_resting(4, cells, 1.0)[3] == pytest.approx(1.0, abs=1e-6)
    # Away for 2.3 or 0.5: in 2.3 two visits are made. Who left 0.3 ago computes, who left 1.3 ago does with
    # 1/2: so 3 + 2 - 1 or - 2. In 0.5 nobody comes; who left 1.5 ago computes with 1/2: 3 or 2.
    halves = np.zeros(4096)
    halves[[499, 2299]] = 0.5
    found = never_resting(4, Lattice(width_s=0.001, weight=halves), 1.0)
    assert found[2:5] == pytest.approx([0.25, 0.5, 0.25], abs=1e-6)


def test_renewals_over_a_uniform_interval() -> None:
    """One other, gamma of shape 2 with mean 1: P(none in x) = e^(-2x) (1 + x), averaged over the own cycle.

    Integral of 4 x e^(-2x) e^(-2x) (1 + x) = 4 (1/16 + 2/64) = 3/8.
    """
    assert renewal(2, gamma(1.0, 2.0))[0] == pytest.approx(3 / 8, abs=1e-4)


def test_moments_of_a_lattice() -> None:
    """Three log-normal steps: mean 3 exp(s^2/2) + 0.5, variance three times that of one."""
    one = exp(0.2**2) * (exp(0.2**2) - 1)
    cycle = lognormal(1.0, 0.2, more_s=0.5, steps=3)
    assert cycle.mean_s == pytest.approx(3 * exp(0.02) + 0.5, rel=1e-6)
    assert cycle.deviation_s == pytest.approx((3 * one) ** 0.5, rel=1e-4)
    assert gamma(2.0, 4.0).deviation_s == pytest.approx(1.0, rel=1e-4)


@pytest.mark.parametrize(
    ("family", "spread", "mean", "deviation"),
    [
        ("lognormal", 0.2, exp(0.02), exp(0.02) * (exp(0.04) - 1) ** 0.5),
        ("gamma", 0.3, 1.0, 0.3),
        ("exponential", 0.4, 1.0, 0.4),
    ],
)
@pytest.mark.parametrize("steps", [1, 4])
def test_families_of_jitter(family: str, spread: float, mean: float, deviation: float, steps: int) -> None:
    """Steps of 2 s and 0.5 s more: means add, and so do variances."""
    cycle = spread_out(Jitter(family=family, spread=spread), 2.0, 0.5, steps)
    assert cycle is not None
    assert cycle.mean_s == pytest.approx(2 * steps * mean + 0.5, rel=1e-4)
    assert cycle.deviation_s == pytest.approx(2 * deviation * steps**0.5, rel=1e-3)


def test_a_jitter_too_wide_for_a_lattice() -> None:
    assert spread_out(Jitter(family="gamma", spread=1.5), 1.0) is None
    assert spread_out(Jitter(family="gamma", spread=1.5), 1.0, steps=3) is not None


def test_gossip_by_hand() -> None:
    """Ten steps with probability 0.3: mean 3, variance 2.1; four workers receive from three."""
    assert (sent(10, 0.3).mean, sent(10, 0.3).variance) == pytest.approx((3.0, 2.1))
    assert sent(10, 0.3).distribution()[2] == pytest.approx(comb(10, 2) * 0.3**2 * 0.7**8)
    assert sent(4, 1.0).distribution().tolist() == [0, 0, 0, 0, 1]
    came = received(4, 10, 0.3)
    assert (came.mean, came.variance) == pytest.approx((3.0, 3.0 * 0.9))
    assert merge_age_s(0.5, 2.0, 1.0) == pytest.approx(0.5 + 5 / 4)


def test_a_visit_by_hand() -> None:
    """Latency 1, 2 bytes per second, 0.25 s to add a byte; 8 bytes: up 5, adding 2, down 5."""
    topology = Topology.flat(LinkCost.of(1.0, 2.0, 0.25))
    assert visit_s(topology, 8.0, 1, 1.0) == pytest.approx((7.0, 5.0))
    assert visit_s(topology, 8.0, 2, 1.0) == pytest.approx((3.0 + 1.0, 3.0))
    # Half the bytes on the wire: 3 up, adding 2, 3 down, converting 2.
    assert visit_s(topology, 8.0, 1, 0.5) == pytest.approx((5.0, 5.0))


def test_the_step_of_a_rule() -> None:
    case = Case.of(Scenario.of(model="nin", cluster="titan", devices="1..64", algorithm="ps"))
    model = StepModel(case, central(case))

    def step_s(rule: Rule, devices: int) -> float:
        return float(rule_step(model, model.middle, devices, rule, 0.0).total_s[0])

    asgd, easgd, size = AsynchronousServer(), ElasticAveraging(period=8), model.buckets.size_bytes.sum()
    bring_s, answer_s = (float(one[0, 0]) for one in visit_s(model.middle.topology(4), float(size), 1, 1.0))
    compute_s = step_s(asgd, 1)
    assert answer_s < bring_s
    assert step_s(asgd, 2) == pytest.approx(compute_s + bring_s + answer_s)
    assert step_s(asgd, 64) == pytest.approx(64 * bring_s)
    assert step_s(easgd, 2) == pytest.approx(compute_s + (bring_s + answer_s) / 8)
    assert step_s(Gossip(), 8) == compute_s
    exchange_s = model.exchange(model.middle, 8).time_s.sum()
    averaging = BulkSynchronous(averages="weights", period=10)
    assert step_s(averaging, 8) == pytest.approx(compute_s + exchange_s / 10)


def test_half_life() -> None:
    assert ElasticAveraging(elasticity=0.5).half_life_visits() == pytest.approx(1.0)
    assert ElasticAveraging(elasticity=1 - 0.5**0.25).half_life_visits() == pytest.approx(4.0)
    assert ElasticAveraging(elasticity=1.0).half_life_visits() == 0.0
