"""The cluster of a machine: one of the catalogue with replacements, or one made of a device."""

from collections.abc import Sequence
from dataclasses import replace
from math import log

from nearlinear.models.catalogue import find_cluster, find_device, find_link, links
from nearlinear.models.errors import SpecError
from nearlinear.models.hardware.cluster import Cluster, Level
from nearlinear.models.hardware.device import Device
from nearlinear.models.hardware.fact import Fact, Source
from nearlinear.models.hardware.link import Link
from nearlinear.models.scenario import Machine
from nearlinear.models.units import parse_bandwidth


def cluster_of(machine: Machine, largest: int) -> Cluster:
    """Return the cluster of a machine for scales up to ``largest`` devices.

    Raises
    ------
    SpecError
        An unknown name, or levels of links that do not fit together.
    """
    named = find_cluster(machine.cluster) if machine.cluster else None
    device = find_device(machine.device) if machine.device else named.device if named else None
    assert device is not None  # the scenario checks that one of the two is given
    per_node = machine.per_node or (named.devices_per_node if named else 1)
    levels = [*_inside(machine, named, device, per_node), *_between(machine, named, largest > per_node)]
    if not levels:
        levels = [Level(name="node", span=per_node, link=find_link(device.node_link))]
    replaced = any((machine.device, machine.per_node, machine.node_link, machine.net))
    return Cluster(
        name=named.name if named else device.name,
        title=named.title if named and not replaced else _described(device, per_node, levels),
        device=device,
        devices_per_node=per_node,
        levels=tuple(levels),
    )


def _described(device: Device, per_node: int, levels: Sequence[Level]) -> str:
    """Return the title of a machine that has no name of its own."""
    network = levels[-1] if levels[-1].name == "network" else None
    node = f"{per_node} x {device.title} per node" if per_node > 1 else device.title
    return f"{node}, {network.uplinks} x {network.link.title} between nodes" if network else node


def _inside(machine: Machine, named: Cluster | None, device: Device, per_node: int) -> list[Level]:
    """Return the levels inside a node."""
    if per_node == 1:
        if machine.node_link:
            raise SpecError("--node-link", "needs several devices per node", remedy="say --per-node 8")
        return []
    if machine.node_link:
        return [Level(name="node", span=per_node, link=find_link(machine.node_link, "--node-link"))]
    if named and named.devices_per_node == per_node:
        return [level for level in named.levels if level.name != "network"]
    inner = [level for level in named.levels if level.name != "network"] if named else []
    if not inner:
        return [Level(name="node", span=per_node, link=find_link(device.node_link))]
    reached = next((level for level in inner if level.span >= per_node), inner[-1])
    within = [level for level in inner[: inner.index(reached)] if per_node % level.span == 0]
    return [*within, replace(reached, name="node", span=per_node)]


def _between(machine: Machine, named: Cluster | None, needed: bool) -> list[Level]:
    """Return the level between nodes, if there is one."""
    known = named.network if named else None
    if machine.net:
        uplinks = machine.nics or (known.uplinks if known else 1)
        return [Level(name="network", span=0, link=_network_link(machine.net), uplinks=uplinks)]
    if known:
        return [replace(known, uplinks=machine.nics or known.uplinks)]
    if machine.nics:
        raise SpecError("--nics", "needs a network", remedy="say --net 100Gb")
    if needed:
        remedy = "say --net 100Gb or --net ib-hdr (nearlinear list links)"
        raise SpecError("--net", "is needed where devices span several nodes", remedy=remedy)
    return []


def _network_link(net: str) -> Link:
    """Return a link of the catalogue, or an Ethernet of a stated bandwidth.

    A stated bandwidth borrows the latency of the Ethernet whose rate is nearest.
    """
    if not net[:1].isdigit() and net[:1] not in "+-.":
        return find_link(net)
    rate = parse_bandwidth(net, "--net")
    ethernets = [link for link in links().values() if link.family == "ethernet"]
    near = min(ethernets, key=lambda link: abs(_log_ratio(link.bandwidth_bytes_per_s.value, rate)))
    stated = Source(citation=f"--net {net}", date="none")
    return Link(
        name=net,
        title=net,
        family="ethernet",
        bandwidth_bytes_per_s=Fact(value=rate, status="stated", source=stated),
        latency_s=near.latency_s,
        note=f"latency as {near.name}",
    )


def _log_ratio(a: float, b: float) -> float:
    return log(a / b)
