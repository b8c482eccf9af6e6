"""Critical paths by hand, on random runs, and of runs that were tampered with."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nearlinear.models.collectives import ALGORITHMS, Choices
from nearlinear.models.errors import SelfCheckError
from nearlinear.models.hardware.message import LinkCost
from nearlinear.models.hardware.topology import Topology
from nearlinear.simulator.exchange import Vector
from nearlinear.simulator.fabrics.fabric import Fabric
from nearlinear.simulator.noise import Noise
from nearlinear.simulator.rounds.bounds import check_bounds, lower_bounds
from nearlinear.simulator.rounds.critical_path import critical_path
from nearlinear.simulator.rounds.engine import run_packed
from nearlinear.simulator.rounds.packing import Packed
from nearlinear.simulator.usage import schedule_usage
from tests.agreement.cases import draw, draw_loggops

US = 10**6
SEED = st.integers(0, 2**31)


def _packed(name: str, ranks: int, elements: int) -> Packed:
    """Return 4-byte elements over 1 us and 1 GB/s, 0.1 ns per byte added."""
    schedule = ALGORITHMS[name].schedule_for(ranks, Choices())
    fabric = Fabric.of(Topology.flat(LinkCost.of(1e-6, 1e9, 1e-10)), schedule)
    return Packed(schedule, fabric, Vector(elements=elements))


def test_a_tree_of_two_by_hand() -> None:
    """Up: 1 us + 4 us, adding 0.4 us; down: 1 us + 4 us."""
    packed = _packed("tree", 2, 1000)
    outcome = run_packed(packed)
    path = critical_path(packed, outcome, np.zeros((1, 2), dtype=np.int64))
    parts = {part: ticks for part, ticks in path.parts.items() if ticks}
    assert parts == {"latency": 2 * US, "transfer": 8 * US, "adding": 4 * US // 10}
    assert [(hop.source, hop.destination) for hop in path.hops] == [(1, 0), (0, 1)]


def test_a_late_rank_is_where_the_path_starts() -> None:
    packed = _packed("ring", 3, 3000)
    start = np.array([[0, 7 * US, 0]])
    path = critical_path(packed, run_packed(packed, start), start)
    assert path.parts["start"] == 7 * US
    assert 1 in (path.hops[0].source, path.hops[0].destination)
    assert path.hops[0].begin_ticks == 8 * US  # after the latency of its first message


@settings(max_examples=60)
@given(SEED, st.booleans(), st.booleans())
def test_parts_sum_to_the_makespan(seed: int, loggops: bool, noisy: bool) -> None:
    packed = (draw_loggops if loggops else draw)(seed).packed
    noise = Noise(cpu=0.3, link=0.3, start_s=1e-4) if noisy else Noise(start_s=1e-4)
    starts, paces = noise.draw(3, packed.schedule.ranks, seed)
    packed = Packed(packed.schedule, packed.fabric, packed.vector, unequal=noisy)
    try:
        outcome = run_packed(packed, starts, paces)
    except ValueError:  # several messages that ask first
        return
    for sample in range(3):
        path = critical_path(packed, outcome, starts, paces, sample)
        assert sum(path.parts.values()) == outcome.end_ticks[sample].max()


@settings(max_examples=60)
@given(SEED, st.booleans())
def test_no_rank_is_faster_than_its_messages(seed: int, loggops: bool) -> None:
    drawn = (draw_loggops if loggops else draw)(seed)
    try:
        outcome = run_packed(drawn.packed, drawn.start)
    except ValueError:
        return
    check_bounds(drawn.packed, outcome, drawn.start[None, :])


def test_a_falsified_outcome_is_found() -> None:
    packed = _packed("ring", 4, 4000)
    outcome, start = run_packed(packed), np.zeros((1, 4), dtype=np.int64)
    wrong = outcome.end_ticks.copy()
    wrong[0, 2] += 1
    with pytest.raises(SelfCheckError, match="a replay must end where the engine ended"):
        critical_path(packed, replace(outcome, end_ticks=wrong), start)
    with pytest.raises(SelfCheckError, match="must need at least"):
        check_bounds(packed, replace(outcome, end_ticks=lower_bounds(packed) - 1), start)


def test_usage_by_hand() -> None:
    """A ring of 2 with 1,000 elements: each rank sends 2 x 2,000 bytes, 4 of its 6.2 us."""
    packed = _packed("ring", 2, 1000)
    makespan = int(run_packed(packed).end_ticks.max())
    assert makespan == 2 * (US + 2 * US) + US // 5
    links = schedule_usage([packed], 1, makespan)
    assert set(links.name) == {f"rank {r} {way}, level 0" for r in (0, 1) for way in ("out", "in")}
    assert links.carried_bytes.tolist() == [4000.0] * len(links.name)
    assert links.utilisation == pytest.approx([4 / 6.2] * len(links.name))
