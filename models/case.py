"""A scenario with every name looked up: network, device, levels of links, profile, batch sizes."""

from dataclasses import dataclass, replace

from nearlinear.models import dnn
from nearlinear.models.catalogue import find_cluster, find_device, find_link, links
from nearlinear.models.collectives import Choices, find
from nearlinear.models.errors import SpecError
from nearlinear.models.hardware.cluster import Cluster, Level
from nearlinear.models.hardware.device import Device
from nearlinear.models.hardware.fact import Fact, Source
from nearlinear.models.hardware.link import Link
from nearlinear.models.profile import Profile, read_profile
from nearlinear.models.scenario import DEFAULT_BATCH, WIRES, Machine, Scenario
from nearlinear.models.units import parse_bandwidth

NARROW = {"asa16": ("asa", "float16")}  # Theano-MPI's name for ASA with 16-bit messages
AUTO = "auto"
FLOAT32_BYTES = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A scenario ready to be computed.

    Attributes
    ----------
    network : dnn.Network
        What is trained.
    cluster : Cluster
        Levels of links inside out; the outermost is absent where all devices share one node.
    algorithm, wire_fraction : str, float
        Allreduce (or ``auto``) and bytes on the wire per byte of 32-bit gradient.
    profile : Profile or None
        What was measured.
    """

    scenario: Scenario
    network: dnn.Network
    cluster: Cluster
    algorithm: str
    wire_fraction: float
    profile: Profile | None

    @classmethod
    def of(cls, scenario: Scenario) -> "Case":
        """Return the case of a scenario.

        Raises
        ------
        SpecError
            An unknown name, or levels of links that do not fit together.
        """
        plan = scenario.plan
        algorithm, wire = NARROW.get(plan.algorithm, (plan.algorithm, plan.wire))
        if algorithm != AUTO:
            find(algorithm)
        cluster = _cluster(scenario.machine, max(plan.devices))
        cluster.device.peak(scenario.workload.precision)
        _check_batches(scenario)
        return cls(
            scenario=scenario,
            network=dnn.network(scenario.workload.model),
            cluster=cluster,
            algorithm=algorithm,
            wire_fraction=WIRES[wire] / FLOAT32_BYTES,
            profile=read_profile(scenario.knowledge.profile) if scenario.knowledge.profile else None,
        )

    @property
    def device(self) -> Device:
        """What computes."""
        return self.cluster.device

    @property
    def choices(self) -> Choices:
        """The choices that the plan makes for its allreduce."""
        plan = self.scenario.plan
        return Choices(
            servers=plan.servers,
            group=self.cluster.devices_per_node,
            outer=plan.outer or "ring",
            wire_fraction=self.wire_fraction,
        )

    def batch_per_device(self, devices: int) -> float:
        """Return samples per device and step at a scale; a fraction where it does not divide."""
        plan = self.scenario.plan
        if plan.global_batch is not None:
            return plan.global_batch / devices
        return float(plan.batch_per_device or DEFAULT_BATCH)


def _check_batches(scenario: Scenario) -> None:
    plan, largest = scenario.plan, max(scenario.plan.devices)
    if plan.global_batch is not None and plan.global_batch < largest:
        raise SpecError(
            "--global-batch",
            f"must give each of {largest} devices a sample",
            got=plan.global_batch,
            remedy=f"raise it or ask for at most {plan.global_batch} devices",
        )


def _cluster(machine: Machine, largest: int) -> Cluster:
    """Return the cluster of a machine: a named one with replacements, or one made of a device."""
    named = find_cluster(machine.cluster) if machine.cluster else None
    device = find_device(machine.device) if machine.device else named.device if named else None
    assert device is not None  # the scenario checks that one of the two is given
    per_node = machine.per_node or (named.devices_per_node if named else 1)
    levels = [*_inside(machine, named, device, per_node), *_between(machine, named, largest > per_node)]
    if not levels:
        levels = [Level(name="node", span=per_node, link=find_link(device.node_link))]
    return Cluster(
        name=named.name if named else device.name,
        title=named.title if named else device.title,
        device=device,
        devices_per_node=per_node,
        levels=tuple(levels),
    )


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
    link = inner[-1].link if inner else find_link(device.node_link)
    return [Level(name="node", span=per_node, link=link)]


def _between(machine: Machine, named: Cluster | None, needed: bool) -> list[Level]:
    """Return the level between nodes, if there is one."""
    known = named.network if named else None
    if machine.net:
        uplinks = machine.nics or (known.uplinks if known and _in_catalogue(machine.net) else 1)
        return [Level(name="network", span=0, link=_network_link(machine.net), uplinks=uplinks)]
    if known:
        return [replace(known, uplinks=machine.nics or known.uplinks)]
    if machine.nics:
        raise SpecError("--nics", "needs a network", remedy="say --net 100Gb")
    if needed:
        remedy = "say --net 100Gb or --net ib-hdr (nearlinear list links)"
        raise SpecError("--net", "is needed where devices span several nodes", remedy=remedy)
    return []


def _in_catalogue(net: str) -> bool:
    return any(net == link.name or net in link.aliases for link in links().values())


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
        title=f"{net} per adapter",
        family="ethernet",
        bandwidth_bytes_per_s=Fact(value=rate, status="stated", source=stated),
        latency_s=near.latency_s,
        note=f"latency as {near.name}",
    )


def _log_ratio(a: float, b: float) -> float:
    from math import log

    return log(a / b)
