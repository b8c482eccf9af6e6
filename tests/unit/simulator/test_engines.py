"""Engines on cases worked out by hand: 4-byte elements, 1 us and 1 GB/s, 0.1 ns per byte added."""

import numpy as np
import pytest

from nearlinear.models.collectives import ALGORITHMS, Choices
from nearlinear.models.errors import SelfCheckError, SpecError
from nearlinear.models.hardware.message import LinkCost
from nearlinear.models.hardware.topology import Topology
from nearlinear.simulator.engines import Engine, run_schedule
from nearlinear.simulator.exchange import Outcome, Vector, to_ticks
from nearlinear.simulator.fabrics.fabric import Fabric
from nearlinear.simulator.programs import processes
from nearlinear.simulator.rounds.packing import Packed

ROUNDS = Engine.of("rounds")
PROGRAMS = [Engine.of(name, sharing) for name in ("events", "simpy") for sharing in ("round", "flow")]
ENGINES = [ROUNDS, *PROGRAMS]
every_engine = pytest.mark.parametrize(
    "engine", ENGINES, ids=lambda engine: f"{engine.name}-{engine.sharing}"
)
US = 10**6  # ticks of a picosecond


def _run(engine: Engine, link: LinkCost, name: str, ranks: int, start: list[int] | None = None) -> Outcome:
    schedule = ALGORITHMS[name].schedule_for(ranks, Choices())
    starts = None if start is None else np.array(start, dtype=np.int64)
    packed = Packed(schedule, Fabric.of(Topology.flat(link), schedule), Vector(elements=1000))
    return run_schedule(engine, packed, starts)


@every_engine
def test_a_tree_of_two(engine: Engine, link: LinkCost) -> None:
    """1 sends 4,000 B to 0: 1 us + 4 us; 0 adds for 0.4 us; 0 sends back for 5 us."""
    outcome = _run(engine, link, "tree", 2)
    assert outcome.end_ticks.tolist() == [[10.4 * US, 10.4 * US]]
    assert outcome.messages == 2
    assert outcome.sent_bytes.tolist() == outcome.received_bytes.tolist() == [4000, 4000]


@every_engine
def test_a_tree_of_three(engine: Engine, link: LinkCost) -> None:
    """0 takes in 1 until 5.4, then 2 until 10.8; sends to 2 until 15.8, to 1 until 20.8."""
    assert _run(engine, link, "tree", 3).end_ticks.tolist() == [[20.8 * US, 20.8 * US, 15.8 * US]]


@every_engine
def test_a_transfer_waits_for_both_ends(engine: Engine, link: LinkCost) -> None:
    """Rank 1 starts at 3 us, so the first message ends at 8 instead of 5."""
    assert _run(engine, link, "tree", 2, [0, 3 * US]).end_ticks.tolist() == [[13.4 * US, 13.4 * US]]
    assert _run(engine, link, "tree", 2, [3 * US, 0]).end_ticks.tolist() == [[13.4 * US, 13.4 * US]]


@every_engine
def test_a_server_shares_its_port_and_adds_one_after_another(engine: Engine, link: LinkCost) -> None:
    """Two workers push 4,000 B at half the rate: 1 + 8 us; the server adds twice 0.4; pull takes 9 us."""
    assert _run(engine, link, "ps", 2).end_ticks.tolist() == [[18.8 * US, 18.8 * US, 18.8 * US]]


@every_engine
def test_a_ring_of_two(engine: Engine, link: LinkCost) -> None:
    """Halves of 2,000 B: 1 + 2 us, 0.2 us to add, and 3 us back."""
    assert _run(engine, link, "ring", 2).end_ticks.tolist() == [[6.2 * US, 6.2 * US]]


@every_engine
def test_one_rank_and_no_element_take_no_time(engine: Engine, link: LinkCost) -> None:
    assert _run(engine, link, "ring", 1, [7]).end_ticks.tolist() == [[7]]
    schedule = ALGORITHMS["ring"].schedule_for(4, Choices())
    packed = Packed(schedule, Fabric.of(Topology.flat(link), schedule), Vector(elements=0))
    assert run_schedule(engine, packed).end_ticks.tolist() == [[0, 0, 0, 0]]


@every_engine
def test_half_the_bytes_on_the_wire(engine: Engine, link: LinkCost) -> None:
    """2,000 B on the wire: 3 us; 0.4 us to add 4,000 B; 3 us back, and 0.4 us to widen them."""
    schedule = ALGORITHMS["tree"].schedule_for(2, Choices())
    vector = Vector(elements=1000, wire_fraction=0.5)
    outcome = run_schedule(engine, Packed(schedule, Fabric.of(Topology.flat(link), schedule), vector))
    assert outcome.end_ticks.tolist() == [[6.4 * US, 6.8 * US]]
    counted = 4000 if engine == ROUNDS else 2000  # in memory, and on the wire
    assert outcome.sent_bytes.tolist() == outcome.received_bytes.tolist() == [counted, counted]


def test_samples_run_side_by_side() -> None:
    cost = LinkCost(
        latency_s=np.array([[1e-6], [2e-6], [3e-6]]),
        seconds_per_byte=(np.array([[1e-9], [1e-9], [2e-9]]),),
        reduction_s_per_byte=np.zeros((3, 1)),
    )
    outcome = _run(ROUNDS, cost, "tree", 2)
    assert outcome.end_ticks[:, 0].tolist() == [10 * US, 12 * US, 22 * US]


def test_ticks_are_rounded_once() -> None:
    assert to_ticks([1e-12, 1.4e-12, 1.6e-12]).tolist() == [1, 1, 2]


def test_bytes_that_get_lost_are_noticed() -> None:
    with pytest.raises(SelfCheckError, match="every byte sent must be received"):
        Outcome(
            end_ticks=np.zeros((1, 2), dtype=np.int64),
            messages=1,
            sent_bytes=np.array([4, 0]),
            received_bytes=np.array([0, 0]),
        )


def test_a_port_that_carries_too_much_is_noticed(link: LinkCost, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "max_min_rates", lambda links, *rest: np.ones(len(links)))
    with pytest.raises(SelfCheckError, match="a link must carry at most its capacity, got 2.0"):
        _run(Engine.of("simpy", "flow"), link, "ps", 2)


@pytest.mark.parametrize(
    ("name", "sharing", "message"),
    [
        ("event", None, "--engine: must be rounds, events, simpy, got 'event'; did you mean events"),
        ("events", "fair", "--sharing: must be round or flow, got 'fair'"),
        ("rounds", "flow", "--sharing: is by round in the round engine, got 'flow'; use --engine events"),
    ],
)
def test_engines_that_do_not_exist(name: str, sharing: str | None, message: str) -> None:
    with pytest.raises(SpecError, match=message) as refused:
        Engine.of(name, sharing)
    assert refused.value.exit_code == 2


def test_titles_name_the_sharing_where_it_is_not_the_usual_one() -> None:
    assert [engine.title for engine in ENGINES] == [
        "rounds", "events (round)", "events", "simpy", "simpy (flow)",
    ]  # fmt: skip
