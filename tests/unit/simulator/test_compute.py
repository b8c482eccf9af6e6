"""The order in which buckets travel, conditions, and which ranks a timeline shows."""

import numpy as np
import pytest

from nearlinear.models.errors import SpecError
from nearlinear.simulator.noise import Noise
from nearlinear.simulator.steps.compute import bucket_order
from nearlinear.simulator.steps.conditions import Conditions, node_of
from nearlinear.simulator.timeline import representative_ranks


@pytest.mark.parametrize(
    ("ready", "exchange", "expected"),
    [
        ([0.0, 1.0, 2.0], [5.0, 5.0, 5.0], [0, 2, 1]),
        ([0.0, 1.0, 2.0], [0.5, 0.5, 0.5], [0, 1, 2]),  # the stream is free whenever one is ready
        ([3.0, 3.0, 3.0], [1.0, 1.0, 1.0], [2, 1, 0]),  # without overlap all are ready at once
    ],
)
def test_priority(ready: list[float], exchange: list[float], expected: list[int]) -> None:
    assert bucket_order(np.array(ready), np.array(exchange), priority=True) == expected
    assert bucket_order(np.array(ready), np.array(exchange), priority=False) == [0, 1, 2]


def test_slow_nodes_and_links() -> None:
    conditions = Conditions(slow_nodes={1: 0.5}, slow_links={"node 0": 0.25, "leaf 0 -> spine 0": 0.5})
    assert conditions.node_paces(5, 2).tolist() == [1, 1, 2, 2, 1]
    assert conditions.port_rates(5, 2).tolist() == [0.25, 0.25, 1, 1, 1]
    assert [node_of(link) for link in conditions.slow_links] == [0, None]
    with pytest.raises(SpecError, match="--slow-node: must be a node from 0 to 0 at 2 devices, got 1"):
        conditions.check_nodes(2, 2)
    with pytest.raises(SpecError, match="--slow-link: must be a speed above 0 and at most 1"):
        Conditions(slow_links={"node 0": 0.0})


def test_noise_is_seeded_and_only_where_asked() -> None:
    start, paces = Noise(start_s=1e-6).draw(4, 3, 0)
    assert paces is None
    assert 0 <= start.min() < start.max() <= 10**6
    again, drawn = Noise.of("cpu=10%,link=0%,start=1us").draw(4, 3, 0)
    assert drawn is not None
    assert (again == start).all()
    assert (drawn.link == 1.0).all()
    assert drawn.cpu.std() > 0


def test_representative_ranks() -> None:
    """First and last to end are always among them."""
    ends = np.array([5, 1, 9, 7, 3, 2])
    assert representative_ranks(ends, 2) == [1, 2]
    assert representative_ranks(ends, 99) == list(range(6))
