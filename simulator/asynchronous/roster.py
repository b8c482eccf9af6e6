"""The crew of a case: compute of its step model, messages priced as everywhere, devices on nodes."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from nearlinear.models.arrays import FloatArray, IntArray
from nearlinear.models.collectives.schedule import Phase, Schedule
from nearlinear.models.hardware.topology import Topology
from nearlinear.models.training.buckets import GRADIENT_BYTES
from nearlinear.models.training.model import StepModel
from nearlinear.models.training.synchronisation import BulkSynchronous, Gossip, Rule, ServerRule
from nearlinear.simulator.asynchronous.crew import Crew, Links, Visits
from nearlinear.simulator.asynchronous.durations import drawn
from nearlinear.simulator.exchange import Vector, to_ticks
from nearlinear.simulator.fabrics.fabric import Fabric
from nearlinear.simulator.pricing import Price, price, stretched
from nearlinear.simulator.rounds.packed_phase import Classes
from nearlinear.simulator.steps.conditions import Conditions
from nearlinear.simulator.steps.placement import Placement

LASTING = 3  # of the generators of a seed, the one of what lasts through a run


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Roster:
    """Crews of all samples at one scale.

    Attributes
    ----------
    rule : Rule
        How workers stay together.
    conditions : Conditions
        Steps, jitter, slow nodes and slow adapters.
    step_s : ndarray, shape (samples, devices)
        Compute of a step, with what lasts through a run, before the jitter of each step.
    average_s : ndarray, shape (samples,)
        Averaging over all workers, for a rule that does.
    fabric : Fabric
        Where workers and servers sit.
    servers : int
        Of a rule that has any.
    elements : int
        Weights.
    wire_fraction : float
        Bytes on the wire per byte in memory.
    """

    rule: Rule
    conditions: Conditions
    step_s: FloatArray
    average_s: FloatArray
    fabric: Fabric
    servers: int
    elements: int
    wire_fraction: float

    @classmethod
    def of(
        cls, model: StepModel, topology: Topology, slowness: FloatArray, devices: int, average_s: FloatArray,
        rule: Rule, conditions: Conditions,
    ) -> "Roster":  # fmt: skip
        """Return the crews of a case at a scale; ``slowness`` of shape (samples,)."""
        case = model.case
        servers = max(case.scenario.plan.servers, 1) if rule.serves else 0
        per_node = case.cluster.devices_per_node
        placement = Placement(devices=devices, per_node=per_node, conditions=conditions)
        generator = np.random.default_rng([conditions.seed, LASTING])
        lasting = conditions.jitter.draw_lasting(generator, (len(slowness), devices))
        paces = conditions.node_paces(devices, per_node) * lasting
        return cls(
            rule=rule,
            conditions=conditions,
            step_s=model.layers(devices).total_s * slowness[:, None] * paces,
            average_s=average_s,
            fabric=placement.fabric(topology, _nothing_scheduled(devices, servers)),
            servers=servers,
            elements=int(model.buckets.size_bytes.sum()) // GRADIENT_BYTES,
            wire_fraction=case.wire_fraction,
        )

    @property
    def devices(self) -> int:
        """Workers."""
        return int(self.step_s.shape[1])

    def crew(self, sample: int) -> Crew:
        """Return the crew of a sample; a device alone has nobody to exchange with."""
        rule = self.rule if self.devices > 1 else BulkSynchronous()
        return Crew(
            rule=rule,
            step_ticks=to_ticks(self.step_s[sample]),
            draw=drawn(self.conditions.jitter),
            steps=self.conditions.steps,
            seed=(self.conditions.seed, sample),
            visits=self._visits(rule, sample) if isinstance(rule, ServerRule) else None,
            links=self._links(sample) if isinstance(rule, Gossip) else None,
            average_ticks=int(to_ticks(self.average_s[sample])) if self.devices > 1 else 0,
        )

    def _visits(self, rule: ServerRule, sample: int) -> Visits:
        """Return what a visit takes: every server is on a node of its own, at the outermost level."""
        added, plain = (self._price(self.servers, add) for add in (True, False))
        wire, adding, landing = (
            self._transfer(added, sample)[-1],
            _of(added.handling, sample)[-1],
            _of(plain.handling, sample)[-1],
        )
        return Visits(
            bring_ticks=wire + adding,
            answer_ticks=wire + landing,
            servers=self.servers,
            node=self.fabric.units[-1, : self.devices],
            adapters=max(int(self.fabric.capacity[-1]), 1),
        )

    def _links(self, sample: int) -> Links:
        pushed = self._price(1, True)
        workers = slice(0, self.devices)
        return Links(
            transfer_ticks=self._transfer(pushed, sample),
            unit=self.fabric.units[:, workers],
            inside=self.fabric.inside[:, workers],
            uplinks=np.maximum(self.fabric.capacity.astype(np.int64), 1),
            merge_ticks=int(_of(pushed.handling, sample)[-1]),
        )

    def _price(self, parts: int, add: bool) -> Price:
        """Return the ticks of one part of the weights on every level."""
        levels = len(self.fabric.costs)
        classes = Classes(
            level=np.arange(levels), hops=np.zeros(levels, np.int64), slowdown=np.ones(levels),
            elements=np.full(levels, -(-self.elements // parts)), reduce=np.full(levels, add),
        )  # fmt: skip
        return price(classes, self.fabric, Vector(elements=self.elements, wire_fraction=self.wire_fraction))

    def _transfer(self, priced: Price, sample: int) -> IntArray:
        """Return ticks on every level for every worker; slow adapters are those of the outermost level."""
        latency, work = _of(priced.latency, sample), _of(priced.work, sample)
        rate = np.ones((len(work), self.devices))
        rate[-1] = self.fabric.port_rate[: self.devices]
        return latency[:, None] + stretched(np.broadcast_to(work[:, None], rate.shape), 1.0 / rate)


def _of(ticks: IntArray, sample: int) -> IntArray:
    """Return a sample of ticks that may have one for all."""
    return np.asarray(ticks[:, sample if ticks.shape[1] > 1 else 0])


def _nothing_scheduled(devices: int, servers: int) -> Schedule:
    """Return workers and servers without a schedule: who meets whom is seen only when it happens."""

    def phases() -> Iterator[Phase]:
        yield from ()

    return Schedule(workers=devices, servers=servers, chunk_count=max(servers, 1), phases=phases)
