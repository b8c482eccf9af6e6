"""Rules by which replicas stay together, by hand."""

from typing import Any

import numpy as np
import pytest

from nearlinear.models.errors import SpecError
from nearlinear.models.training.synchronisation import (
    RULES,
    AsynchronousServer,
    BulkSynchronous,
    ElasticAveraging,
    Gossip,
    StaleSynchronous,
    rule_of,
)  # fmt: skip


def test_elastic_averaging_by_hand() -> None:
    """w = 4, g = 0, a = 1/4: both move 1 towards each other, by where the other was."""
    rule = ElasticAveraging(elasticity=0.25)
    worker, centre = np.array([4.0]), np.array([0.0])
    answer = rule.serve(centre, rule.bring(worker, worker))
    rule.take(worker, answer)
    assert (worker.tolist(), centre.tolist()) == ([3.0], [1.0])


def test_elastic_averaging_keeps_the_sum() -> None:
    rng = np.random.default_rng(1)
    worker, centre = rng.normal(size=50), rng.normal(size=50)
    before, rule = worker + centre, ElasticAveraging(elasticity=0.3)
    rule.take(worker, rule.serve(centre, rule.bring(worker, worker)))
    assert np.allclose(worker + centre, before)


def test_an_asynchronous_server_adds_moves() -> None:
    """Two workers start from 10; one moves by 1, the other by -3 and goes on with both moves."""
    rule, centre = AsynchronousServer(), np.array([10.0])
    first, second, taken = np.array([11.0]), np.array([7.0]), np.array([10.0])
    rule.take(first, rule.serve(centre, rule.bring(first, taken)))
    rule.take(second, rule.serve(centre, rule.bring(second, taken)))
    assert (first.tolist(), second.tolist(), centre.tolist()) == ([11.0], [8.0], [8.0])


def test_a_stale_worker_waits_beyond_the_bound() -> None:
    """S = 2: two visits ahead is allowed, three is not; without a bound nobody waits."""
    assert [StaleSynchronous(staleness=2).waits(ahead) for ahead in range(5)] == [False] * 3 + [True] * 2
    assert StaleSynchronous(staleness=0).waits(1)
    assert not AsynchronousServer().waits(10**6)
    assert not ElasticAveraging().waits(10**6)


def test_gossip_merges_by_shares() -> None:
    """A worker of share 1/4 at 2 gets 10 with share 3/4: (2 + 3 x 10) / 4 = 8, and has it all."""
    weights = np.array([2.0])
    assert Gossip().merge(weights, 0.25, np.array([10.0]), 0.75) == 1.0
    assert weights.tolist() == [8.0]


def test_every_rule_has_its_name() -> None:
    assert {name: rule().name for name, rule in RULES.items()} == {name: name for name in RULES}
    assert [name for name, rule in RULES.items() if rule.serves] == ["asgd", "ssp", "easgd"]


@pytest.mark.parametrize(
    ("rule", "options", "message"),
    [
        (BulkSynchronous, {"averages": "weight"}, "--averages: must be gradients or weights, got 'weight'"),
        (BulkSynchronous, {"period": 2}, "--period: must be 1 where gradients are averaged, got 2"),
        (BulkSynchronous, {"period": 0}, "--period: must be 1 step or more, got 0"),
        (ElasticAveraging, {"elasticity": 1.5}, "--elasticity: must be above 0, at most 1, got 1.5"),
        (ElasticAveraging, {"period": -1}, "--period: must be 1 step or more, got -1"),
        (AsynchronousServer, {"period": 0}, "--period: must be 1 step or more, got 0"),
        (StaleSynchronous, {"staleness": -1}, "--staleness: must be 0 visits or more, got -1"),
        (Gossip, {"probability": 0.0}, "--probability: must be above 0, at most 1, got 0.0"),
    ],
)
def test_what_cannot_be(rule: Any, options: dict[str, Any], message: str) -> None:
    with pytest.raises(SpecError) as caught:
        rule(**options)
    assert message in str(caught.value)


def test_a_rule_of_options() -> None:
    assert rule_of("ssp", {"staleness": 5, "period": None}) == StaleSynchronous(staleness=5)
    with pytest.raises(SpecError, match="--elasticity: does not belong to rule ssp, got 0.5"):
        rule_of("ssp", {"elasticity": 0.5})
    with pytest.raises(SpecError, match="--rule: must be a known word, got 'sps'; did you mean bsp, ssp"):
        rule_of("sps", {})
