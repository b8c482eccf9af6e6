"""Placement: which level a transfer uses, which resources it shares."""

from collections.abc import Callable

import numpy as np
import pytest

from nearlinear.models.arrays import IntArray
from nearlinear.models.collectives import ALGORITHMS, Choices
from nearlinear.models.collectives.schedule import Phase, Schedule
from nearlinear.models.hardware.message import LinkCost
from nearlinear.models.hardware.topology import Topology
from nearlinear.simulator.exchange import Vector
from nearlinear.simulator.fabrics.fabric import Fabric, contention_free
from nearlinear.simulator.rounds.packing import Packed


def _pairs(*pairs: tuple[int, int]) -> tuple[IntArray, IntArray]:
    source, destination = np.array(pairs).T
    return source, destination


def _rates(fabric: Fabric, *pairs: tuple[int, int]) -> list[float]:
    return list((1.0 / fabric.meet(*_pairs(*pairs)).slowdown).tolist())


def _fabric(topology: Topology, name: str, ranks: int, choices: Choices | None = None) -> Fabric:
    return Fabric.of(topology, ALGORITHMS[name].schedule_for(ranks, choices or Choices()))


def test_levels(two_levels: Callable[[int, float], Topology]) -> None:
    fabric = _fabric(two_levels(4, 4), "ring", 8)
    assert fabric.level(*_pairs((0, 3), (3, 4), (4, 7), (7, 0))).tolist() == [0, 1, 0, 1]


def test_devices_of_a_node_share_its_adapter(two_levels: Callable[[int, float], Topology]) -> None:
    across = ((0, 4), (1, 5), (2, 6), (3, 7))
    fabric = _fabric(two_levels(4, 1), "ring", 8)
    assert _rates(fabric, *across) == [0.25] * 4
    fabric = _fabric(two_levels(4, 2), "ring", 8)
    assert _rates(fabric, *across) == [0.5] * 4
    fabric = _fabric(two_levels(4, 4), "ring", 8)
    assert _rates(fabric, *across) == [1.0] * 4


def test_links_inside_and_outside_are_not_shared(two_levels: Callable[[int, float], Topology]) -> None:
    fabric = _fabric(two_levels(4, 1), "ring", 8)
    assert _rates(fabric, (0, 4), (0, 1)) == [1.0, 1.0]


def test_a_dedicated_server_sits_on_a_node_of_its_own(two_levels: Callable[[int, float], Topology]) -> None:
    fabric = _fabric(two_levels(4, 4), "ps", 4)
    pushes = ((0, 4), (1, 4), (2, 4), (3, 4))
    assert fabric.level(*_pairs(*pushes)).tolist() == [1, 1, 1, 1]
    assert _rates(fabric, *pushes) == [0.25] * 4


def test_what_does_not_move() -> None:
    """Two elements in three chunks: 0, 1 and 1; rank 0 sends to itself, rank 1 the empty chunk."""
    phase = Phase(
        source=np.array([1, 0, 2]), destination=np.array([2, 0, 1]), chunk=np.arange(3), reduce=False
    )
    schedule = Schedule(workers=3, chunk_count=3, phases=lambda: iter([phase]))
    fabric = Fabric.of(Topology.flat(LinkCost.of(1e-6, 1e9)), schedule)
    (part,) = Packed(schedule, fabric, Vector(elements=2)).parts()
    ((source, destination, group),) = part.phases[0].moves()
    assert (source.tolist(), destination.tolist()) == ([2], [1])
    assert part.classes.elements[group].tolist() == [1]


@pytest.mark.parametrize(
    ("name", "free"),
    [
        ("ring", True),
        ("tree", True),
        ("halving-doubling", True),
        ("asa", True),
        ("ps-sharded", True),
        ("ps", False),
    ],
)
def test_free_of_contention_on_one_switch(name: str, free: bool) -> None:
    schedule = ALGORITHMS[name].schedule_for(6, Choices())
    fabric = Fabric.of(Topology.flat(LinkCost.of(1e-6, 1e9)), schedule)
    assert contention_free(schedule, fabric) is free
