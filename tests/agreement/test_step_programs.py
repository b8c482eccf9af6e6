"""Training steps: the round engine equals whole-step programs by events and SimPy, tick by tick."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nearlinear.models.case import Case
from nearlinear.models.parameters import central, draw
from nearlinear.models.scenario import Scenario
from nearlinear.models.training.anchor import apply_anchors
from nearlinear.models.training.jitter import Jitter
from nearlinear.models.training.loading import Loader
from nearlinear.models.training.model import StepModel
from nearlinear.simulator.engines import Engine
from nearlinear.simulator.exchange import to_ticks
from nearlinear.simulator.steps.conditions import Conditions
from nearlinear.simulator.steps.explained import Explained
from nearlinear.simulator.steps.placement import Placement
from nearlinear.simulator.steps.step_path import StepRecord
from nearlinear.simulator.steps.training_step import Run, Workers

SAMPLES = 3


def _workers(algorithm: str, devices: int, conditions: Conditions, overlap: bool) -> Workers:
    scenario = Scenario.of(
        model="lenet", cluster="dgx-h100", devices=str(devices), samples=SAMPLES, algorithm=algorithm,
        bucket="100KiB", overlap=overlap,
    )  # fmt: skip
    case = Case.of(scenario)
    model = StepModel(case, central(case))
    anchored = apply_anchors(model, draw(case, SAMPLES, 0))
    return Workers(
        model=model, topology=anchored.parameters.topology(devices), slowness=anchored.parameters.slowness,
        placement=Placement(devices=devices, per_node=8, conditions=conditions),
        exchange=model.exchange(anchored.parameters, devices),
    )  # fmt: skip


UNEVEN = Jitter(family="gamma", spread=0.3, rank_spread=0.1)
CONDITIONS = st.builds(
    Conditions,
    steps=st.integers(1, 4),
    jitter=st.sampled_from([Jitter(), Jitter(spread=0.2), UNEVEN]),
    seed=st.integers(0, 99),
    slow_nodes=st.sampled_from([{}, {0: 0.7}]),
    slow_links=st.sampled_from([{}, {"node 0": 0.5}]),
    loader=st.builds(
        Loader,
        time_s=st.sampled_from([0.0, 1e-3, 5e-3]),
        prefetch=st.integers(1, 3),
        jitter=st.sampled_from([Jitter(), UNEVEN]),
        per_node=st.sampled_from([None, 1, 3]),
        scatter_bytes=st.sampled_from([0.0, 1e4]),
    ),
    order=st.sampled_from(["ready", "priority"]),
    fabric=st.sampled_from([None, "fat-tree:down=1,levels=2", "rail:rails=4,down=1"]),
)


def _run(name: str, sharing: str, workers: Workers, conditions: Conditions) -> Run:
    return Engine(name=name, sharing=sharing).run(workers, conditions)


@settings(max_examples=24)
@given(
    algorithm=st.sampled_from(["ring", "tree", "ps", "ps-sharded", "hierarchical", "halving-doubling"]),
    devices=st.sampled_from([1, 2, 8, 12]), conditions=CONDITIONS, overlap=st.booleans(),
)  # fmt: skip
def test_all_engines_end_every_rank_alike(
    algorithm: str, devices: int, conditions: Conditions, overlap: bool
) -> None:
    workers = _workers(algorithm, devices, conditions, overlap)
    records: list[StepRecord] = []
    engine = Engine.of("rounds")
    rounds = engine.run(workers, conditions, records)
    for name in ("events", "simpy"):
        other = _run(name, "round", workers, conditions)
        assert (to_ticks(other.rank_end_s) == to_ticks(rounds.rank_end_s)).all()
        assert (to_ticks(other.step_end_s) == to_ticks(rounds.step_end_s)).all()
        assert other.waited_s == pytest.approx(rounds.waited_s, rel=1e-12)
    explained = Explained(
        workers=workers, engine=engine, conditions=conditions, run=rounds, records=tuple(records)
    )
    detail = explained.detail(cross=True)
    assert detail.path is not None
    total = int(to_ticks(rounds.rank_end_s[explained.sample]).max())
    if conditions.order == "ready":
        assert sum(detail.path.parts.values()) == total
    assert "the critical path sums up" in detail.checks


@settings(max_examples=6)
@given(devices=st.sampled_from([8, 12]), conditions=CONDITIONS)
def test_by_flow_events_and_simpy_agree(devices: int, conditions: Conditions) -> None:
    workers = _workers("ps", devices, conditions, overlap=True)
    events, simpy = (_run(name, "flow", workers, conditions) for name in ("events", "simpy"))
    assert (to_ticks(events.rank_end_s) == to_ticks(simpy.rank_end_s)).all()


def test_a_loader_slower_than_the_step_sets_the_pace() -> None:
    conditions = Conditions(steps=4, loader=Loader(time_s=0.5))
    run = _run("rounds", "round", _workers("ring", 8, conditions, overlap=True), conditions)
    assert run.step_s == pytest.approx(np.full(SAMPLES, 0.5), rel=0.01)


def test_a_slow_node_slows_the_others() -> None:
    calm, slow = Conditions(), Conditions(slow_nodes={1: 0.5})
    fast_s, slow_s = (
        _run("rounds", "round", _workers("ring", 16, c, overlap=True), c).step_s for c in (calm, slow)
    )
    assert (slow_s > fast_s * 1.02).all()


def test_priority_lets_the_next_forward_begin_sooner() -> None:
    """Exchange is the bottleneck between two nodes of 1 Gbit/s; what forward needs first goes first."""
    ready, priority = (Conditions(steps=4, order=order) for order in ("ready", "priority"))
    scenario = Scenario.of(model="alexnet", device="p100", net="10Gb", devices="2", samples=1, bucket="1MiB")
    from nearlinear.simulator.simulation import simulate

    first, second = (simulate(scenario, "rounds", c).points[0].step_time_s.median for c in (ready, priority))
    assert second < first
