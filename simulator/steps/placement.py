"""Putting ranks on a cluster: the fabric of a schedule under given conditions."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from nearlinear.models.collectives.schedule import Schedule
from nearlinear.models.hardware.topology import Topology
from nearlinear.simulator.fabrics.fabric import Fabric
from nearlinear.simulator.fabrics.network import Network
from nearlinear.simulator.fabrics.spec import adapters_per_node, read_fabric
from nearlinear.simulator.steps.conditions import Conditions, node_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """Devices in nodes, and what joins the nodes.

    Attributes
    ----------
    devices, per_node : int
        Scale.
    conditions : Conditions
        Fabric, slow links.
    """

    devices: int
    per_node: int
    conditions: Conditions

    def fabric(self, topology: Topology, schedule: Schedule) -> Fabric:
        """Return the fabric of all participants; devices fill nodes in order, servers have their own."""
        conditions = self.conditions
        rates = conditions.port_rates(self.devices, self.per_node)
        if conditions.fabric is None:
            return Fabric.of(topology, schedule, port_rate=rates)
        rails = adapters_per_node(conditions.fabric)
        nodes = -(-self.devices // self.per_node) + schedule.servers
        rank = np.arange(schedule.ranks)
        first_server = -(-self.devices // self.per_node)
        node = np.where(
            rank < schedule.workers, rank // self.per_node, first_server + rank - schedule.workers
        )
        adapter = np.where(rank < schedule.workers, rank % self.per_node * rails // self.per_node, 0)
        slow = tuple((k, v) for k, v in sorted(conditions.slow_links.items()) if node_of(k) is None)
        return Fabric.of(
            topology, schedule, network=_network(conditions.fabric, nodes * rails, slow), port_rate=rates,
            hosts=node * rails + adapter, adapters=rails, switch_latency_s=conditions.switch_latency_s,
        )  # fmt: skip


@lru_cache(maxsize=8)
def _network(text: str, hosts: int, slow: tuple[tuple[str, float], ...]) -> Network:
    return read_fabric(text, hosts).slowed(dict(slow))
