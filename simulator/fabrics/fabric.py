"""Where ranks sit and which links a transfer uses: the cluster as an engine sees it.

Every level of links has directed resources: the uplink of each unit of the level below, out and in, and
the port of each device. A transfer belongs to the innermost level whose unit holds both ends and uses
the resources of that level; on the outermost level a network of switches may lie between the uplinks.
A dedicated server sits on a node of its own. Rates are in units of one port of the transfer's level.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from nearlinear.models.arrays import FloatArray, IntArray
from nearlinear.models.collectives.schedule import Schedule
from nearlinear.models.hardware.loggops import LogGOPS
from nearlinear.models.hardware.message import LinkCost
from nearlinear.models.hardware.topology import Topology
from nearlinear.simulator.fabrics.meeting import Meeting, Paths
from nearlinear.simulator.fabrics.network import Network
from nearlinear.simulator.fabrics.sharing import fair_rates

FREE = LinkCost.of(0.0, np.inf)
PORTS = 4  # resources of a rank at a level: uplink out and in, port out and in


@dataclass(frozen=True, kw_only=True, eq=False)
class Fabric:
    """Placement of ranks in nested units, and the links between them.

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
    port_rate : ndarray, shape (ranks,)
        Rate of each rank's port on the outermost level, 1.0 unless nodes are unequal.
    network : Network, optional
        Switches between the units of the outermost level; without one they are never full.
    hosts : ndarray of int, shape (ranks,), optional
        Host of the network that each rank uses.
    switch_latency_s : float
        Latency of every switch beyond the first.
    loggops : LogGOPS, optional
        Price messages by it instead of ``costs``; adapters then serve one message at a time.
    """

    units: IntArray
    inside: IntArray
    costs: tuple[LinkCost, ...]
    capacity: FloatArray
    port_rate: FloatArray
    network: Network | None = None
    hosts: IntArray | None = None
    switch_latency_s: float = 0.0
    loggops: LogGOPS | None = None

    @classmethod
    def of(
        cls,
        topology: Topology,
        schedule: Schedule,
        network: Network | None = None,
        port_rate: FloatArray | None = None,
        hosts: IntArray | None = None,
        adapters: int = 1,
        switch_latency_s: float = 0.0,
    ) -> "Fabric":
        """Return the fabric for all participants of a schedule, ranks filling units in order.

        Parameters
        ----------
        topology : Topology
            Levels of links and their costs.
        schedule : Schedule
            Who takes part; dedicated servers follow the workers.
        network : Network, optional
            Switches between the units of the outermost level.
        port_rate : ndarray, shape (workers,), optional
            Rate of each worker's port on the outermost level.
        hosts : ndarray of int, shape (ranks,), optional
            Host of the network that each rank uses, ``adapters`` hosts making a node.
        adapters : int
            Adapters of a node that the network tells apart.
        switch_latency_s : float
            Latency of every switch beyond the first.
        """
        ranks = np.arange(schedule.ranks)
        server = ranks >= schedule.workers
        below, units, inside = np.ones(()), [], []
        for level in topology.levels:
            units.append(_unit(ranks, server, below))
            inside.append(_unit(ranks, server, np.asarray(level.span)))
            below = np.asarray(level.span)
        inside[-1] = np.zeros_like(ranks)  # the outermost level joins everything, servers too
        capacity = np.array([level.capacity for level in topology.levels], dtype=float)
        if hosts is not None:
            units[-1] = np.unique(hosts, return_inverse=True)[1].reshape(-1)
            capacity[-1] = max(capacity[-1] / adapters, 1.0)
        return cls(
            units=np.array(units),
            inside=np.array(inside),
            costs=tuple(level.cost for level in topology.levels),
            capacity=capacity,
            port_rate=_rates(port_rate, schedule.ranks),
            network=network,
            hosts=hosts,
            switch_latency_s=switch_latency_s,
        )

    @classmethod
    def of_loggops(cls, loggops: LogGOPS, ranks: int) -> "Fabric":
        """Return one switch whose messages cost what LogGOPS says."""
        zeros = np.zeros((1, ranks), dtype=np.int64)
        return cls(
            units=np.arange(ranks, dtype=np.int64)[None, :], inside=zeros, costs=(FREE,),
            capacity=np.ones(1), port_rate=np.ones(ranks), loggops=loggops,
        )  # fmt: skip

    @property
    def ranks(self) -> int:
        """How many participants are placed."""
        return int(self.units.shape[1])

    @cached_property
    def uniform(self) -> bool:
        """Whether all pairs are alike and only ports can be full."""
        return len(self.costs) == 1 and self.network is None and bool((self.port_rate == 1.0).all())

    @cached_property
    def link_capacity(self) -> FloatArray:
        """Capacity of every link, shape (links,): per level uplinks out, in, ports out, in; then switches."""
        ranks, levels = self.ranks, len(self.costs)
        capacity = np.ones((levels, PORTS, ranks))
        capacity[:, :2] = self.capacity[:, None, None]
        capacity[-1, 2:] = self.port_rate
        if (self.port_rate != 1.0).any():  # an uplink is as slow as its adapters
            slow = np.minimum.reduceat(self.port_rate, np.flatnonzero(np.diff(self.units[-1], prepend=-1)))
            capacity[-1, :2, : len(slow)] *= slow
        switches = self.network.capacity if self.network is not None else np.zeros(0)
        return np.concatenate([capacity.ravel(), switches])

    @property
    def first_switch_link(self) -> int:
        """Index of the first link of the network in ``link_capacity``."""
        return len(self.costs) * PORTS * self.ranks

    def link_name(self, link: int) -> str:
        """Return what a link is called."""
        if link >= self.first_switch_link:
            assert self.network is not None
            return self.network.name(link - self.first_switch_link)
        level, rest = divmod(link, PORTS * self.ranks)
        kind, number = divmod(rest, self.ranks)
        what = "rank" if kind >= 2 or level == 0 else "node" if level == len(self.costs) - 1 else "group"
        return f"{what} {number} {('out', 'in')[kind % 2]}, level {level}"

    def level(self, source: IntArray, destination: IntArray) -> IntArray:
        """Return the level of every transfer, shape (n,)."""
        if len(self.costs) == 1:
            return np.zeros(len(source), dtype=np.int64)
        same = self.inside[:, source] == self.inside[:, destination]
        innermost: IntArray = np.argmax(same, axis=0).astype(np.int64)
        return innermost

    def paths(self, source: IntArray, destination: IntArray, everything: bool = False) -> Paths:
        """Return the links of every transfer.

        Parameters
        ----------
        source, destination : ndarray of int, shape (transfers,)
            Ranks.
        everything : bool
            Keep links that cannot be full, to count what they carry.
        """
        level = self.level(source, destination)
        start = level * (PORTS * self.ranks)
        sends, receives = everything or repeated(source), everything or repeated(destination)
        columns = []
        if sends or receives or self._uplinks_matter:
            columns += [start + self.units[level, source]]
            columns += [start + self.ranks + self.units[level, destination]]
        if sends:
            columns.append(start + 2 * self.ranks + source)
        if receives:
            columns.append(start + 3 * self.ranks + destination)
        links = np.stack(columns, axis=1) if columns else np.empty((len(source), 0), dtype=np.int64)
        outermost = level == len(self.costs) - 1
        limit = np.where(outermost, np.minimum(self.port_rate[source], self.port_rate[destination]), 1.0)
        hops, share = np.zeros(len(source), dtype=np.int64), None
        if self.network is not None:
            links, share, hops = self._through(self.network, source, destination, outermost, links)
        return Paths(links=links, share=share, limit=limit, level=level, hops=hops)

    def meet(self, source: IntArray, destination: IntArray) -> Meeting:
        """Return cost level and slowdown of transfers that run at once (discipline *round*)."""
        once = not (repeated(source) or repeated(destination))
        if len(source) == 0 or self.loggops is not None or (once and self.uniform):
            return Meeting.alone(len(source), once)
        paths = self.paths(source, destination)
        slowdown = 1.0 / fair_rates(paths.links, self.link_capacity, paths.share, paths.limit)
        columns = (slowdown, paths.level, paths.hops)
        alike = all(bool((column == column[0]).all()) for column in columns)
        return Meeting(level=paths.level, hops=paths.hops, slowdown=slowdown, once=once, alike=alike)

    @cached_property
    def _uplinks_matter(self) -> bool:
        """Whether an uplink can be full though no port is: more members than links, or slow adapters."""
        widest = np.array([np.bincount(units).max() for units in self.units])
        return bool((widest > self.capacity).any() or (self.port_rate != 1.0).any())

    def _through(
        self, network: Network, source: IntArray, destination: IntArray, outermost: NDArray[np.bool_],
        links: IntArray,
    ) -> tuple[IntArray, FloatArray | None, IntArray]:  # fmt: skip
        """Return links with those between switches, their shares, and the switches beyond the first."""
        node = self.units[-1] if self.hosts is None else self.hosts
        routes = network.route(node[source[outermost]], node[destination[outermost]])
        between = np.full((len(source), routes.links.shape[1]), -1, dtype=np.int64)
        found = routes.links
        between[outermost] = np.where(found >= 0, found + self.first_switch_link, -1)
        hops = np.zeros(len(source), dtype=np.int64)
        hops[outermost] = np.maximum(routes.switches - 1, 0)
        whole, share = np.ones(links.shape), None
        if routes.share is not None:
            part = np.ones(between.shape)
            part[outermost] = routes.share
            share = np.concatenate([whole, part], axis=1)
        return np.concatenate([links, between], axis=1), share, hops


def contention_free(schedule: Schedule, fabric: Fabric) -> bool:
    """Return whether no resource ever carries more transfers at once than it has links for."""
    for phase in schedule.phases():
        for k in range(1 if phase.fixed_peers else phase.rounds):
            transfers = phase.round(k)
            keep = transfers.source != transfers.destination
            if not fabric.meet(transfers.source[keep], transfers.destination[keep]).free:
                return False
    return True


def repeated(ranks: IntArray) -> bool:
    """Return whether a rank occurs more than once."""
    return bool(np.bincount(ranks).max(initial=0) > 1)


def _rates(port_rate: FloatArray | None, ranks: int) -> FloatArray:
    """Return a rate for every rank; dedicated servers have full rate."""
    rates = np.ones(ranks)
    if port_rate is not None:
        rates[: len(port_rate)] = port_rate
    return rates


def _unit(ranks: IntArray, server: NDArray[np.bool_], span: FloatArray) -> IntArray:
    """Return the unit of ``span`` ranks that each rank sits in; servers have units of their own."""
    if np.isinf(span):
        return np.zeros_like(ranks)
    return np.where(server, ranks, ranks // int(span))
