"""Max-min fairness, by hand."""

import numpy as np
import pytest

from nearlinear.simulator.sharing import max_min_rates


@pytest.mark.parametrize(
    ("paths", "capacity", "expected"),
    [
        ([[0], [0], [0], [0]], [1.0], [0.25] * 4),  # one port, four flows
        ([[0], [0]], [4.0], [1.0, 1.0]),  # room for all
        ([[0, 1], [0, 2], [3, 2]], [1.0, 1.0, 1.0, 1.0], [0.5, 0.5, 0.5]),
        # three flows on 0, one of which leaves through 1 with a tenth: the others share the rest
        ([[0, 1], [0, -1], [0, -1]], [1.0, 0.1], [0.1, 0.45, 0.45]),
        # levels one after another: 1/3 on the first, then 2/3 for the flow that shares with only one of them
        ([[0, -1], [0, -1], [0, 1], [1, -1]], [1.0, 1.0], [1 / 3, 1 / 3, 1 / 3, 2 / 3]),
        ([[-1, -1]], [1.0], [1.0]),  # no resource at all
    ],
)
def test_by_hand(paths: list[list[int]], capacity: list[float], expected: list[float]) -> None:
    rates = max_min_rates(np.array(paths), np.array(capacity))
    assert rates.tolist() == pytest.approx(expected, rel=1e-12)


def test_no_flow() -> None:
    assert max_min_rates(np.empty((0, 2), dtype=int), np.array([1.0])).tolist() == []
