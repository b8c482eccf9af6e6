"""Placement: which level a transfer uses, which resources it shares."""

from collections.abc import Callable

import numpy as np
import pytest

from nearlinear.models.collectives import ALGORITHMS, Choices
from nearlinear.models.collectives.schedule import Transfers
from nearlinear.models.hardware.message import LinkCost
from nearlinear.models.hardware.topology import Topology
from nearlinear.simulator.fabric import Fabric, contention_free, moving


def _transfers(pairs: list[tuple[int, int]]) -> Transfers:
    source, destination = np.array(pairs).T
    return Transfers(
        source=source, destination=destination, chunk=np.zeros(len(pairs), dtype=int), chunks=1, reduce=True
    )


def _fabric(topology: Topology, name: str, ranks: int, choices: Choices | None = None) -> Fabric:
    return Fabric.of(topology, ALGORITHMS[name].schedule_for(ranks, choices or Choices()))


def test_levels(two_levels: Callable[[int, float], Topology]) -> None:
    fabric = _fabric(two_levels(4, 4), "ring", 8)
    assert fabric.level(_transfers([(0, 3), (3, 4), (4, 7), (7, 0)])).tolist() == [0, 1, 0, 1]


def test_devices_of_a_node_share_its_adapter(two_levels: Callable[[int, float], Topology]) -> None:
    across = _transfers([(0, 4), (1, 5), (2, 6), (3, 7)])
    fabric = _fabric(two_levels(4, 1), "ring", 8)
    assert fabric.rates(across, fabric.level(across)).tolist() == [0.25] * 4
    fabric = _fabric(two_levels(4, 2), "ring", 8)
    assert fabric.rates(across, fabric.level(across)).tolist() == [0.5] * 4
    fabric = _fabric(two_levels(4, 4), "ring", 8)
    assert fabric.rates(across, fabric.level(across)).tolist() == [1.0] * 4


def test_links_inside_and_outside_are_not_shared(two_levels: Callable[[int, float], Topology]) -> None:
    mixed = _transfers([(0, 4), (0, 1)])
    fabric = _fabric(two_levels(4, 1), "ring", 8)
    assert fabric.rates(mixed, fabric.level(mixed)).tolist() == [1.0, 1.0]


def test_a_dedicated_server_sits_on_a_node_of_its_own(two_levels: Callable[[int, float], Topology]) -> None:
    fabric = _fabric(two_levels(4, 4), "ps", 4)
    pushes = _transfers([(0, 4), (1, 4), (2, 4), (3, 4)])
    assert fabric.level(pushes).tolist() == [1, 1, 1, 1]
    assert fabric.rates(pushes, fabric.level(pushes)).tolist() == [0.25] * 4


def test_what_does_not_move() -> None:
    transfers = Transfers(
        source=np.array([0, 1, 2]),
        destination=np.array([0, 2, 1]),
        chunk=np.array([0, 1, 2]),
        chunks=1,
        reduce=False,
    )
    kept, elements = moving(transfers, np.array([0, 5, 5, 9]))  # chunk 1 is empty
    assert kept.source.tolist() == [2]
    assert elements.tolist() == [4]


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
