"""A simulated step without jitter is the closed form; jitter and steps in a row only add waiting."""

import pytest

from nearlinear.models.closed_form import predict
from nearlinear.models.errors import SpecError
from nearlinear.models.scenario import Scenario
from nearlinear.models.training.jitter import Jitter
from nearlinear.simulator.simulation import simulate, simulate_explained
from nearlinear.simulator.steps.conditions import Conditions

ROUNDING = 1e-6  # chunks differ by an element, durations are rounded to a picosecond


@pytest.mark.parametrize(
    "options",
    [
        {"model": "googlenet", "cluster": "titan"},
        {"model": "nin", "cluster": "titan", "algorithm": "ps"},
        {"model": "nin", "cluster": "titan", "algorithm": "ps-sharded"},
        {"model": "nin", "cluster": "titan", "algorithm": "tree", "overlap": False},
        {"model": "alexnet", "cluster": "titan", "algorithm": "asa16", "batch_per_device": 128},
        {"model": "resnet-50", "cluster": "dgx-a100", "algorithm": "hierarchical", "anchor": "1:800"},
        {"model": "resnet-50", "cluster": "dgx-1v", "algorithm": "ring", "anchor": "1:390,8:2900"},
        {"model": "vgg-16", "cluster": "p2-16xlarge", "bucket": "0", "samples": 21},
        {"model": "vgg-16", "cluster": "copper", "global_batch": 512, "devices": "8,16,32"},
        {"model": "googlenet", "cluster": "titan", "algorithm": "tree", "staged": "pcie2"},
        {"model": "nin", "cluster": "titan", "algorithm": "ps", "staged": "pcie2", "bucket": "layer"},
        {"model": "nin", "cluster": "titan", "algorithm": "copper16", "bucket": "tensor"},
    ],
)
def test_simulate_is_predict(options: dict[str, object]) -> None:
    scenario = Scenario.of(**{"devices": "1,2,4..32", "samples": 101, **options})
    formula, engine = predict(scenario), simulate(scenario)
    assert engine.engine == "rounds"
    for expected, actual in zip(formula.points, engine.points, strict=True):
        assert actual.algorithm == expected.algorithm
        for name in ("median", "low", "high"):
            one, other = getattr(actual.step_time_s, name), getattr(expected.step_time_s, name)
            assert one == pytest.approx(other, rel=ROUNDING)


def test_simpy_is_the_round_engine_to_the_bit() -> None:
    scenario = Scenario.of(
        model="googlenet", cluster="dgx-1v", devices="1,2,4..16", samples=5, precision="fp32"
    )
    conditions = Conditions(steps=2, jitter=Jitter(spread=0.05))
    processes, rounds = simulate(scenario, "simpy", conditions), simulate(scenario, "rounds", conditions)
    assert processes.points == rounds.points


@pytest.mark.parametrize("order", ["ready", "priority"])
def test_engines_copy_alike(order: str) -> None:
    """Copies to host memory and back are part of every exchange, whoever executes it."""
    options = {"model": "nin", "cluster": "titan", "devices": "8", "samples": 3, "algorithm": "tree"}
    scenario = Scenario.of(**options, staged="pcie2")
    conditions = Conditions(steps=2, jitter=Jitter(spread=0.05), order=order)
    runs = {name: simulate(scenario, name, conditions, "round") for name in ("rounds", "simpy")}
    assert runs["simpy"].points == runs["rounds"].points
    without = simulate(Scenario.of(**options), "rounds", conditions)
    assert runs["rounds"].points[0].step_time_s.median > without.points[0].step_time_s.median


def test_copies_are_on_the_critical_path() -> None:
    scenario = Scenario.of(
        model="nin", cluster="titan", devices="4", samples=1, algorithm="tree", staged="pcie2", overlap=False,
        bucket="1GB",
    )  # fmt: skip
    paths = [
        simulate_explained(scenario, name, Conditions(), "round")[1].detail(False).path
        for name in ("rounds", "simpy")
    ]
    parts = [path.parts for path in paths if path is not None]
    # one bucket of 30.4 MB, 8 GB/s times what is achieved of PCI Express, there and back
    assert parts[0]["copy"] == parts[1]["copy"] > 2 * 30.4e6 / 8e9 * 1e12


def test_jitter_costs_more_the_more_ranks_wait_for_each_other() -> None:
    scenario = Scenario.of(model="googlenet", cluster="titan", devices="1,4,64", anchor="1:45", samples=101)
    calm, rough = (
        simulate(scenario),
        simulate(scenario, conditions=Conditions(steps=5, jitter=Jitter(spread=0.1))),
    )
    lost = [
        r.step_time_s.median / c.step_time_s.median - 1
        for r, c in zip(rough.points, calm.points, strict=True)
    ]
    assert abs(lost[0]) < 0.05
    assert 0.02 < lost[1] < lost[2]
    alone, calm_s = rough.points[0], calm.points[0].step_time_s.median
    assert alone.step_time_s.low < 0.98 * calm_s < 1.02 * calm_s < alone.step_time_s.high
    assert alone.breakdown_s.exposed_communication_s == pytest.approx(0.0, abs=1e-9)


def test_steps_in_a_row_carry_over() -> None:
    scenario = Scenario.of(model="nin", cluster="titan", devices="1,16", samples=21)
    one, many = simulate(scenario), simulate(scenario, conditions=Conditions(steps=4))
    for first, mean in zip(one.points, many.points, strict=True):
        assert mean.step_time_s.median == pytest.approx(first.step_time_s.median, rel=1e-3)


def test_too_many_messages_for_simpy_are_refused() -> None:
    with pytest.raises(
        SpecError, match=r"--engine: simpy would execute [0-9,]+ messages, more than 1,000,000"
    ):
        simulate(Scenario.of(model="vgg-16", cluster="titan", algorithm="ring"), "simpy")


def test_an_unknown_engine_is_refused() -> None:
    with pytest.raises(SpecError, match="--engine: must be rounds, events, simpy"):
        simulate(Scenario.of(model="nin", cluster="titan"), "ns3")


def test_nothing_hides_without_overlap() -> None:
    scenario = Scenario.of(
        model="alexnet", cluster="copper", devices="6,12", overlap=False, algorithm="halving-doubling",
        samples=11,
    )  # fmt: skip
    assert [point.hidden_communication_s for point in simulate(scenario).points] == [0.0, 0.0]
