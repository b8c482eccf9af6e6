"""The figure of a rule shows the numbers of its account."""

from typing import Any

import numpy as np
import pytest

from nearlinear.models.scenario import Scenario
from nearlinear.models.training.jitter import Jitter
from nearlinear.models.training.staleness import together
from nearlinear.models.training.synchronisation import AsynchronousServer, Gossip, Rule, StaleSynchronous
from nearlinear.reports.asynchronous import draw_account
from nearlinear.simulator.asynchronous.account import Account
from nearlinear.simulator.asynchronous.simulation import simulate_rule
from nearlinear.simulator.steps.conditions import Conditions


def _account(rule: Rule, devices: str = "1,4,8", jitter: float = 0.0) -> Account:
    scenario = Scenario.of(model="nin", cluster="titan", devices=devices, samples=3)
    return simulate_rule(scenario, rule, Conditions(steps=20, jitter=Jitter(spread=jitter)))[1]


def _lines(axes: Any) -> dict[str, list[float]]:
    return {str(line.get_label()): list(np.asarray(line.get_ydata())) for line in axes.lines}


def test_staleness_and_throughput() -> None:
    account = _account(AsynchronousServer(), "1,4,64")
    left, right = draw_account(account, "NiN").axes
    assert [bar.get_height() for bar in left.containers[0]] == together(64).tolist()
    assert _lines(left)["closed form: in turn"] == [1.0]
    lines = _lines(right)
    assert lines["simulated, nothing lost beyond"] == [scale.samples_per_s for scale in account.scales]
    assert lines["a server never rests"] == [scale.server_per_s for scale in account.scales[1:]]
    most = lines["a server never rests"][1]
    assert lines["simulated, nothing lost beyond"][2] == pytest.approx(most, rel=1e-6)


def test_early_steps_are_said() -> None:
    labels = _lines(draw_account(_account(AsynchronousServer(period=8), "4", jitter=0.05), "NiN").axes[0])
    (label,) = labels
    assert label.startswith("closed form: renewal (after ")


@pytest.mark.parametrize("rule", [Gossip(probability=0.5), StaleSynchronous()])
@pytest.mark.parametrize("devices", ["1", "4"])
def test_every_rule_has_its_figure(rule: Rule, devices: str) -> None:
    left, right = draw_account(_account(rule, devices, 0.1), "NiN").axes
    assert left.get_xlabel().startswith("pushes" if isinstance(rule, Gossip) else "moves")
    assert right.get_ylabel() == "samples/s"
