"""Rail-optimised fabric: adapter r of every node hangs on the leaves of rail r; spines join all rails.

Hosts are adapters, numbered node x rails + rail. Traffic between equal rails of nodes under the same leaf
crosses no link; all other traffic, that between rails of one node included, crosses a spine. Inside,
adapters are renumbered rail by rail, which makes it a leaf-spine fabric.

References
----------
Wang, Ghobadi, Shakeri, Zhang and Hasani 2024, "Rail-only: a low-cost high-performance network for training
LLMs with trillion parameters" (describes rail-optimised fabrics as the state of the art).
"""

from dataclasses import dataclass

from nearlinear.models.arrays import IntArray
from nearlinear.simulator.fabrics.leaf_spine import LeafSpine
from nearlinear.simulator.fabrics.limits import host_count, whole
from nearlinear.simulator.fabrics.network import Network, Routes
from nearlinear.simulator.fabrics.routing import SHORTEST, Routing
from nearlinear.simulator.fabrics.tier import bandwidth, up_links

RAILS = 8  # adapters of a node with eight devices
DOWN = 32  # half the ports of a switch of 64 x 400 Gbit/s


def rail(
    hosts: int,
    *,
    rails: int = RAILS,
    down: int = DOWN,
    oversubscription: float = 1.0,
    routing: Routing = SHORTEST,
) -> Network:
    """Return a rail-optimised fabric; the last node may have fewer adapters.

    Parameters
    ----------
    hosts : int
        Adapters of all nodes.
    rails : int
        Adapters of a node.
    down : int
        Nodes under a leaf.
    oversubscription : float
        Links downwards over links upwards of a leaf, >= 1; up-links are rounded, at least 1.
    routing : Routing
        ``shortest`` goes by the number of the destination inside its rail.

    Raises
    ------
    SpecError
        A number that makes no sense, or one without effect.
    """
    nodes = -(-host_count(hosts) // whole("rails", rails))
    blocks = -(-nodes // whole("down", down))
    spines = up_links("oversubscription", down, oversubscription)
    switches = LeafSpine.of(
        rails * blocks, down, spines, routing, lambda leaf: f"rail {leaf // blocks} leaf {leaf % blocks}"
    )
    return Network(
        title=f"{rails} rails, {hosts:,} hosts, {bandwidth(down, spines)}, {routing.kind}",
        hosts=hosts,
        capacity=switches.tier.capacity(),
        route=Rails(rails=rails, length=blocks * down, switches=switches).route,
        name=switches.tier.name,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Rails:
    """Adapters in the order of their rails.

    Attributes
    ----------
    rails : int
        Adapters of a node.
    length : int
        Places under the leaves of one rail.
    switches : LeafSpine
        The leaves of all rails and their spines.
    """

    rails: int
    length: int
    switches: LeafSpine

    def route(self, source: IntArray, destination: IntArray) -> Routes:
        """Return up to two links per flow: to a spine and down from it."""
        return self.switches.route(self._place(source), self._place(destination))

    def _place(self, host: IntArray) -> IntArray:
        return host % self.rails * self.length + host // self.rails
