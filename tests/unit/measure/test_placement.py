import pytest

from nearlinear.measure.operations import find_operations
from nearlinear.measure.placement import Placement
from nearlinear.models.collectives import ALGORITHMS
from nearlinear.models.errors import SpecError


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
    return {row.algorithm for row in find_operations(["allreduce"], ["all"], placement)}


def test_what_works_inside_nodes_first_needs_several_of_them() -> None:
    nested = {name for name, algorithm in ALGORITHMS.items() if algorithm.nested}
    assert nested == {"hierarchical"}
    assert nested <= _names(Placement.regular(8, 4))
    for other in (Placement.regular(8, 8), Placement.regular(8, 1), Placement((0, 0, 0, 1))):
        assert not nested & _names(other)


def test_nothing_that_can_be_played() -> None:
    with pytest.raises(SpecError, match="must be such that 2 ranks on 1 nodes can play, got 'ps'"):
        find_operations(["allreduce"], ["ps"], Placement.regular(2, 2))
