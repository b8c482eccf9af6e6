"""Closed forms against numbers worked out by hand, for p ranks and n = 8 MB on a link of 1 us, 1 GB/s."""

from collections.abc import Callable

import numpy as np
import pytest

from nearlinear.models.collectives import ALGORITHMS, Choices, find
from nearlinear.models.collectives.hierarchical import OUTER
from nearlinear.models.collectives.library import LAUNCH_STEPS, LIBRARY
from nearlinear.models.errors import SpecError
from nearlinear.models.hardware.message import LinkCost
from nearlinear.models.hardware.topology import Topology

N = 8e6
L, B, R = 1e-6, 1e-9, 1e-10  # latency, seconds per byte, seconds per byte added


def _time(
    name: str, topology: Topology, ranks: int, choices: Choices | None = None, size: float = N
) -> float:
    return float(ALGORITHMS[name].time_s(topology, ranks, size, choices or Choices()))


@pytest.mark.parametrize(
    ("name", "ranks", "expected"),
    [
        ("ring", 8, 14 * (L + 1e6 * B) + 7 * 1e6 * R),
        ("ring", 2, 2 * (L + 4e6 * B) + 4e6 * R),
        ("recursive-doubling", 8, 3 * (L + 8e6 * B + 8e6 * R)),
        ("recursive-doubling", 6, 2 * (L + 8e6 * B + 8e6 * R) + 2 * (L + 8e6 * B) + 8e6 * R),
        ("halving-doubling", 8, 6 * L + 2 * 7e6 * B + 7e6 * R),
        ("tree", 8, 6 * (L + 8e6 * B) + 3 * 8e6 * R),
        ("tree", 5, 6 * (L + 8e6 * B) + 3 * 8e6 * R),
        ("copper", 8, 5 * (L + 8e6 * B) + 3 * 8e6 * R),  # 1, 3, 5 steps at 2, 4, 8 ranks
        ("copper", 4, 3 * (L + 8e6 * B) + 2 * 8e6 * R),
        ("copper", 2, L + 8e6 * B + 8e6 * R),
        ("copper", 6, 5 * (L + 8e6 * B) + 3 * 8e6 * R),  # folds 6 onto 4
        ("ps", 8, 2 * (L + 8 * 8e6 * B) + 8 * 8e6 * R),
        ("ps-sharded", 8, 14 * (L + 1e6 * B) + 7 * 1e6 * R),
        ("asa", 8, 14 * (L + 1e6 * B) + 7 * 1e6 * R),
        ("hierarchical", 8, 14 * (L + 1e6 * B) + 7 * 1e6 * R),  # one level: the outer ring over all
    ],
)
def test_by_hand(link: LinkCost, name: str, ranks: int, expected: float) -> None:
    assert _time(name, Topology.flat(link), ranks) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("name", ALGORITHMS)
def test_one_rank_and_no_byte_cost_nothing(link: LinkCost, name: str) -> None:
    topology = Topology.flat(link)
    assert _time(name, topology, 8, size=0.0) == 0.0
    if name != "ps":  # a dedicated server is asked even by one worker
        assert _time(name, topology, 1) == 0.0


def test_firecaffe_in_the_limit_of_bandwidth() -> None:
    """The tree costs 2 log2(p) n/B, one server 2 p n/B: 256 workers make it 32 times slower."""
    topology = Topology.flat(LinkCost.of(0.0, 1e9))
    assert _time("tree", topology, 256) == pytest.approx(2 * 8 * N / 1e9, rel=1e-12)
    assert _time("ps", topology, 256) == pytest.approx(2 * 256 * N / 1e9, rel=1e-12)


def test_servers_share_the_vector(link: LinkCost) -> None:
    # 8 workers, 4 servers: 4 rounds in which 2 workers face each server with 2 MB
    expected = 4 * (2 * (L + 2 * 2e6 * B) + 2 * 2e6 * R)
    assert _time("ps", Topology.flat(link), 8, Choices(servers=4)) == pytest.approx(expected, rel=1e-12)


def test_half_the_bytes_on_the_wire_and_full_sums(link: LinkCost) -> None:
    # 14 messages of 0.5 MB; 7 x 1 MB added, and 7 x 1 MB widened on the way back
    expected = 14 * (L + 0.5e6 * B) + 14 * 1e6 * R
    choices = Choices(wire_fraction=0.5)
    assert _time("asa", Topology.flat(link), 8, choices) == pytest.approx(expected, rel=1e-12)


def test_two_levels(two_levels: Callable[[int, float], Topology]) -> None:
    """16 ranks in nodes of 4: rings of 4 on 2 MB parts inside, rings of 4 nodes on 0.5 MB parts outside."""
    inside = 6 * (2e-6 + 2e6 / 100e9) + 3 * 2e6 * 1e-11
    outside = 6 * (10e-6 + 0.5e6 / 10e9) + 3 * 0.5e6 * 1e-11
    choices = Choices(group=4)
    assert _time("hierarchical", two_levels(4, 4), 16, choices) == pytest.approx(inside + outside, rel=1e-12)
    # one adapter for four devices: bytes between nodes flow four times slower
    shared = inside + outside + 6 * 3 * 0.5e6 / 10e9
    assert _time("hierarchical", two_levels(4, 1), 16, choices) == pytest.approx(shared, rel=1e-12)


def test_a_flat_ring_runs_at_its_slowest_hop(two_levels: Callable[[int, float], Topology]) -> None:
    expected = 30 * (10e-6 + 0.5e6 / 10e9) + 15 * 0.5e6 * 1e-11
    assert _time("ring", two_levels(4, 1), 16) == pytest.approx(expected, rel=1e-12)
    within = 6 * (2e-6 + 2e6 / 100e9) + 3 * 2e6 * 1e-11
    assert _time("ring", two_levels(4, 1), 4) == pytest.approx(within, rel=1e-12)


def test_a_library_pipelines_its_levels(two_levels: Callable[[int, float], Topology]) -> None:
    latency = (LAUNCH_STEPS + 6) * 2e-6 + 4 * 10e-6
    slowest = max(1.5 * 8e6 / 100e9, 1.5 * 2e6 / 10e9)
    time = LIBRARY.time_s(two_levels(4, 4), 16, N, Choices())
    assert float(time) == pytest.approx(latency + slowest, rel=1e-12)


@pytest.mark.parametrize("name", ALGORITHMS)
def test_sizes_ranks_and_samples_broadcast(name: str) -> None:
    cost = LinkCost(
        latency_s=np.array([[1e-6], [2e-6]]),
        seconds_per_byte=(np.array([[1e-9], [1e-10]]),),
        reduction_s_per_byte=np.zeros((2, 1)),
    )
    sizes, ranks = np.array([1e3, 1e6, 1e9]), np.array([2, 6, 16])
    together = ALGORITHMS[name].time_s(Topology.flat(cost), ranks, sizes, Choices())
    assert together.shape == (2, 3)
    for column, (size, rank) in enumerate(zip(sizes, ranks.tolist(), strict=True)):
        alone = ALGORITHMS[name].time_s(Topology.flat(cost), rank, size, Choices())
        assert together[:, column] == pytest.approx(alone[:, 0], rel=1e-12)


def test_unknown_algorithm() -> None:
    with pytest.raises(SpecError, match=r"got 'rign'; did you mean ring\?"):
        find("rign")


def test_unknown_outer_algorithm(link: LinkCost) -> None:
    choices, rule = Choices(group=2, outer="star"), f"must be one of {', '.join(OUTER)}"
    with pytest.raises(SpecError, match=rule):
        _time("hierarchical", Topology.flat(link), 4, choices)
    with pytest.raises(SpecError, match=rule):
        ALGORITHMS["hierarchical"].schedule_for(4, choices)
