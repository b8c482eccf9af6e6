"""Where ranks run: which of them share a node."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np


@dataclass(frozen=True, slots=True)
class Placement:
    """The node of every rank; ranks fill nodes in order (see :func:`in_node_order`)."""

    node_of: tuple[int, ...]

    @classmethod
    def regular(cls, ranks: int, per_node: int) -> Self:
        """Return so many ranks on each node."""
        return cls(tuple(rank // per_node for rank in range(ranks)))

    @classmethod
    def of(cls, comm: Any) -> Self:
        """Return the placement of a communicator's ranks; all of them must call this."""
        leaders = _leaders(comm).tolist()
        order = list(dict.fromkeys(leaders))
        return cls(tuple(order.index(leader) for leader in leaders))

    @property
    def ranks(self) -> int:
        """How many ranks there are."""
        return len(self.node_of)

    @property
    def nodes(self) -> int:
        """How many nodes they run on."""
        return len(set(self.node_of))

    @property
    def told(self) -> str:
        """The counts in words."""
        ranks, nodes = ("s" if count > 1 else "" for count in (self.ranks, self.nodes))
        return f"{self.ranks} rank{ranks} on {self.nodes} node{nodes}"

    @property
    def ranks_per_node(self) -> tuple[int, ...]:
        """Ranks of each node."""
        return tuple(Counter(self.node_of).values())

    @property
    def per_node(self) -> int | None:
        """Ranks of every node, or None where nodes differ."""
        counts = set(self.ranks_per_node)
        return counts.pop() if len(counts) == 1 else None

    def nodes_among(self, ranks: Iterable[int]) -> int:
        """Return how many nodes some of the ranks run on."""
        return len({self.node_of[rank] for rank in ranks})

    def part(self, ranks: Sequence[int]) -> "Placement":
        """Return the placement of some of the ranks, in that order."""
        order = list(dict.fromkeys(self.node_of[rank] for rank in ranks))
        return Placement(tuple(order.index(self.node_of[rank]) for rank in ranks))

    def partners(self) -> tuple[int, ...]:
        """Return a partner of rank 0 on its own node and one on another, as far as there are any."""
        inside = [rank for rank in range(1, self.ranks) if self.node_of[rank] == self.node_of[0]]
        outside = [rank for rank in range(1, self.ranks) if self.node_of[rank] != self.node_of[0]]
        return (*inside[:1], *outside[:1])


def in_node_order(comm: Any) -> Any:
    """Return the communicator with ranks renumbered so that they fill nodes in order.

    Schedules assume that ranks 0 to g-1 share the first node; launchers may deal ranks out in turn.
    """
    leader = int(_leaders(comm)[comm.Get_rank()])
    return comm.Split(0, leader)


def _leaders(comm: Any) -> Any:
    """Return for every rank the lowest rank that shares its node."""
    from mpi4py import MPI

    lowest = np.array([comm.Get_rank()], dtype=np.int64)
    shared = comm.Split_type(MPI.COMM_TYPE_SHARED)
    shared.Allreduce(MPI.IN_PLACE, lowest, op=MPI.MIN)
    shared.Free()
    everyone = np.empty(comm.Get_size(), dtype=np.int64)
    comm.Allgather(lowest, everyone)
    return everyone
