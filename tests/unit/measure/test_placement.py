import pytest

from nearlinear.measure.operations.rounds import fitting
from nearlinear.measure.placement import Placement
from nearlinear.models.collectives import ALGORITHMS


def test_ranks_on_nodes() -> None:
    placement = Placement.regular(8, 4)
    assert placement.node_of == (0, 0, 0, 0, 1, 1, 1, 1)
    assert (placement.ranks, placement.nodes, placement.per_node) == (8, 2, 4)
    assert placement.partners() == (1, 4)
    assert placement.nodes_among((0, 1)) == 1
    assert placement.nodes_among((0, 4)) == 2


def test_nodes_that_differ() -> None:
    placement = Placement((0, 0, 0, 1))
    assert placement.ranks_per_node == (3, 1)
    assert placement.per_node is None


@pytest.mark.parametrize(
    ("node_of", "partners"), [((0, 1), (1,)), ((0, 0), (1,)), ((0, 1, 1), (1,)), ((0,), ())]
)
def test_partners(node_of: tuple[int, ...], partners: tuple[int, ...]) -> None:
    assert Placement(node_of).partners() == partners


def _names(placement: Placement) -> set[str]:
    return {name for name in ALGORITHMS if fitting(name, placement)}


def test_what_works_inside_nodes_first_needs_several_of_them() -> None:
    nested = {name for name, algorithm in ALGORITHMS.items() if algorithm.nested}
    assert nested == {"hierarchical"}
    assert nested <= _names(Placement.regular(8, 4))
    for other in (Placement.regular(8, 8), Placement.regular(8, 1), Placement((0, 0, 0, 1))):
        assert not nested & _names(other)


def test_servers_take_ranks_of_their_own() -> None:
    assert fitting("ps", Placement.regular(2, 2)) is None
    server = fitting("ps", Placement.regular(5, 5))
    assert server is not None
    assert (server.workers, server.servers) == (4, 1)


def test_a_part_of_the_ranks() -> None:
    part = Placement((0, 0, 1, 1, 2, 2)).part((0, 4, 5))
    assert part == Placement((0, 1, 1))
    assert part.told == "3 ranks on 2 nodes"
    assert Placement((0,)).told == "1 rank on 1 node"
