"""Which closed form reads a measured operation, given where its ranks sit.

A library's own collective is read through ``models.collectives.library``, messages of our own schedules
through their own closed form. Times are in the parameters of one level of links; others are given.
"""

from dataclasses import dataclass

import numpy as np

from nearlinear.calibrate.points import KIND, Points, groups
from nearlinear.models.arrays import FloatArray
from nearlinear.models.collectives import ALGORITHMS, Choices, library
from nearlinear.models.hardware.message import LinkCost
from nearlinear.models.hardware.topology import Topology, TopologyLevel

VENDOR_FORM = "library"
HALF = ("alltoall", "gather", "scatter")  # of an allreduce's passes, as its own halves
WHOLE = ("broadcast", "reduce")  # the vector passes once, in a pipeline
COLLECTIVES = (*library.SHARE, *HALF, *WHOLE)
MESSAGE, STREAM = "sendrecv", "bandwidth"  # one message there and back, and windows of them one way
READABLE = (*COLLECTIVES, MESSAGE)


@dataclass(frozen=True, slots=True, eq=False)
class Inside:
    """What is known inside nodes: the cost of their links, and the adapters that their ranks share.

    ``adapters`` is None for a library's own collective, whose time holds the sharing already.
    """

    cost: LinkCost
    adapters: int | None = None


@dataclass(frozen=True, slots=True)
class Kind:
    """Points that one closed form reads: same operation, algorithm and participants."""

    operation: str
    algorithm: str
    ranks: int
    nodes: int
    rows: np.ndarray

    @property
    def per_node(self) -> int:
        """Ranks of each node; of one rank per node, too, where a server has a node of its own."""
        return max(self.ranks // self.nodes, 1)

    @property
    def level(self) -> str:
        """The outermost links that the ranks span."""
        return "node" if self.nodes == 1 else "network"

    @property
    def source(self) -> str:
        """What was timed: single messages, streams of them, the library's collective, or our own rounds."""
        if self.operation in (MESSAGE, STREAM):
            return "pingpong" if self.operation == MESSAGE else "stream"
        return "vendor" if self.algorithm == "vendor" else "rounds"

    @property
    def units(self) -> int:
        """How many units the outermost links join."""
        return self.ranks if self.nodes == 1 else self.nodes

    @property
    def share(self) -> float:
        """Time of a library's collective over that of its allreduce of as large a vector."""
        if self.operation in WHOLE:
            return self.units / (2.0 * (self.units - 1))
        return library.SHARE.get(self.operation, 0.5)

    def time_s(self, size_bytes: FloatArray, cost: LinkCost, inner: Inside | None) -> FloatArray:
        """Return modelled times, shape (samples, sizes).

        Parameters
        ----------
        size_bytes : ndarray, shape (sizes,)
            Vectors.
        cost : LinkCost
            Of the level that is fitted: the outermost that the ranks span.
        inner : Inside or None
            Of the level inside nodes, where ranks span nodes of several devices.
        """
        if self.operation in (MESSAGE, STREAM):
            return cost.transfer_s(size_bytes)
        per_node = self.per_node
        topology, group = Topology.flat(cost), 1
        if self.nodes > 1 and per_node > 1 and inner is not None:
            levels = (
                TopologyLevel(name="node", span=per_node, cost=inner.cost),
                TopologyLevel(name="network", span=np.inf, cost=cost, capacity=inner.adapters or per_node),
            )
            topology, group = Topology(levels=levels), per_node
        if self.algorithm == "vendor":
            return self.share * library.time_s(topology, self.ranks, size_bytes, Choices())
        form = ALGORITHMS[self.algorithm].time_s
        return form(topology, self.ranks, size_bytes, Choices(group=group))

    def message_bytes(self, size_bytes: FloatArray) -> FloatArray:
        """Return the messages that a vector becomes: the sizes at which the link itself is measured."""
        per_node = self.per_node
        if self.algorithm == "vendor":
            return size_bytes / (
                per_node if self.nodes > 1 and self.operation not in (MESSAGE, STREAM) else 1
            )
        return size_bytes / self.ranks if ALGORITHMS[self.algorithm].cuts else size_bytes


def kinds_of(points: Points) -> list[Kind]:
    """Return the kinds that occur, in order of appearance."""
    return [
        Kind(
            str(points.operation[rows[0]]),
            str(points.algorithm[rows[0]]),
            int(points.ranks[rows[0]]),
            int(points.nodes[rows[0]]),
            rows,
        )
        for rows in groups(points, KIND)
    ]
