"""What must always hold of closed forms, whatever the numbers."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nearlinear.models.collectives import ALGORITHMS, Choices
from nearlinear.models.collectives.library import LIBRARY
from nearlinear.models.hardware.message import LinkCost, Residual
from nearlinear.models.hardware.topology import Topology, TopologyLevel

ALL = [*ALGORITHMS.values(), LIBRARY]
LATENCY = st.floats(0.0, 1e-3)
BANDWIDTH = st.floats(1e6, 1e12)
SIZE = st.floats(1.0, 1e10)
RANKS = st.integers(2, 300)


def _pieces(latency: float, slopes: list[float], breaks: list[float], z: float = 0.0) -> LinkCost:
    return LinkCost(
        latency_s=np.array([[latency]]),
        seconds_per_byte=tuple(np.array([[slope]]) for slope in slopes),
        break_bytes=tuple(sorted(breaks)),
        reduction_s_per_byte=np.array([[1e-11]]),
        residual=Residual(z=np.array([[z]]), spread=0.1, spread_per_octave=0.1, high_bytes=1e8),
    )


@st.composite
def costs(draw: st.DrawFn) -> LinkCost:
    """Any link: one to three pieces of any slope."""
    breaks = draw(st.lists(st.floats(1.0, 1e8), max_size=2, unique=True))
    slopes = draw(st.lists(st.floats(1e-12, 1e-6), min_size=len(breaks) + 1, max_size=len(breaks) + 1))
    return _pieces(draw(LATENCY), slopes, breaks, draw(st.floats(-2.5, 2.5)))


@st.composite
def topologies(draw: st.DrawFn) -> Topology:
    """One switch, or nodes on a network."""
    outer = draw(costs())
    if draw(st.booleans()):
        return Topology.flat(outer)
    span = draw(st.sampled_from([2, 4, 8]))
    levels = (
        TopologyLevel(name="node", span=span, cost=draw(costs())),
        TopologyLevel(
            name="network", span=np.inf, cost=outer, capacity=draw(st.sampled_from([1.0, 2.0, float(span)]))
        ),
    )
    return Topology(levels=levels)


def _choices(topology: Topology) -> Choices:
    span = topology.levels[0].span
    return Choices(group=1 if np.isinf(span) else int(span))


@pytest.mark.parametrize("algorithm", ALL, ids=lambda a: a.name)
@given(topology=topologies(), ranks=RANKS, size=SIZE, factor=st.floats(1.0, 100.0))
def test_time_never_falls_with_bytes(
    algorithm: object, topology: Topology, ranks: int, size: float, factor: float
) -> None:
    small, large = algorithm.time_s(topology, ranks, np.array([size, size * factor]), _choices(topology))[0]  # type: ignore[attr-defined]
    assert large >= small * (1 - 1e-12)


@pytest.mark.parametrize("algorithm", ALL, ids=lambda a: a.name)
@given(
    ranks=RANKS,
    size=SIZE,
    latency=LATENCY,
    more=st.floats(0.0, 1e-3),
    bandwidth=BANDWIDTH,
    faster=st.floats(1.0, 50.0),
)
def test_time_rises_with_latency_and_falls_with_bandwidth(
    algorithm: object, ranks: int, size: float, latency: float, more: float, bandwidth: float, faster: float
) -> None:
    def time(latency: float, bandwidth: float) -> float:
        topology = Topology.flat(LinkCost.of(latency, bandwidth, 1e-11))
        return float(algorithm.time_s(topology, ranks, size, Choices()))  # type: ignore[attr-defined]

    assert time(latency + more, bandwidth) >= time(latency, bandwidth) * (1 - 1e-12)
    assert time(latency, bandwidth * faster) <= time(latency, bandwidth) * (1 + 1e-12)


@pytest.mark.parametrize("algorithm", ALL, ids=lambda a: a.name)
@given(ranks=RANKS, size=SIZE, latency=LATENCY, bandwidth=BANDWIDTH)
def test_never_below_the_bandwidth_bound(
    algorithm: object, ranks: int, size: float, latency: float, bandwidth: float
) -> None:
    """An allreduce moves at least 2 (p-1)/p n bytes out of every rank."""
    time = algorithm.time_s(Topology.flat(LinkCost.of(latency, bandwidth)), ranks, size, Choices())  # type: ignore[attr-defined]
    assert float(time) >= 2 * (ranks - 1) / ranks * size / bandwidth * (1 - 1e-9)


@pytest.mark.parametrize("algorithm", ALL, ids=lambda a: a.name)
@given(ranks=RANKS, size=SIZE, latency=st.floats(1e-9, 1e-3), bandwidth=BANDWIDTH, unit=st.floats(1e-3, 1e3))
def test_scaling_the_unit_of_time_scales_the_answer(
    algorithm: object, ranks: int, size: float, latency: float, bandwidth: float, unit: float
) -> None:
    def time(factor: float) -> float:
        topology = Topology.flat(LinkCost.of(latency * factor, bandwidth / factor, 1e-10 * factor))
        return float(algorithm.time_s(topology, ranks, size, Choices()))  # type: ignore[attr-defined]

    assert time(unit) == pytest.approx(unit * time(1.0), rel=1e-9)
