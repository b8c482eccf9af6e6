"""Fat trees of two levels of switches, leaf and spine, or three: leaf, aggregation, core.

Three levels come in pods of ``pod`` leaves. Every leaf has one link to each aggregation switch of its pod;
aggregation switches of the same number in all pods form a plane and share its core switches. All links
carry the rate of one host adapter. ``oversubscription`` thins the up-links of leaves,
``core_oversubscription`` those of aggregation switches (a cluster for Llama 3 had 7:1 there). The
last leaf and the last pod may be partly filled; they have all their up-links.

Up-links are rounded to whole numbers, at least 1; the title states the ratio that results.

References
----------
Al-Fares, Loukissas and Vahdat 2008, "A scalable, commodity data center network architecture" (with
switches of 64 ports it joins 64^3 / 4 = 65,536 hosts, here levels=3, down=32, pod=32).
Grattafiori et al. 2024, "The Llama 3 herd of models", section 3.3.1.
"""

from dataclasses import dataclass

import numpy as np

from nearlinear.models.arrays import IntArray
from nearlinear.models.errors import SpecError
from nearlinear.simulator.fabrics.leaf_spine import LeafSpine
from nearlinear.simulator.fabrics.limits import WHERE, host_count, link_count, whole
from nearlinear.simulator.fabrics.network import Network, Routes
from nearlinear.simulator.fabrics.routing import SHORTEST, Routing
from nearlinear.simulator.fabrics.tier import Tier, bandwidth, up_links

DOWN = 32  # half the ports of a switch of 64 x 400 Gbit/s
POD = 32


def fat_tree(
    hosts: int,
    *,
    levels: int | None = None,
    down: int = DOWN,
    pod: int | None = None,
    oversubscription: float = 1.0,
    core_oversubscription: float | None = None,
    routing: Routing = SHORTEST,
) -> Network:
    """Return a fat tree of two or three levels.

    Parameters
    ----------
    hosts : int
        Hosts 0..down-1 sit under leaf 0, the next under leaf 1, ...
    levels : int, optional
        2 or 3. By default 2 as long as a spine of 2 x ``down`` ports reaches all leaves, else 3.
    down : int
        Hosts under a leaf.
    pod : int, optional
        Leaves in a pod, 32 by default; with three levels.
    oversubscription : float
        Links downwards over links upwards of a leaf, >= 1.
    core_oversubscription : float, optional
        The same of an aggregation switch, 1 by default; with three levels.
    routing : Routing
        With ``adaptive``, parallel up-links are one link (see ``tier``).

    Raises
    ------
    SpecError
        A number that makes no sense, or one without effect.
    """
    leaves = -(-host_count(hosts) // whole("down", down))
    ways = up_links("oversubscription", down, oversubscription)
    if levels not in (None, 2, 3):
        raise SpecError(WHERE, "must be 2 or 3", field="levels", got=levels)
    if levels is None:
        levels = 3 if leaves > 2 * down or pod is not None or core_oversubscription is not None else 2
    if levels == 3:
        pod = whole("pod", POD if pod is None else pod)
        thinned = 1.0 if core_oversubscription is None else core_oversubscription
        core_ways = up_links("core-oversubscription", pod, thinned)
        return _three_levels(hosts, Pods.of(leaves, down, pod, (ways, core_ways), routing))
    for field, value in (("pod", pod), ("core-oversubscription", core_oversubscription)):
        if value is not None:
            raise SpecError(WHERE, "has an effect only with levels=3", field=field, got=value)
    return _two_levels(hosts, LeafSpine.of(leaves, down, ways, routing, "leaf {}".format))


def _two_levels(hosts: int, switches: LeafSpine) -> Network:
    tier = switches.tier
    ratio = bandwidth(switches.down, tier.ways)
    return Network(
        title=f"2-level fat tree, {hosts:,} hosts, {ratio}, {switches.routing.kind}",
        hosts=hosts,
        capacity=tier.capacity(),
        route=switches.route,
        name=tier.name,
    )


def _three_levels(hosts: int, switches: "Pods") -> Network:
    leaf, core = (
        bandwidth(switches.down, switches.planes),
        bandwidth(switches.pod, switches.cores, " at the core"),
    )
    ratios = leaf if leaf == core else ", ".join(r for r in (leaf, core) if r != "full bandwidth")
    return Network(
        title=f"3-level fat tree, {hosts:,} hosts, {ratios}, {switches.routing.kind}",
        hosts=hosts,
        capacity=np.concatenate([switches.lower.capacity(), switches.upper.capacity()]),
        route=switches.route,
        name=switches.name,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Pods:
    """Three levels of switches; host h sits under leaf h // down, leaf l in pod l // pod.

    Attributes
    ----------
    down, pod : int
        Hosts under a leaf; leaves in a pod.
    planes, cores : int
        Aggregation switches in a pod; core switches in a plane.
    lower, upper : Tier
        Links between leaves and aggregation switches, and from there to core switches.
    routing : Routing
        Which plane and core switch a flow takes.
    """

    down: int
    pod: int
    planes: int
    cores: int
    lower: Tier
    upper: Tier
    routing: Routing

    @classmethod
    def of(cls, leaves: int, down: int, pod: int, ways: tuple[int, int], routing: Routing) -> "Pods":
        """Return the fabric of ``leaves`` with so many up-links per leaf and per aggregation switch.

        Raises
        ------
        SpecError
            Nothing to choose for the routing, or too many links.
        """
        planes, cores = ways
        pods, bundled = -(-leaves // pod), routing.adaptive
        routing.require_choice(planes * cores > 1, "leaves and aggregation switches have one up-link")
        link_count(2 * planes * (leaves + pods * cores), "smaller leaves or pods")

        def to_aggregation(leaf: int, plane: int) -> tuple[str, str]:
            place = f"pod {leaf // pod} aggregations" if bundled else f"aggregation {leaf // pod}.{plane}"
            return f"leaf {leaf}", place

        def to_core(switch: int, core: int) -> tuple[str, str]:
            if bundled:
                return f"pod {switch} aggregations", "cores"
            in_pod, plane = divmod(switch, planes)
            return f"aggregation {in_pod}.{plane}", f"core {plane}.{core}"

        lower = Tier(switches=leaves, ways=planes, bundled=bundled, ends=to_aggregation)
        switches, up = (pods, planes * cores) if bundled else (pods * planes, cores)
        upper = Tier(switches=switches, ways=up, bundled=bundled, ends=to_core, first=lower.links)
        return cls(down=down, pod=pod, planes=planes, cores=cores, lower=lower, upper=upper, routing=routing)

    def name(self, link: int) -> str:
        """Return where a link leads."""
        return (self.lower if link < self.upper.first else self.upper).name(link)

    def route(self, source: IntArray, destination: IntArray) -> Routes:
        """Return up to four links per flow: two up, two down."""
        start, end = source // self.down, destination // self.down
        start_pod, end_pod = start // self.pod, end // self.pod
        core, plane = np.divmod(self.routing.pick(source, destination, self.planes * self.cores), self.planes)
        leaves, pods = start != end, start_pod != end_pod
        links = np.stack(
            [
                np.where(leaves, self.lower.up(start, plane), -1),
                np.where(pods, self.upper.up(self._aggregation(start_pod, plane), core), -1),
                np.where(pods, self.upper.down(self._aggregation(end_pod, plane), core), -1),
                np.where(leaves, self.lower.down(end, plane), -1),
            ],
            axis=1,
        )
        switches = (source != destination) + 2 * leaves + 2 * pods
        return Routes(links=links, share=None, switches=switches.astype(np.int64))

    def _aggregation(self, pod: IntArray, plane: IntArray) -> IntArray:
        return pod if self.routing.adaptive else pod * self.planes + plane
