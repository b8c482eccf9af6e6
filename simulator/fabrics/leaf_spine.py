"""Leaves and spines: every leaf has one link to each spine.

Hosts d, d+1, ... of one leaf come down from different spines under ``shortest``: the spine is the
destination modulo the number of spines, so that shifts do not collide.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from nearlinear.models.arrays import IntArray
from nearlinear.simulator.fabrics.limits import link_count
from nearlinear.simulator.fabrics.network import Routes
from nearlinear.simulator.fabrics.routing import Routing
from nearlinear.simulator.fabrics.tier import Tier


@dataclass(frozen=True, slots=True, kw_only=True)
class LeafSpine:
    """Two levels of switches; host h sits under leaf h // down.

    Attributes
    ----------
    down : int
        Hosts under a leaf.
    tier : Tier
        Links between leaves and spines.
    routing : Routing
        Which spine a flow takes.
    """

    down: int
    tier: Tier
    routing: Routing

    @classmethod
    def of(
        cls, leaves: int, down: int, spines: int, routing: Routing, leaf: Callable[[int], str]
    ) -> "LeafSpine":
        """Return the fabric of ``leaves`` called ``leaf(0)``, ``leaf(1)``, ...

        Raises
        ------
        SpecError
            Nothing to choose for the routing, or too many links.
        """
        routing.require_choice(spines > 1, "a leaf has one up-link")
        link_count(2 * leaves * spines, "fewer leaves or up-links")

        def ends(switch: int, way: int) -> tuple[str, str]:
            return leaf(switch), "spines" if routing.adaptive else f"spine {way}"

        tier = Tier(switches=leaves, ways=spines, bundled=routing.adaptive, ends=ends)
        return cls(down=down, tier=tier, routing=routing)

    def route(self, source: IntArray, destination: IntArray) -> Routes:
        """Return up to two links per flow: to a spine and down from it."""
        start, end = source // self.down, destination // self.down
        way = self.routing.pick(source, destination, self.tier.ways)
        crosses = start != end
        links = np.stack([self.tier.up(start, way), self.tier.down(end, way)], axis=1)
        return Routes(
            links=np.where(crosses[:, None], links, -1),
            share=None,
            switches=np.where(crosses, 3, source != destination).astype(np.int64),
        )
