"""The slowest of many devices: order statistics are what simulated steps wait for.

Intervals are 99.9 % (3.29 standard errors) of the simulated mean; seeds are fixed.
"""

from dataclasses import replace

import numpy as np
import pytest

from nearlinear.models.case import Case
from nearlinear.models.collectives.algorithm import Choices
from nearlinear.models.collectives.library import LIBRARY
from nearlinear.models.parameters import central, draw
from nearlinear.models.scenario import Scenario
from nearlinear.models.training.anchor import apply_anchors
from nearlinear.models.training.exchange import Exchange, Option
from nearlinear.models.training.jitter import Jitter
from nearlinear.models.training.loading import Loader, tandem_rate_per_s
from nearlinear.models.training.model import StepModel
from nearlinear.models.training.order_statistics import expected_maximum
from nearlinear.simulator.engines import by_rounds
from nearlinear.simulator.steps.conditions import Conditions
from nearlinear.simulator.steps.placement import Placement
from nearlinear.simulator.steps.stragglers import Slowest
from nearlinear.simulator.steps.training_step import Run, Workers, run_steps

SURE = 3.29
PER_NODE = 8


def _calm(devices: int, samples: int, conditions: Conditions) -> tuple[Workers, float]:
    """Return devices that wait for each other in every step but exchange nothing, and their calm step."""
    scenario = Scenario.of(
        model="lenet", cluster="dgx-h100", devices=str(devices), samples=3, anchor="1:10000", overlap=False
    )
    case = Case.of(scenario)
    model = StepModel(case, central(case))
    parameters = apply_anchors(model, draw(case, 3, 0)).parameters
    buckets = len(model.buckets.size_bytes)
    option = Option(algorithm=LIBRARY, choices=Choices())
    slowness = np.full(samples, float(model.slowness(parameters, devices)[0]))
    nothing = np.zeros((samples, buckets))
    exchange = Exchange(options=(option,) * buckets, time_s=nothing, copy_s=nothing)
    workers = Workers(
        model=model, topology=model.middle.topology(devices), slowness=slowness, exchange=exchange,
        placement=Placement(devices=devices, per_node=PER_NODE, conditions=conditions),
    )  # fmt: skip
    calm = model.layers(devices).total_s * float(slowness[0])
    return workers, calm


def _run(devices: int, samples: int, conditions: Conditions) -> tuple[Run, float]:
    workers, calm_s = _calm(devices, samples, conditions)
    return run_steps(workers, by_rounds, conditions), calm_s


@pytest.mark.parametrize("devices", [2, 64])
@pytest.mark.parametrize(
    "jitter",
    [
        Jitter(spread=0.05),
        Jitter(spread=0.4),
        Jitter(family="gamma", spread=0.05),
        Jitter(family="gamma", spread=0.6),
        Jitter(family="exponential", spread=0.05),
        Jitter(family="exponential", spread=0.6),
        Jitter(family="gamma", spread=0.05, rank_spread=0.1),
    ],
)
def test_a_step_takes_what_its_slowest_device_takes(jitter: Jitter, devices: int) -> None:
    """Backward's end is the barrier; forward, backward and update of a rank share one factor."""
    conditions = Conditions(jitter=jitter, seed=7)
    workers, calm_s = _calm(devices, 2000, conditions)
    paced = replace(workers, model=_without_update(workers.model))
    steps = run_steps(paced, by_rounds, conditions).step_s / calm_s
    expected = expected_maximum(jitter, [(devices, 1.0)])
    error = float(steps.std(ddof=1) / np.sqrt(len(steps)))
    assert abs(float(steps.mean()) - expected) < SURE * error
    assert expected > 1.0


def _without_update(model: StepModel) -> StepModel:
    """Return the model with the update counted to backward: nothing then follows the barrier."""

    class Joined(StepModel):
        def layers(self, devices: int):  # type: ignore[no-untyped-def]
            found = super().layers(devices)
            backward = found.backward_s.copy()
            backward[0] += found.optimizer_s
            return replace(found, backward_s=backward, optimizer_s=0.0)

    return Joined(model.case, model.middle)


@pytest.mark.parametrize("family", ["lognormal", "gamma", "exponential"])
def test_slow_nodes_are_groups_of_their_own(family: str) -> None:
    jitter = Jitter(family=family, spread=0.1)
    conditions = Conditions(jitter=jitter, steps=2, seed=3, slow_nodes={1: 0.9})
    found = Slowest.of(conditions, 3000, 64, PER_NODE)
    assert found is not None
    assert found.half_width is not None
    assert found.expected == pytest.approx(expected_maximum(jitter, [(56, 1.0), (8, 1 / 0.9)]), rel=1e-12)
    assert abs(found.simulated - found.expected) < SURE / 1.96 * found.half_width
    assert found.expected > expected_maximum(jitter, [(64, 1.0)])


def test_no_jitter_has_no_stragglers() -> None:
    assert Slowest.of(Conditions(slow_nodes={0: 0.5}), 3, 16, PER_NODE) is None


@pytest.mark.parametrize(("load", "prefetch"), [(0.5, 1), (0.5, 3), (1.0, 1), (1.0, 4), (2.0, 1), (2.0, 8)])
def test_exponential_loads_and_steps_are_the_tandem_queue(load: float, prefetch: int) -> None:
    """One device in 400 runs of 300 steps; the first 50 fill the places."""
    exponential = Jitter(family="exponential", spread=1.0)
    _, calm_s = _calm(1, 1, Conditions())
    conditions = Conditions(
        steps=300, seed=11, jitter=exponential,
        loader=Loader(time_s=load * calm_s, jitter=exponential, prefetch=prefetch),
    )  # fmt: skip
    run, _ = _run(1, 400, conditions)
    paces = (run.step_end_s[-1] - run.step_end_s[49]) / 250
    expected = 1.0 / tandem_rate_per_s(load * calm_s, calm_s, prefetch)
    error = float(paces.std(ddof=1) / np.sqrt(len(paces)))
    assert abs(float(paces.mean()) - expected) < SURE * error


@pytest.mark.parametrize("load", [0.3, 1.0, 2.5])
@pytest.mark.parametrize("prefetch", [1, 4])
@pytest.mark.parametrize("per_node", [None, 1, 3])
def test_constant_loads_set_the_pace_where_they_are_slower(
    load: float, prefetch: int, per_node: int | None
) -> None:
    _, calm_s = _calm(16, 1, Conditions())
    loader = Loader(time_s=load * calm_s, prefetch=prefetch, per_node=per_node)
    run, _ = _run(16, 1, Conditions(steps=40, loader=loader))
    pace = (run.step_end_s[-1, 0] - run.step_end_s[19, 0]) / 20
    served = {None: 1, 1: 8, 3: 3}[per_node]  # 8 devices of a node share 3 loaders: 3, 3 and 2
    assert pace == pytest.approx(max(served * load, 1.0) * calm_s, rel=1e-6)
    assert loader.pace_s(16, PER_NODE) == pytest.approx(served * load * calm_s)


def test_one_device_that_loads_for_all_sets_the_pace() -> None:
    """It takes p loads and p - 1 sends for a batch of each."""
    workers, calm_s = _calm(16, 1, Conditions())
    loader = Loader(time_s=0.05 * calm_s, scatter_bytes=1e6)
    send_s = float(workers.send_s(loader)[0, 0])
    assert send_s > 0.02 * calm_s
    run, _ = _run(16, 1, Conditions(steps=40, loader=loader))
    pace = (run.step_end_s[-1, 0] - run.step_end_s[19, 0]) / 20
    expected = 16 * loader.time_s + 15 * send_s
    assert expected > calm_s
    assert pace == pytest.approx(expected, rel=1e-6)
    assert loader.pace_s(16, PER_NODE, send_s) == pytest.approx(expected, rel=1e-12)
    own, _ = _run(16, 1, Conditions(steps=40, loader=Loader(time_s=0.05 * calm_s)))
    assert own.step_s[0] < 0.6 * run.step_s[0]


def test_only_the_shortfall_of_loading_is_waited_for() -> None:
    """After the first batch a step of 1 waits 1.5 for one that takes 2.5, and 0 for one that takes 0.5."""
    _, calm_s = _calm(4, 1, Conditions())
    for load, expected in ((2.5, (2.5 + 1.5 * 39) / 40), (0.5, 0.5 / 40)):
        run, _ = _run(4, 1, Conditions(steps=40, loader=Loader(time_s=load * calm_s)))
        assert float(run.waited_s[0]) == pytest.approx(expected * calm_s, rel=1e-6)


def test_places_ahead_bridge_uneven_loads() -> None:
    def mean_s(places: int) -> float:
        return float(_run(8, 20, _uneven(places))[0].step_s.mean())

    one, two, eight = mean_s(1), mean_s(2), mean_s(8)
    assert one > two * 1.01 > eight * 1.02


def _uneven(places: int) -> Conditions:
    _, calm_s = _calm(8, 1, Conditions())
    return Conditions(
        steps=100, seed=5, loader=Loader(time_s=0.9 * calm_s, jitter=Jitter(spread=0.5), prefetch=places)
    )
