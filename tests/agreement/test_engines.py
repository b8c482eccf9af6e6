"""Closed form = round engine = SimPy, where theory says so, and an upper bound elsewhere."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nearlinear.models.arrays import IntArray
from nearlinear.models.collectives import ALGORITHMS, Algorithm, Choices
from nearlinear.models.collectives.hierarchical import OUTER
from nearlinear.models.hardware.message import LinkCost
from nearlinear.models.hardware.topology import Topology, TopologyLevel
from nearlinear.simulator.engines import Engine, run_schedule
from nearlinear.simulator.exchange import TICKS_PER_SECOND, Vector
from nearlinear.simulator.fabrics.fabric import Fabric
from nearlinear.simulator.rounds.engine import run_rounds
from nearlinear.simulator.rounds.packing import Packed

PS = 1e-12
# Whole ticks, so that rounding plays no part: latencies in ns, inverse bandwidth and sums in ps per byte
LATENCY = st.integers(0, 10**5).map(lambda ns: ns * 1e-9)
SLOPE = st.integers(1, 10**4).map(lambda ps: ps * PS)
ADDING = st.integers(0, 500).map(lambda ps: ps * PS)
EXACT = 1e-9


def _link(latency: float, slope: float, adding: float) -> LinkCost:
    return LinkCost(
        latency_s=np.array(latency),
        seconds_per_byte=(np.array(slope),),
        reduction_s_per_byte=np.array(adding),
    )


def _topology(
    span: int, capacity: float, inner: tuple[float, float], outer: tuple[float, float], adding: float
) -> Topology:
    """Nodes of ``span`` devices; one device per node makes it one switch."""
    network = _link(*outer, adding)
    if span == 1:
        return Topology.flat(network)
    levels = (
        TopologyLevel(name="node", span=span, cost=_link(*inner, adding)),
        TopologyLevel(name="network", span=np.inf, cost=network, capacity=min(capacity, span)),
    )
    return Topology(levels=levels)


LINK = st.tuples(LATENCY, SLOPE)
TOPOLOGY = st.builds(
    _topology, st.sampled_from([1, 2, 4, 8]), st.sampled_from([1.0, 2.0, 4.0, 8.0]), LINK, LINK, ADDING
)


def _engine_s(algorithm: Algorithm, topology: Topology, ranks: int, choices: Choices, elements: int) -> float:
    """Return the makespan by the round engine."""
    schedule = algorithm.schedule_for(ranks, choices)
    outcome = run_rounds(schedule, Fabric.of(topology, schedule), Vector(elements=elements))
    return float(outcome.end_ticks.max()) / TICKS_PER_SECOND


def _span(topology: Topology) -> int:
    return 1 if len(topology.levels) == 1 else int(topology.levels[0].span)


@pytest.mark.parametrize("name", [name for name in ALGORITHMS if not name.startswith("ps")])
@settings(max_examples=50)
@given(
    topology=TOPOLOGY,
    exponent=st.integers(0, 5),
    per_chunk=st.integers(1, 3),
    outer=st.sampled_from(list(OUTER)),
)
def test_exact_for_powers_of_two(
    name: str, topology: Topology, exponent: int, per_chunk: int, outer: str
) -> None:
    """Rank counts, spans and chunks in powers of two: equal to 1e-9, shared adapters or not."""
    if name == "asa":  # its rounds mix pairs inside and across nodes: exact on one switch only
        topology = Topology(levels=topology.levels[-1:])
    ranks, algorithm = 2**exponent, ALGORITHMS[name]
    choices = Choices(group=_span(topology), outer=outer)
    elements = ranks * per_chunk * 250
    engine = _engine_s(algorithm, topology, ranks, choices, elements)
    assert float(algorithm.time_s(topology, ranks, elements * 4.0, choices)) == pytest.approx(
        engine, rel=EXACT, abs=PS
    )


@pytest.mark.parametrize("name", [n for n in ALGORITHMS if n != "asa" and not n.startswith("ps")])
@settings(max_examples=50)
@given(
    group=LINK, node=LINK, network=LINK, adding=ADDING, exponent=st.integers(0, 6),
    sharing=st.tuples(st.sampled_from([1.0, 2.0, 4.0]), st.sampled_from([1.0, 4.0, 8.0])),
    outer=st.sampled_from(list(OUTER)),
)  # fmt: skip
def test_exact_on_three_levels(
    name: str, group: tuple[float, float], node: tuple[float, float], network: tuple[float, float],
    adding: float, exponent: int, sharing: tuple[float, float], outer: str,
) -> None:  # fmt: skip
    """Groups of 4 in nodes of 8, as on machines with two sockets."""
    topology = Topology(
        levels=(
            TopologyLevel(name="group", span=4, cost=_link(*group, adding)),
            TopologyLevel(name="node", span=8, cost=_link(*node, adding), capacity=sharing[0]),
            TopologyLevel(name="network", span=np.inf, cost=_link(*network, adding), capacity=sharing[1]),
        )
    )
    ranks, choices = 2**exponent, Choices(group=8, outer=outer)
    engine = _engine_s(ALGORITHMS[name], topology, ranks, choices, ranks * 250)
    formula = float(ALGORITHMS[name].time_s(topology, ranks, ranks * 1000.0, choices))
    assert formula == pytest.approx(engine, rel=EXACT, abs=PS)


@pytest.mark.parametrize("name", ALGORITHMS)
@settings(max_examples=50)
@given(latency=LATENCY, slope=SLOPE, adding=ADDING, ranks=st.integers(1, 40), per_chunk=st.integers(1, 3))
def test_exact_on_one_switch_for_any_rank_count(
    name: str, latency: float, slope: float, adding: float, ranks: int, per_chunk: int
) -> None:
    topology, algorithm, choices = Topology.flat(_link(latency, slope, adding)), ALGORITHMS[name], Choices()
    elements = algorithm.schedule_for(ranks, choices).chunk_count * per_chunk * 250
    engine = _engine_s(algorithm, topology, ranks, choices, elements)
    assert float(algorithm.time_s(topology, ranks, elements * 4.0, choices)) == pytest.approx(
        engine, rel=EXACT, abs=PS
    )


@pytest.mark.parametrize("name", ["ps", "ps-sharded"])
@given(latency=LATENCY, slope=SLOPE, adding=ADDING, servers=st.integers(1, 5), facing=st.integers(1, 6))
def test_servers_that_divide_the_workers(
    name: str, latency: float, slope: float, adding: float, servers: int, facing: int
) -> None:
    topology, algorithm = Topology.flat(_link(latency, slope, adding)), ALGORITHMS[name]
    ranks, choices, elements = servers * facing, Choices(servers=servers), servers * 500
    engine = _engine_s(algorithm, topology, ranks, choices, elements)
    assert float(algorithm.time_s(topology, ranks, elements * 4.0, choices)) == pytest.approx(
        engine, rel=EXACT, abs=PS
    )


@pytest.mark.parametrize("name", ALGORITHMS)
@settings(max_examples=50)
@given(
    topology=TOPOLOGY, ranks=st.integers(2, 24), per_chunk=st.integers(1, 2), servers=st.integers(0, 5),
    outer=st.sampled_from(list(OUTER)),
)  # fmt: skip
def test_an_upper_bound_everywhere(
    name: str, topology: Topology, ranks: int, per_chunk: int, servers: int, outer: str
) -> None:
    """Rank counts that straddle nodes: the closed form takes the slowest level, never too little."""
    algorithm = ALGORITHMS[name]
    choices = Choices(group=_span(topology), outer=outer, servers=servers)
    elements = algorithm.schedule_for(ranks, choices).chunk_count * per_chunk * 250
    engine = _engine_s(algorithm, topology, ranks, choices, elements)
    assert float(algorithm.time_s(topology, ranks, elements * 4.0, choices)) >= engine * (1 - EXACT) - PS


def _starts(seed: int, ranks: int) -> IntArray:
    return np.random.default_rng(seed).integers(0, 10**9, ranks)


@pytest.mark.parametrize("name", ALGORITHMS)
@settings(max_examples=25)
@given(
    topology=TOPOLOGY, ranks=st.integers(1, 13), elements=st.integers(0, 400), seed=st.integers(0, 2**31),
    servers=st.integers(0, 4), outer=st.sampled_from(list(OUTER)), wire=st.sampled_from([1.0, 0.5]),
)  # fmt: skip
def test_round_engine_and_simpy_agree_to_the_bit(
    name: str, topology: Topology, ranks: int, elements: int, seed: int, servers: int, outer: str, wire: float
) -> None:
    """Any ranks, any length, random starts, shared adapters: the same clocks, messages and bytes."""
    choices = Choices(group=_span(topology), outer=outer, servers=servers, wire_fraction=wire)
    schedule = ALGORITHMS[name].schedule_for(ranks, choices)
    fabric = Fabric.of(topology, schedule)
    vector, starts = Vector(elements=elements, wire_fraction=wire), _starts(seed, schedule.ranks)
    packed = Packed(schedule, fabric, vector)
    rounds = run_schedule(Engine.of("rounds"), packed, starts)
    processes = run_schedule(Engine.of("simpy"), packed, starts)
    assert (rounds.end_ticks == processes.end_ticks).all()
    assert rounds.messages == processes.messages
    # The round engine counts bytes in memory, programs bytes on the wire
    assert (rounds.sent_bytes * wire == processes.sent_bytes).all()
    assert (rounds.received_bytes * wire == processes.received_bytes).all()


@pytest.mark.parametrize("name", [name for name in ALGORITHMS if name not in ("tree", "ps")])
@given(latency=LATENCY, slope=SLOPE, adding=ADDING, exponent=st.integers(0, 4))
def test_symmetric_ranks_finish_together(
    name: str, latency: float, slope: float, adding: float, exponent: int
) -> None:
    schedule = ALGORITHMS[name].schedule_for(2**exponent, Choices())
    fabric = Fabric.of(Topology.flat(_link(latency, slope, adding)), schedule)
    ends = run_rounds(schedule, fabric, Vector(elements=2**exponent * 100)).end_ticks
    assert (ends == ends[0, 0]).all()


@pytest.mark.parametrize("name", ["ring", "asa", "ps-sharded"])
@given(ranks=st.integers(2, 16), seed=st.integers(0, 2**31), turn=st.integers(0, 15))
def test_turning_the_ranks_of_one_switch_turns_the_clocks(
    name: str, ranks: int, seed: int, turn: int
) -> None:
    schedule = ALGORITHMS[name].schedule_for(ranks, Choices())
    fabric = Fabric.of(Topology.flat(LinkCost.of(1e-6, 1e9, 1e-10)), schedule)
    vector, starts = Vector(elements=ranks * 50), _starts(seed, ranks)
    ends = run_rounds(schedule, fabric, vector, starts).end_ticks
    turned = run_rounds(schedule, fabric, vector, np.roll(starts, turn)).end_ticks
    assert (turned == np.roll(ends, turn, axis=1)).all()


def _late(starts: IntArray, rank: int, ticks: int) -> IntArray:
    later = starts.copy()
    later[rank] += ticks
    return later


@pytest.mark.parametrize("name", ALGORITHMS)
@given(
    ranks=st.integers(2, 12), seed=st.integers(0, 2**31), who=st.integers(0, 11), ticks=st.integers(1, 10**9)
)
def test_a_late_start_never_helps(name: str, ranks: int, seed: int, who: int, ticks: int) -> None:
    schedule = ALGORITHMS[name].schedule_for(ranks, Choices())
    fabric = Fabric.of(Topology.flat(LinkCost.of(1e-6, 1e9, 1e-10)), schedule)
    starts = _starts(seed, schedule.ranks)
    on_time = run_rounds(schedule, fabric, Vector(elements=ranks * 10), starts).end_ticks
    late = run_rounds(
        schedule, fabric, Vector(elements=ranks * 10), _late(starts, who % ranks, ticks)
    ).end_ticks
    assert (late >= on_time).all()
