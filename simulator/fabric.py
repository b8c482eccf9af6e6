"""Where ranks sit and which resources a transfer uses: the topology as an engine sees it.

Every level of links has directed resources: the uplink of each unit of the level below, out and in, and
the port of each device. A transfer belongs to the innermost level whose unit holds both ends and uses
the resources of that level alone. A dedicated server sits on a node of its own.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nearlinear.models.arrays import FloatArray, IntArray
from nearlinear.models.collectives.schedule import Schedule, Transfers
from nearlinear.models.hardware.message import LinkCost
from nearlinear.models.hardware.topology import Topology
from nearlinear.simulator.sharing import max_min_rates


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Fabric:
    """Placement of ranks in nested units, and the resources between them.

    Attributes
    ----------
    units : ndarray of int, shape (levels, ranks)
        For each level, which unit of the level *below* a rank belongs to; at level 0 the device itself.
    inside : ndarray of int, shape (levels, ranks)
        For each level, which unit of that level a rank belongs to.
    costs : tuple of LinkCost
        One per level.
    capacity : ndarray, shape (levels,)
        Transfers at full rate that leave one unit of the level below at once.
    """

    units: IntArray
    inside: IntArray
    costs: tuple[LinkCost, ...]
    capacity: FloatArray

    @classmethod
    def of(cls, topology: Topology, schedule: Schedule) -> "Fabric":
        """Return the fabric for all participants of a schedule, ranks filling units in order."""
        ranks = np.arange(schedule.ranks)
        server = ranks >= schedule.workers
        below, units, inside = np.ones(()), [], []
        for level in topology.levels:
            units.append(_unit(ranks, server, below, schedule))
            inside.append(_unit(ranks, server, np.asarray(level.span), schedule))
            below = np.asarray(level.span)
        inside[-1] = np.zeros_like(ranks)  # the outermost level joins everything, servers too
        return cls(
            units=np.array(units),
            inside=np.array(inside),
            costs=tuple(level.cost for level in topology.levels),
            capacity=np.array([level.capacity for level in topology.levels]),
        )

    def level(self, transfers: Transfers) -> IntArray:
        """Return the level of every transfer, shape (n,)."""
        same = self.inside[:, transfers.source] == self.inside[:, transfers.destination]
        innermost: IntArray = np.argmax(same, axis=0).astype(np.int64)
        return innermost

    def paths(self, transfers: Transfers, level: IntArray) -> IntArray:
        """Return the four resources of every transfer: uplink out, uplink in, port out, port in."""
        ranks = self.units.shape[1]
        directions = 4 * ranks
        out = self.units[level, transfers.source]
        into = self.units[level, transfers.destination] + ranks
        ports = (transfers.source + 2 * ranks, transfers.destination + 3 * ranks)
        return np.asarray(np.stack([out, into, *ports], axis=1) + (level * directions)[:, None])

    def rates(self, transfers: Transfers, level: IntArray) -> FloatArray:
        """Return the share of its full rate that every transfer gets while the round lasts."""
        if len(level) == 0:
            return np.ones(0)
        paths = self.paths(transfers, level)
        used, compact = np.unique(paths, return_inverse=True)
        compact = compact.reshape(paths.shape)
        capacity = self._capacity(used)
        if (np.bincount(compact.ravel(), minlength=len(used)) <= capacity).all():
            return np.ones(len(level))
        return max_min_rates(compact, capacity)

    def _capacity(self, resources: IntArray) -> FloatArray:
        ranks = self.units.shape[1]
        is_port = resources % (4 * ranks) >= 2 * ranks
        return np.where(is_port, 1.0, self.capacity[resources // (4 * ranks)])


def _unit(ranks: IntArray, server: NDArray[np.bool_], span: FloatArray, schedule: Schedule) -> IntArray:
    """Return the unit of ``span`` ranks that each rank sits in; servers have units of their own."""
    if np.isinf(span):
        return np.zeros_like(ranks)
    return np.where(server, ranks, ranks // int(span))


def moving(transfers: Transfers, bounds: IntArray) -> tuple[Transfers, IntArray]:
    """Return the transfers that move something, and how many elements each moves.

    A transfer to oneself or of no element does not happen.
    """
    elements = bounds[transfers.chunk + transfers.chunks] - bounds[transfers.chunk]
    keep = (transfers.source != transfers.destination) & (elements > 0)
    if keep.all():
        return transfers, elements
    kept = Transfers(
        source=transfers.source[keep],
        destination=transfers.destination[keep],
        chunk=transfers.chunk[keep],
        chunks=transfers.chunks,
        reduce=transfers.reduce,
    )
    return kept, elements[keep]


def contention_free(schedule: Schedule, fabric: Fabric) -> bool:
    """Return whether no resource ever carries more transfers at once than it has links for."""
    bounds = schedule.chunk_bounds(schedule.chunk_count)
    for phase in schedule.phases():
        for k in range(1 if phase.fixed_peers else phase.rounds):
            transfers, _ = moving(phase.round(k), bounds)
            if (fabric.rates(transfers, fabric.level(transfers)) < 1.0).any():
                return False
    return True
