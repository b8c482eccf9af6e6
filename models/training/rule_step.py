"""The step of workers that do not average gradients in every step, in closed form.

With compute C, n workers, k servers, an exchange every m steps, and a visit to a server that holds it for x
and whose answer takes y (``server_visit``):

    visits to servers     step = max(m C + k (x + y), n x) / m
    weights averaged      step = C + T(weights) / m
    pushes at random      step = max(C, p t(weights))            p pushes per step, one way each

The maximum is a bound from below that constant times reach: either a worker never waits for others, or a
server never rests. No part of an exchange hides behind compute.

References
----------
Zhang, Choromanska and LeCun 2015, "Deep learning with elastic averaging SGD", arXiv 1412.6651, algorithm 1.
Denning and Buzen 1978, "The operational analysis of queueing network models" (asymptotic bounds).
"""

import numpy as np

from nearlinear.models.arrays import FloatArray
from nearlinear.models.parameters import Parameters
from nearlinear.models.training.model import StepModel
from nearlinear.models.training.server_visit import visit_s
from nearlinear.models.training.step import StepTimes
from nearlinear.models.training.synchronisation import BulkSynchronous, Gossip, Rule


def rule_step(
    model: StepModel, parameters: Parameters, devices: int, rule: Rule, unexplained: FloatArray | float
) -> StepTimes:
    """Return the step of every sample under a rule.

    Parameters
    ----------
    model, parameters : StepModel, Parameters
        The case and its samples.
    devices : int
        Workers; a server is none of them.
    rule : Rule
        How they stay together.
    unexplained : ndarray, shape (samples,), or float
        What the model leaves out, as a fraction of the step.
    """
    nothing = np.zeros((len(parameters.slowness), len(model.buckets.size_bytes)))
    alone = model.step(parameters, devices, nothing)
    exposed = exposed_s(model, parameters, devices, rule, alone.total_s)
    return StepTimes.of(
        forward_s=alone.forward_s,
        backward_s=alone.backward_s,
        optimizer_s=alone.optimizer_s,
        exposed_s=exposed,
        hidden_s=np.zeros_like(exposed),
        loss_s=np.zeros_like(exposed),
        unexplained=np.broadcast_to(unexplained, exposed.shape),
    )


def exposed_s(
    model: StepModel, parameters: Parameters, devices: int, rule: Rule, compute_s: FloatArray
) -> FloatArray:
    """Return the exchange of a step, shape (samples,): what the rule adds to compute."""
    if devices == 1:
        return np.zeros_like(compute_s)
    if isinstance(rule, BulkSynchronous):
        return np.asarray(model.exchange(parameters, devices).time_s.sum(axis=1) / rule.period)
    topology, size_bytes = parameters.topology(devices), float(model.buckets.size_bytes.sum())
    fraction = model.case.wire_fraction
    if isinstance(rule, Gossip):
        push_s = topology.levels[-1].cost.transfer_s(size_bytes * fraction)[:, 0]
        return np.maximum(rule.probability * push_s - compute_s, 0.0)
    servers = max(model.case.scenario.plan.servers, 1)
    bring_s, answer_s = (one[:, 0] for one in visit_s(topology, size_bytes, servers, fraction))
    return visited_s(compute_s, bring_s, answer_s, devices, rule.period, servers) - compute_s


def visited_s(
    compute_s: FloatArray | float, bring_s: FloatArray | float, answer_s: FloatArray | float, workers: int,
    period: int, servers: int = 1,
) -> FloatArray:  # fmt: skip
    """Return the step of workers that visit servers one after the other.

    Parameters
    ----------
    compute_s, bring_s, answer_s : ndarray or float
        Compute of a step; how long a visit holds a server, and its answer takes.
    workers, period, servers : int
        n, m, k.

    Examples
    --------
    Three workers that compute for 1 s and take 2 s each way keep the server's link busy for 6 s a step;
    exchanging every fourth step, each takes its own 4 + 4 s:

    >>> float(visited_s(1.0, 2.0, 2.0, 3, 1)), float(visited_s(1.0, 2.0, 2.0, 3, 4))
    (6.0, 2.0)
    """
    visits = servers * (np.asarray(bring_s) + np.asarray(answer_s))
    course = period * np.asarray(compute_s) + visits
    return np.asarray(np.maximum(course, workers * np.asarray(bring_s)) / period)
