"""Max-min fairness, by hand, and in loops as in NumPy."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nearlinear.models.arrays import FloatArray, IntArray
from nearlinear.simulator.compiled import compiled
from nearlinear.simulator.fabrics import sharing
from nearlinear.simulator.fabrics.sharing import exact_shares, fair_rates, full_rates, max_min_rates
from nearlinear.simulator.kernels.filling import fill

FEW, MANY = 150, 5_000


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
    """Where no flow is faster than one port."""
    rates = max_min_rates(np.array(paths), np.array(capacity), limit=1.0)
    assert rates.tolist() == pytest.approx(expected, rel=1e-12)


def test_no_flow() -> None:
    assert max_min_rates(np.empty((0, 2), dtype=int), np.array([1.0])).tolist() == []


@pytest.mark.parametrize(
    ("paths", "capacity", "limit", "expected"),
    [
        ([[0], [0]], [4.0], [np.inf, np.inf], [2.0, 2.0]),  # no port: all that the link has
        ([[-1]], [1.0], [np.inf], [np.inf]),  # nothing limits it
        ([[0], [0], [0]], [1.0], [0.1, 1.0, 1.0], [0.1, 0.45, 0.45]),  # a slow port leaves its part to others
        ([[0], [0]], [1.0], [0.5, 0.25], [0.5, 0.25]),  # both slower than their part of the link
        ([[0], [0], [1]], [1.0, 3.0], [1.0, 0.5, 2.0], [0.5, 0.5, 2.0]),
    ],
)
def test_limits_by_hand(
    paths: list[list[int]], capacity: list[float], limit: list[float], expected: list[float]
) -> None:
    rates = max_min_rates(np.array(paths), np.array(capacity), limit=np.array(limit))
    assert rates.tolist() == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(
    ("paths", "share", "capacity", "expected"),
    [
        # a flow split in halves over two links: each carries half of it
        ([[0, 1]], [[0.5, 0.5]], [1.0, 1.0], [2.0]),
        # beside it a whole flow on 0: r / 2 + r = 1 there
        ([[0, 1], [0, -1]], [[0.5, 0.5], [1.0, 0.0]], [1.0, 1.0], [2 / 3, 2 / 3]),
        # 1 binds the split flow at 0.25 / 0.25; the whole one takes the rest of 0: 2 - 0.75
        ([[0, 1], [0, -1]], [[0.75, 0.25], [1.0, 0.0]], [2.0, 0.25], [1.0, 1.25]),
    ],
)
def test_shares_by_hand(
    paths: list[list[int]], share: list[list[float]], capacity: list[float], expected: list[float]
) -> None:
    rates = max_min_rates(np.array(paths), np.array(capacity), np.array(share))
    assert rates.tolist() == pytest.approx(expected, rel=1e-12)


def _case(seed: int) -> tuple[IntArray, FloatArray, FloatArray | None, FloatArray]:
    """Return random paths, capacities, shares (or none) and limits, with many equals among them."""
    rng = np.random.default_rng(seed)
    flows, hops, links = (int(rng.integers(1, most)) for most in (30, 5, 12))
    hops = min(hops, links)
    paths = np.argsort(rng.random((flows, links)), axis=1)[:, :hops]
    paths[rng.random(paths.shape) < rng.choice([0.0, 0.3])] = -1
    share = None
    if rng.random() < 0.5:
        share = np.where(paths >= 0, exact_shares(rng.choice([1.0, 0.5, 1 / 3, 0.2], paths.shape)), 0.0)
    capacity = rng.choice([0.5, 1.0, 2.0, 3.7], links)
    limit = rng.choice([np.inf, 1.0, 0.3, 2.0], flows) if rng.random() < 0.7 else np.ones(flows)
    return paths, capacity, share, limit


def _check_loops(seed: int) -> None:
    paths, capacity, share, limit = _case(seed)
    expected = max_min_rates(paths, capacity, share, limit)
    whole = np.ones((1, 1)) if share is None else share
    for kernel in (fill, compiled(fill)):
        rates = np.empty(len(paths))
        bound = np.minimum(full_rates(paths, capacity, share), limit)
        kernel(paths, whole, capacity, bound, rates)
        assert rates.tolist() == expected.tolist()


@settings(max_examples=FEW)
@given(seed=st.integers(0, 2**31))
def test_loops_find_the_same_bits(seed: int) -> None:
    _check_loops(seed)


@pytest.mark.slow
@settings(max_examples=MANY)
@given(seed=st.integers(0, 2**31))
def test_loops_find_the_same_bits_in_many_cases(seed: int) -> None:
    _check_loops(seed)


@settings(max_examples=FEW)
@given(seed=st.integers(0, 2**31))
def test_nobody_could_be_faster(seed: int) -> None:
    """No link is overfull; who is below its limit crosses a full link, on which nobody is faster."""
    paths, capacity, share, limit = _case(seed)
    rates = max_min_rates(paths, capacity, share, limit)
    weight = np.ones(paths.shape) if share is None else share
    load = np.zeros(len(capacity))
    for flow, path in enumerate(paths):
        for hop, link in enumerate(path):
            load[link] += rates[flow] * weight[flow, hop] if link >= 0 else 0.0
    assert (load <= capacity * (1 + 1e-9)).all()
    for flow, path in enumerate(paths):
        if rates[flow] == limit[flow]:
            continue
        full = [link for link in path if link >= 0 and load[link] >= capacity[link] * (1 - 1e-9)]
        assert any(rates[(paths == link).any(axis=1)].max() <= rates[flow] * (1 + 1e-9) for link in full)


def test_many_flows_take_the_loops(monkeypatch: pytest.MonkeyPatch) -> None:
    """As many flows as are worth compiling, with and without numba: the same bits."""
    rng = np.random.default_rng(3)
    paths = np.stack([rng.integers(0, 40, sharing.WORTH_COMPILING), rng.integers(40, 80, 4096)], axis=1)
    capacity = rng.choice([1.0, 4.0, 9.0], 80)
    fast = fair_rates(paths, capacity, limit=1.0)
    monkeypatch.setattr(sharing, "available", lambda: False)
    assert fast.tolist() == fair_rates(paths, capacity, limit=1.0).tolist()
