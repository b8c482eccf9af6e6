"""What an exchange costs under each rule in closed form, and the step that follows where nobody jitters.

A visit brings a worker's part to each of k servers, adds it there, and takes an answer back:

    bring = t(n/k) + reduce(n/k),    answer = t(n/k)

The server is held while a part is brought; the answer leaves by the other direction of its link while the
next part arrives, as letters of ``nearlinear train`` do. Servers sit on nodes of their own, so messages
take the outermost level; one worker is served at a time.

References
----------
Ma, Mao and Taylor 2016, "Theano-MPI", and its code: Sendrecv of all parameters, one worker after another.
"""

from dataclasses import dataclass

import numpy as np

from nearlinear.models.arrays import FloatArray
from nearlinear.models.hardware.topology import Topology
from nearlinear.models.parameters import Parameters
from nearlinear.models.training.model import StepModel
from nearlinear.models.training.server_queue import in_turn
from nearlinear.models.training.synchronisation import BulkSynchronous, Gossip, Rule, ServerRule


def visit_s(
    topology: Topology, size_bytes: float, servers: int, wire_fraction: float
) -> tuple[FloatArray, FloatArray]:
    """Return how long one of the servers is held by a visit, and how long its answer then takes.

    Parameters
    ----------
    topology : Topology
        Links; the outermost level leads to the servers.
    size_bytes : float
        All weights in memory.
    servers : int
        k.
    wire_fraction : float
        Bytes on the wire per byte in memory; narrower ones are converted on arrival.
    """
    cost, part = topology.levels[-1].cost, size_bytes / servers
    one_way, adding = cost.transfer_s(part * wire_fraction), cost.reduce_s(part)
    landing = adding if wire_fraction < 1.0 else np.zeros_like(adding)
    return np.asarray(one_way + adding), np.asarray(one_way + landing)


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleStep:
    """The step of a case under a rule in closed form, all workers alike and constant.

    Attributes
    ----------
    model : StepModel
        The case.
    rule : Rule
        How workers stay together.
    servers : int
        Where the rule has any.
    """

    model: StepModel
    rule: Rule
    servers: int = 1

    def step_s(self, parameters: Parameters, devices: int) -> float:
        """Return the step of the first sample: compute and exchange, or what a server or a link needs."""
        compute_s = self.compute_s(parameters, devices)
        if devices == 1:
            return compute_s
        if isinstance(self.rule, BulkSynchronous):
            exchange = self.model.exchange(parameters, devices)
            return compute_s + float(exchange.time_s[0].sum()) / self.rule.period
        if isinstance(self.rule, Gossip):
            return max(compute_s, self.rule.probability * self._push_s(parameters, devices))
        (bring_s, answer_s), period = self.visit_s(parameters, devices), self.rule.period
        away_s = period * compute_s + self.servers * answer_s
        return devices / in_turn(devices, away_s, bring_s, self.servers).visits_per_s / period

    def compute_s(self, parameters: Parameters, devices: int) -> float:
        """Return the compute of a step in the first sample."""
        slowness = self.model.slowness(parameters, devices)
        return float(slowness[0]) * self.model.layers(devices).total_s

    def visit_s(self, parameters: Parameters, devices: int) -> tuple[float, float]:
        """Return how long one server is held by a visit in the first sample, and its answer."""
        assert isinstance(self.rule, ServerRule)
        topology, fraction = parameters.topology(devices), self.model.case.wire_fraction
        bring, answer = visit_s(topology, self._size_bytes, self.servers, fraction)
        return float(np.ravel(bring)[0]), float(np.ravel(answer)[0])

    def _push_s(self, parameters: Parameters, devices: int) -> float:
        cost = parameters.topology(devices).levels[-1].cost
        return float(np.ravel(cost.transfer_s(self._size_bytes * self.model.case.wire_fraction))[0])

    @property
    def _size_bytes(self) -> float:
        return float(self.model.buckets.size_bytes.sum())
