"""Pictures of stragglers and goodput draw what they are given."""

import numpy as np
import pytest

from nearlinear.models.scenario import Scenario
from nearlinear.models.training.checkpointing import Checkpointing
from nearlinear.models.training.failures import Failures
from nearlinear.models.training.jitter import Jitter
from nearlinear.models.training.order_statistics import expected_maximum
from nearlinear.reports.goodput import draw_goodput
from nearlinear.reports.stragglers import draw_stragglers
from nearlinear.simulator.failures.outcome import point
from nearlinear.simulator.failures.question import Question, Scale
from nearlinear.simulator.failures.sweep import Sweep
from nearlinear.simulator.simulation import simulate_explained
from nearlinear.simulator.steps.conditions import Conditions


def test_the_line_of_stragglers_is_the_expected_maximum() -> None:
    jitter = Jitter(family="gamma", spread=0.1)
    scenario = Scenario.of(model="lenet", cluster="dgx-h100", devices="1,8,16", samples=51)
    _, explained = simulate_explained(scenario, conditions=Conditions(jitter=jitter))
    left, right = draw_stragglers(explained, [1, 8, 16]).axes
    assert len(left.collections) >= 3
    expected = [expected_maximum(jitter, [(n, 1.0)]) for n in (1, 8, 16)]
    assert list(np.asarray(right.lines[0].get_ydata())) == pytest.approx(expected)
    assert [tick.get_text() for tick in right.get_xticklabels()] == ["1", "8", "16"]


def test_the_top_of_goodput_lies_between_the_marks() -> None:
    question = Question(
        how=Checkpointing(write_s=300.0, restart_s=600.0), failures=Failures(mtbf_s=2e4, per="job"), runs=50
    )
    scale = Scale(question=question, devices=8, per_node=8, work_s=np.full(50, 1e6))
    found, sweep = point(scale), Sweep.of(scale)
    (axes,) = draw_goodput(found, sweep).axes
    line = axes.lines[0]
    x, y = (np.asarray(values, dtype=float) for values in line.get_data())
    assert x[y.argmax()] * 60 == pytest.approx(found.daly_s, rel=0.03)
    assert axes.get_xlabel() == "compute between checkpoints, min"
