"""Fixtures that several folders share."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, settings

from nearlinear.models.arrays import IntArray
from nearlinear.models.collectives.schedule import Schedule
from nearlinear.models.hardware.message import LinkCost
from nearlinear.models.hardware.topology import Topology, TopologyLevel

settings.register_profile(
    "nearlinear", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("nearlinear")

ROOT = Path(__file__).parents[1]


@pytest.fixture
def link() -> LinkCost:
    """A link of 1 us, 1 GB/s and 0.1 ns per byte added: 1 MB takes 1.001 ms, its sum 0.1 ms."""
    return LinkCost.of(1e-6, 1e9, 1e-10)


@pytest.fixture
def two_levels() -> Callable[[int, float], Topology]:
    """Nodes of ``span`` devices on fast links, joined by slower ones with ``capacity`` adapters."""

    def make(span: int, capacity: float) -> Topology:
        inner, outer = LinkCost.of(2e-6, 100e9, 1e-11), LinkCost.of(10e-6, 10e9, 1e-11)
        return Topology(
            levels=(
                TopologyLevel(name="node", span=span, cost=inner),
                TopologyLevel(name="network", span=np.inf, cost=outer, capacity=capacity),
            )
        )

    return make


def execute(schedule: Schedule, vectors: IntArray) -> IntArray:
    """Return what every rank holds after a schedule, executed in memory on integers.

    Parameters
    ----------
    vectors : ndarray of int, shape (ranks, elements)
        What every rank holds before; servers hold zeros.
    """
    held = vectors.copy()
    bounds = schedule.chunk_bounds(vectors.shape[1])
    for phase in schedule.phases():
        for transfers in phase:
            before = held.copy()
            for source, destination, chunk in zip(
                transfers.source, transfers.destination, transfers.chunk, strict=True
            ):
                if source == destination:
                    continue
                part = slice(bounds[chunk], bounds[chunk + transfers.chunks])
                if transfers.reduce:
                    held[destination, part] += before[source, part]
                else:
                    held[destination, part] = before[source, part]
    return held
