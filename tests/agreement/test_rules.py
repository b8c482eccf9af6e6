"""A scenario under a rule: without jitter it is the closed form's; messages cost what they do elsewhere."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from nearlinear.models.case import Case
from nearlinear.models.closed_form import predict
from nearlinear.models.errors import SpecError
from nearlinear.models.parameters import central, draw
from nearlinear.models.scenario import Scenario
from nearlinear.models.training.jitter import Jitter
from nearlinear.models.training.model import StepModel
from nearlinear.models.training.rule_step import rule_step
from nearlinear.models.training.synchronisation import (
    AsynchronousServer,
    BulkSynchronous,
    ElasticAveraging,
    Gossip,
    Rule,
    StaleSynchronous,
)  # fmt: skip
from nearlinear.simulator.asynchronous.account import Account
from nearlinear.simulator.asynchronous.simulation import simulate_rule
from nearlinear.simulator.exchange import TICKS_PER_SECOND
from nearlinear.simulator.steps.conditions import Conditions

ROUNDING = 1e-6  # durations are rounded to a picosecond, parts to an element
CALM = Conditions(steps=24)


def _scenario(**options: Any) -> Scenario:
    return Scenario.of(
        **{"devices": "2,4,16", "samples": 1, "model": "googlenet", "cluster": "titan", **options}
    )


@pytest.mark.parametrize("options", [{}, {"cluster": "dgx-a100"}, {"wire": "float16"}, {"model": "alexnet"}])
@pytest.mark.parametrize(
    "rule",
    [
        AsynchronousServer(), AsynchronousServer(period=3), StaleSynchronous(), ElasticAveraging(),
        BulkSynchronous(averages="weights", period=4),
    ],
    ids=lambda rule: f"{rule.name}-{rule.period}",
)  # fmt: skip
def test_a_calm_step_is_the_closed_form(rule: Rule, options: dict[str, Any]) -> None:
    scenario = _scenario(**options)
    _, account = simulate_rule(scenario, rule, CALM)
    plan = replace(scenario.plan, algorithm="ps") if rule.serves else scenario.plan
    case = Case.of(replace(scenario, plan=plan))
    model, parameters = StepModel(case, central(case)), draw(case, 1, 0)
    for scale in account.scales:
        expected = rule_step(model, parameters, scale.course.crew.workers, rule, 0.0).total_s[0]
        assert scale.course.step_ticks / TICKS_PER_SECOND == pytest.approx(expected, rel=ROUNDING)


@pytest.mark.parametrize("options", [{}, {"wire": "float16"}, {"model": "alexnet", "devices": "2,96"}])
@pytest.mark.parametrize(
    "rule",
    [AsynchronousServer(), ElasticAveraging(period=4), BulkSynchronous(averages="weights", period=4)],
    ids=lambda rule: rule.name,
)
def test_predict_and_simulate_say_the_same(rule: Rule, options: dict[str, Any]) -> None:
    """One server for both: held for one way, answering by the other."""
    scenario = _scenario(**options)
    predicted, simulated = predict(scenario, rule), simulate_rule(scenario, rule, CALM)[0]
    for one, other in zip(predicted.points, simulated.points, strict=True):
        assert other.step_time_s.median == pytest.approx(one.step_time_s.median, rel=ROUNDING)


def test_several_servers_raise_the_bound() -> None:
    one, four = (_account(AsynchronousServer(), servers=n, devices="160") for n in (1, 4))
    held = [account.course.crew.visits.held_s for account in (one, four)]  # type: ignore[union-attr]
    assert held[1] == pytest.approx(held[0] / 4, rel=0.01)
    assert four.scales[0].samples_per_s == pytest.approx(4 * one.scales[0].samples_per_s, rel=0.05)


def _account(rule: Rule, conditions: Conditions = CALM, **options: Any) -> Account:
    return simulate_rule(_scenario(**options), rule, conditions)[1]


def test_pushes_inside_a_node_take_its_own_links() -> None:
    links = _account(Gossip(probability=0.2), cluster="dgx-a100", devices="16").course.crew.links
    assert links is not None
    inner, outer = links.transfer_ticks[:, 0]
    assert inner < outer
    assert (links.inside[0] == np.arange(16) // 8).all()
    assert (links.unit[1] == np.arange(16) // 8).all()
    assert links.uplinks.tolist() == [1, 8]


def test_a_slow_adapter_slows_the_visits_of_its_node() -> None:
    slow = _account(AsynchronousServer(), Conditions(slow_links={"node 1": 0.1}))
    visits = slow.course.crew.visits
    assert visits is not None
    assert visits.answer_ticks[1] == pytest.approx(10 * visits.answer_ticks[0], rel=0.01)
    assert (np.delete(visits.answer_ticks, 1) == visits.answer_ticks[0]).all()


def test_a_slow_node_under_each_rule() -> None:
    """Half the speed on one node of 4, compute-bound: its own share is lost, or everybody's."""
    slow = Conditions(steps=200, slow_nodes={0: 0.5})
    options = {"model": "googlenet", "devices": "1,4", "batch_per_device": 128, "samples": 3}
    rates = {}
    for rule in (
        AsynchronousServer(period=5), StaleSynchronous(period=5, staleness=1), Gossip(),
        BulkSynchronous(averages="weights", period=5),
    ):  # fmt: skip
        alone, four = (scale.samples_per_s for scale in _account(rule, slow, **options).scales)
        rates[rule.name] = four / (2 * alone)  # node 0 is the slow one
    assert rates["gosgd"] == pytest.approx(3.5, rel=0.02)
    assert rates["asgd"] == pytest.approx(3.5, rel=0.05)
    assert rates["bsp"] == pytest.approx(2.0, rel=0.05)
    assert rates["ssp"] == pytest.approx(2.0, rel=0.05)


def test_what_lasts_through_a_run_makes_workers_unequal() -> None:
    jitter = Jitter(rank_spread=0.2)
    account = _account(AsynchronousServer(period=8), Conditions(steps=24, jitter=jitter), devices="8")
    ticks = account.course.crew.step_ticks
    assert len(set(ticks.tolist())) == 8
    assert np.log(ticks).std() == pytest.approx(0.2, rel=0.5)
    assert account.document()["staleness"]["expected"] is None


def test_a_prediction_of_a_rule_reads_like_any_other() -> None:
    scenario = _scenario(devices="1,4,64", samples=11)
    prediction, account = simulate_rule(scenario, AsynchronousServer(), CALM)
    assert prediction.inputs == scenario.to_tables() | {"rule": {"name": "asgd", "period": 1}}
    assert prediction.title.endswith("rule asgd, period 1")
    assert [point.algorithm for point in prediction.points] == ["none", "asgd", "asgd"]
    last = prediction.points[-1]
    assert last.breakdown_s.total_s == pytest.approx(last.step_time_s.median)
    assert "bandwidth between nodes" in prediction.answer.binding
    assert account.document()["server"]["utilisation"] == pytest.approx(1.0)


def test_a_target_takes_the_epochs_of_the_rule() -> None:
    scenario = _scenario(devices="1,4", model="resnet-50", cluster="dgx-a100", until_accuracy=True)
    stale, _ = simulate_rule(scenario, AsynchronousServer(period=8), CALM)
    averaged, _ = simulate_rule(scenario, BulkSynchronous(averages="weights"), CALM)
    ends = [one.points[-1].until_target for one in (stale, averaged)]
    assert ends[0] is not None
    assert ends[1] is not None
    assert ends[0].epochs.median > ends[1].epochs.median
    with pytest.raises(SpecError, match="--rule: must be one whose epochs are known, got 'ssp'"):
        simulate_rule(scenario, StaleSynchronous(), CALM)


def test_what_a_rule_ignores_is_refused() -> None:
    with pytest.raises(SpecError, match="--bucket: has no effect with --rule asgd"):
        simulate_rule(_scenario(bucket="0"), AsynchronousServer(), CALM)
    with pytest.raises(SpecError, match="--servers: has no effect with --rule gosgd"):
        simulate_rule(_scenario(servers=2), Gossip(), CALM)
