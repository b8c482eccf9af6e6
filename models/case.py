"""A scenario with every name looked up: network, device, levels of links, profile, batch sizes."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from nearlinear.models import dnn
from nearlinear.models.catalogue import find_link
from nearlinear.models.collectives import Choices, find
from nearlinear.models.collectives.hierarchical import OUTER
from nearlinear.models.economics.outcome import Economics
from nearlinear.models.errors import SpecError, nearest
from nearlinear.models.hardware.cluster import Cluster, Level
from nearlinear.models.hardware.device import Device
from nearlinear.models.hardware.link import Link
from nearlinear.models.kernels import Kernels, candidates
from nearlinear.models.link_profile import LinkProfile
from nearlinear.models.machine import cluster_of
from nearlinear.models.profile import Profile, read_profile
from nearlinear.models.scenario import DEFAULT_BATCH, DEFAULT_WIRE, WIRES, Plan, Scenario
from nearlinear.models.throughput import Anchor, Throughput, fixing
from nearlinear.models.training.batch_line import BatchLine, check_same
from nearlinear.models.training.kernel_times import kernel_times
from nearlinear.models.units import FLOAT32_BYTES

NARROW = {"asa16": ("asa", "float16"), "copper16": ("copper", "float16")}  # Theano-MPI's names
AUTO = "auto"
SERVED = ("ps", "ps-sharded")
HOST_LINKS = ("host-memory", "mpi-shared-memory")


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
    kernels : Kernels or None
        Measured kernels that price the layers.
    line : BatchLine or None
        Step time of one device over its batch, from measured throughputs or an anchor.
    staging : Link or None
        What gradients are copied to host memory and back over.
    economics : Economics or None
        The target that ends training and what devices cost.
    """

    scenario: Scenario
    network: dnn.Network
    cluster: Cluster
    algorithm: str
    wire_fraction: float
    profile: Profile | None
    kernels: Kernels | None = None
    line: BatchLine | None = None
    staging: Link | None = None
    economics: Economics | None = None

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
        _check_choices(plan)
        scales = (*plan.devices, *(anchor.devices for anchor in scenario.knowledge.anchor))
        cluster = cluster_of(scenario.machine, max(scales))
        cluster.device.peak(scenario.workload.precision)
        _check_batches(scenario)
        profile = read_profile(scenario.knowledge.profile) if scenario.knowledge.profile else None
        network = dnn.network(scenario.workload.model)
        case = cls(
            scenario=scenario,
            network=network,
            cluster=_as_measured(cluster, profile),
            algorithm=algorithm,
            wire_fraction=WIRES[wire] / FLOAT32_BYTES,
            profile=profile,
            staging=find_link(plan.staged, "--staged") if plan.staged else None,
            economics=Economics.of(scenario.target, scenario.cost, network, cluster.device.name),
        )
        known = replace(case, kernels=case.fastest())
        return replace(known, line=known.batch_line())

    def measured_kernels(self) -> tuple[list[Kernels], str]:
        """Return kernels of the profile that can price the network, or a sentence why none can."""
        known = self.profile.compute if self.profile else ()
        return candidates(known, self.device, self.on_host, self.scenario.workload.precision, self.network)

    def fastest(self) -> Kernels | None:
        """Return the kernels of the library that takes the step in the least time, as a framework would."""
        precision = self.scenario.workload.precision
        batch = self.batch_per_device(self.scenario.plan.devices[0])

        def step_s(kernels: Kernels) -> float:
            return kernel_times(self.network, kernels, precision, batch).best.total_s

        return min(self.measured_kernels()[0], key=step_s, default=None)

    def batch_line(self) -> BatchLine | None:
        """Return step time over the batch as throughputs say, or one anchor where batches differ.

        Raises
        ------
        SpecError
            Throughputs that contradict each other or an anchor.
        """
        throughputs, anchors = self.scenario.knowledge.throughput, self.scenario.knowledge.anchor
        peak = min(fact.value for fact in self.device.peak_flop_per_s.values())
        if throughputs:
            line = BatchLine.of(self._with_kernels(throughputs), peak)
            check_same(line, throughputs, anchors, self.batch_per_device)
            return line
        if not anchors or self.kernels is not None or self.scenario.plan.global_batch is None:
            return None
        batch = self.batch_per_device(anchors[0].devices)
        return BatchLine.of_one(batch, batch * anchors[0].devices / anchors[0].samples_per_s, peak)

    def _with_kernels(self, throughputs: Sequence[Throughput]) -> Sequence[Throughput]:
        """Return one throughput with what kernels, where measured, say of the smallest batch."""
        batches = [self.batch_per_device(devices) for devices in self.scenario.plan.devices]
        only, smallest = throughputs[0], int(max(min(batches), 1.0))
        if self.kernels is None or len(throughputs) > 1 or smallest >= only.batch:
            return throughputs
        precision = self.scenario.workload.precision
        whole, small = (
            kernel_times(self.network, self.kernels, precision, batch).best.total_s
            for batch in (only.batch, smallest)
        )
        step_s = only.batch / only.samples_per_s * small / whole
        return [Throughput(smallest, smallest / step_s), only]

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

    def known(self, level: Level) -> LinkProfile | None:
        """Return what the profile knows of a level, or nothing.

        A named algorithm is priced from single messages; what a library took for its own collective
        says nothing about those.
        """
        if self.profile is None:
            return None
        messages = ("rounds", "pingpong")
        sources = ("vendor", *messages) if self.algorithm == AUTO else messages
        in_host_memory = self.on_host or self.staging is not None
        return self.profile.link(level.name, sources, in_host_memory, self.narrow)

    @property
    def on_host(self) -> bool:
        """Whether the device computes in host memory."""
        return self.device.node_link in HOST_LINKS

    @property
    def narrow(self) -> bool:
        """Whether gradients travel in 16 bits."""
        return self.wire_fraction < 1.0

    @property
    def fixing(self) -> tuple[Anchor | None, Anchor | None, Anchor | None]:
        """The anchors that fix compute, the loss in a node, and the loss beyond."""
        knowledge = self.scenario.knowledge
        return fixing(knowledge.anchor, bool(knowledge.throughput), self.cluster.devices_per_node)

    @property
    def measured_scales(self) -> frozenset[int]:
        """Device counts whose throughput fixes something, so that it must hold there."""
        alone = {1} if self.scenario.knowledge.throughput else set()
        return frozenset(one.devices for one in self.fixing if one) | alone

    def batch_per_device(self, devices: int) -> float:
        """Return samples per device and step at a scale; a fraction where it does not divide."""
        plan = self.scenario.plan
        if plan.global_batch is not None:
            return plan.global_batch.at(devices) / devices
        return float(plan.batch_per_device or DEFAULT_BATCH)


def _check_choices(plan: Plan) -> None:
    """Refuse choices that the allreduce would ignore."""
    if plan.outer and plan.algorithm not in (AUTO, "hierarchical"):
        remedy = "say --algorithm hierarchical"
        raise SpecError("--outer", "needs a hierarchical allreduce", got=plan.outer, remedy=remedy)
    if plan.outer and plan.outer not in OUTER:
        remedy = nearest(plan.outer, list(OUTER)) or f"known are {', '.join(OUTER)}"
        raise SpecError("--outer", "must be a known allreduce between nodes", got=plan.outer, remedy=remedy)
    if plan.servers and plan.algorithm not in SERVED:
        remedy = f"say --algorithm {' or '.join(SERVED)}"
        raise SpecError("--servers", "needs a parameter server", got=plan.servers, remedy=remedy)
    of_name = NARROW.get(plan.algorithm, ("", plan.wire))[1]
    if plan.wire not in (DEFAULT_WIRE, of_name):
        raise SpecError("--wire", f"must be {of_name} with {plan.algorithm}", got=plan.wire)


def _as_measured(cluster: Cluster, profile: Profile | None) -> Cluster:
    """Return the cluster with one level inside its nodes where a profile measured nodes as a whole."""
    inside = [level for level in cluster.levels if level.name != "network"]
    if profile is None or len(inside) < 2 or all(link.level != "node" for link in profile.links):
        return cluster
    return replace(cluster, levels=(inside[-1], *cluster.levels[len(inside) :]))


def _check_batches(scenario: Scenario) -> None:
    """Refuse scales without a batch, or with less than one sample for each device."""
    plan = scenario.plan
    scales = {*plan.devices, *(anchor.devices for anchor in scenario.knowledge.anchor)}
    if plan.global_batch is None:
        return
    for devices in sorted(scales):
        samples = plan.global_batch.at(devices)
        if samples < devices:
            raise SpecError(
                "--global-batch",
                f"must give each of {devices} devices a sample",
                got=samples,
                remedy=f"raise it or ask for at most {samples} devices",
            )
