"""Two-level hierarchical allreduce: reduce-scatter in the node, allreduce between nodes, allgather.

    t = ring reduce-scatter over g + outer allreduce of n/g over p/g + ring allgather over g

The g devices of a node each own 1/g of the vector and run the outer allreduce with their peers of the
other nodes, all at once (on one network adapter each, where the node has as many). A rank count that
the node does not divide uses the largest group that divides both.

References
----------
Goyal et al. 2017, "Accurate, large minibatch SGD", section 4 (three phases). Jia et al. 2018, "Highly
scalable deep learning training system with mixed-precision" (hierarchical allreduce).
"""

from collections.abc import Iterator
from math import gcd
from types import ModuleType

import numpy as np

from nearlinear.models.arrays import FloatArray, IntArray
from nearlinear.models.collectives import binomial_tree, halving_doubling, recursive_doubling, ring
from nearlinear.models.collectives.algorithm import Choices
from nearlinear.models.collectives.schedule import Phase, Schedule, Turn
from nearlinear.models.errors import SpecError
from nearlinear.models.hardware.topology import Topology

OUTER: dict[str, ModuleType] = {
    "ring": ring,
    "recursive-doubling": recursive_doubling,
    "halving-doubling": halving_doubling,
    "tree": binomial_tree,
}


def _outer(choices: Choices) -> ModuleType:
    if choices.outer not in OUTER:
        raise SpecError("--outer", f"must be one of {', '.join(OUTER)}", got=choices.outer)
    return OUTER[choices.outer]


def schedule(workers: int, choices: Choices) -> Schedule:
    """Return ring phases inside groups of ``choices.group`` around the outer allreduce."""
    group = gcd(workers, choices.group)
    groups = workers // group
    outer: Schedule = _outer(choices).schedule(groups, choices)
    fine = outer.chunk_count

    def phases() -> Iterator[Phase]:
        if group > 1:
            yield _inside(ring.reduce_scatter(group), group, groups, fine)
        lanes = (np.arange(group) + 1) % group * fine
        for phase in outer.phases():
            yield phase.laned(group, lanes)
        if group > 1:
            yield _inside(ring.allgather(group), group, groups, fine)

    return Schedule(workers=workers, chunk_count=group * fine, phases=phases)


def _inside(phase: Phase, group: int, groups: int, fine: int) -> Phase:
    """Return a ring phase over ``group`` ranks played in every group, on chunks ``fine`` times wider."""
    first = group * np.arange(groups)[:, None]
    return Phase(
        source=(first + phase.source[None, :]).ravel(),
        destination=(first + phase.destination[None, :]).ravel(),
        chunk=np.tile(phase.chunk * fine, groups),
        chunks=fine,
        reduce=phase.reduce,
        rounds=phase.rounds,
        chunk_turn=Turn(shift=phase.chunk_turn.shift * fine, cycle=phase.chunk_turn.cycle * fine),
    )


def time_s(
    topology: Topology, ranks: int | IntArray, size_bytes: FloatArray | float, choices: Choices
) -> FloatArray:
    """Return the time of the two-level allreduce of ``size_bytes``."""
    group = np.gcd(ranks, choices.group)
    size = np.asarray(size_bytes, dtype=float)
    inside = ring.time_s(topology, group, size, choices)
    outer = _outer(choices).time_s(topology.strided(group), np.asarray(ranks) // group, size / group, choices)
    return np.asarray(inside + outer)
