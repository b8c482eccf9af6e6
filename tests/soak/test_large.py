"""Runs too large for every day: the same agreements at the scale people buy."""

import numpy as np
import pytest

from nearlinear.models.collectives import ALGORITHMS, Choices
from nearlinear.models.hardware.message import LinkCost
from nearlinear.models.hardware.topology import Topology, TopologyLevel
from nearlinear.simulator.engines import Engine, run_schedule
from nearlinear.simulator.exchange import TICKS_PER_SECOND, Vector
from nearlinear.simulator.fabrics.fabric import Fabric
from nearlinear.simulator.rounds.engine import run_rounds
from nearlinear.simulator.rounds.packing import Packed

NODE, NETWORK = LinkCost.of(2e-6, 200e9, 1e-12), LinkCost.of(5e-6, 25e9, 1e-12)
TWO_LEVELS = Topology(
    levels=(
        TopologyLevel(name="node", span=8, cost=NODE),
        TopologyLevel(name="network", span=np.inf, cost=NETWORK, capacity=8.0),
    )
)
# Rounds of all pairs grow with the square of the ranks
RANKS = {"ring": 4096, "asa": 512, "ps-sharded": 256}


@pytest.mark.slow
@pytest.mark.parametrize("name", ALGORITHMS)
def test_closed_form_equals_rounds_on_one_switch(name: str) -> None:
    ranks, choices = RANKS.get(name, 4096), Choices(group=8)
    algorithm, topology = ALGORITHMS[name], Topology.flat(NETWORK)
    schedule = algorithm.schedule_for(ranks, choices)
    elements = schedule.chunk_count * 250
    outcome = run_rounds(schedule, Fabric.of(topology, schedule), Vector(elements=elements))
    simulated_s = float(outcome.end_ticks.max()) / TICKS_PER_SECOND
    formula_s = float(algorithm.time_s(topology, ranks, elements * 4.0, choices))
    assert formula_s == pytest.approx(simulated_s, rel=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("name", ALGORITHMS)
def test_rounds_equal_simpy_on_two_levels(name: str) -> None:
    schedule = ALGORITHMS[name].schedule_for(200, Choices(group=8))
    packed = Packed(schedule, Fabric.of(TWO_LEVELS, schedule), Vector(elements=100_003))
    starts = np.random.default_rng(5).integers(0, 10**9, schedule.ranks)
    rounds = run_schedule(Engine.of("rounds"), packed, starts)
    processes = run_schedule(Engine.of("simpy"), packed, starts)
    assert (rounds.end_ticks == processes.end_ticks).all()
    assert rounds.messages == processes.messages
