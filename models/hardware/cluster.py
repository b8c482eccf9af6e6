"""A cluster: devices per node, and the levels of links that join them, inside out."""

from dataclasses import dataclass
from itertools import pairwise

from nearlinear.models.hardware.device import Device
from nearlinear.models.hardware.link import Link
from nearlinear.models.strict import require

LEVELS = ("group", "node", "network")


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """One level of links.

    Attributes
    ----------
    name : {"group", "node", "network"}
        Inside a device group (a socket, an NVLink island), inside a node, between nodes.
    span : int
        Devices inside one unit of this level; 0 for the network, which has no bound.
    link : Link
        What joins the units of the level below.
    uplinks : int
        Links that one unit of the level below has: per device at the innermost level, network
        adapters per node at the network.
    """

    name: str
    span: int
    link: Link
    uplinks: int = 1

    def __post_init__(self) -> None:
        require(self.name in LEVELS, "name", f"must be one of {', '.join(LEVELS)}", self.name)
        require(self.uplinks >= 1, "uplinks", "must be >= 1", self.uplinks)
        bounded = self.name != "network"
        require(bounded == (self.span >= 1), "span", "must be >= 1, or absent for the network", self.span)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """Devices and the levels of links between them.

    ``levels`` are ordered inside out; the spans must divide one another, so that units nest.
    """

    name: str
    title: str
    device: Device
    devices_per_node: int
    levels: tuple[Level, ...]
    aliases: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        require(self.devices_per_node >= 1, "devices_per_node", "must be >= 1", self.devices_per_node)
        require(bool(self.levels), "levels", "must not be empty", self.levels)
        names = [level.name for level in self.levels]
        order = [LEVELS.index(level.name) for level in self.levels]
        require(order == sorted(set(order)), "levels", "must be ordered group, node, network", names)
        spans = [level.span for level in self.levels if level.span]
        nested = all(outer % inner == 0 for inner, outer in pairwise(spans))
        require(nested and sorted(set(spans)) == spans, "levels", "spans must nest", spans)
        node = [level.span for level in self.levels if level.name == "node"]
        require(node in ([], [self.devices_per_node]), "levels", "the node must span its devices", node)
        require(
            bool(node) == (self.devices_per_node > 1) or (node == [1]),
            "levels",
            "a node of several devices needs a level 'node', a node of one has none",
            [level.name for level in self.levels],
        )

    @property
    def network(self) -> Level | None:
        """The level between nodes, or None for a single machine."""
        return self.levels[-1] if self.levels[-1].name == "network" else None
