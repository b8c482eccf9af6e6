"""Which allreduce exchanges each bucket, and how long it takes."""

from dataclasses import dataclass, replace

import numpy as np

from nearlinear.models.arrays import FloatArray
from nearlinear.models.case import AUTO, Case
from nearlinear.models.collectives import ALGORITHMS, Algorithm, Choices, find
from nearlinear.models.collectives.hierarchical import OUTER
from nearlinear.models.collectives.library import LIBRARY, SHARE
from nearlinear.models.hardware.topology import Topology
from nearlinear.models.parameters import Parameters

# Parameter servers are asked for by name: they need machines or memory that the others do not.
FLAT = ("ring", "recursive-doubling", "halving-doubling", "tree", "asa")
HIERARCHICAL = "hierarchical"


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """An allreduce that may be used, with its choices."""

    algorithm: Algorithm
    choices: Choices

    @property
    def name(self) -> str:
        """What a user reads: the algorithm, and what a hierarchical one uses between nodes."""
        outer = f"/{self.choices.outer}" if self.algorithm.nested else ""
        return self.algorithm.name + outer


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Exchange:
    """The exchange of all buckets at one scale.

    Attributes
    ----------
    options : tuple of Option
        One per bucket; empty on one device.
    time_s : ndarray, shape (samples, buckets)
        How long each takes, with copies.
    copy_s : ndarray, shape (samples, buckets)
        The copy to host memory before each, and as long again back; zero where none is needed.
    """

    options: tuple[Option, ...]
    time_s: FloatArray
    copy_s: FloatArray

    @property
    def name(self) -> str:
        """The allreduce of the largest share of buckets."""
        names = [option.name for option in self.options]
        return max(sorted(set(names)), key=names.count) if names else "none"


def options(case: Case, devices: int) -> list[Option]:
    """Return the allreduces that a case may use among so many devices.

    With ``auto`` and no measurement these are all that need no further machine. Where a library's own
    collective was measured, that library is what will run.
    """
    if case.algorithm not in (AUTO, HIERARCHICAL):
        return [Option(algorithm=find(case.algorithm), choices=case.choices)]
    if case.algorithm == HIERARCHICAL:
        return _hierarchies(case)
    if _library_measured(case):
        return [Option(algorithm=LIBRARY, choices=case.choices)]
    flat = [Option(algorithm=ALGORITHMS[name], choices=case.choices) for name in FLAT]
    return flat + (_hierarchies(case) if 1 < case.cluster.devices_per_node < devices else [])


def _library_measured(case: Case) -> bool:
    """Return whether a library's own collective was measured at any level of the cluster."""
    known = (case.known(level) for level in case.cluster.levels)
    return any(link is not None and link.source == "vendor" for link in known)


def _hierarchies(case: Case) -> list[Option]:
    wanted = case.scenario.plan.outer
    return [
        Option(algorithm=ALGORITHMS[HIERARCHICAL], choices=replace(case.choices, outer=outer))
        for outer in ((wanted,) if wanted else OUTER)
    ]


def exchange(
    case: Case, parameters: Parameters, middle: Parameters, devices: int, size_bytes: FloatArray
) -> Exchange:
    """Return who exchanges each bucket and how long that takes.

    Parameters
    ----------
    case : Case
        What is asked.
    parameters, middle : Parameters
        Samples to price, and the central sample that choices are based on.
    devices : int
        Scale.
    size_bytes : ndarray, shape (buckets,)
        Gradients of each bucket in memory.
    """
    if devices == 1:
        zero = np.zeros((len(parameters.slowness), len(size_bytes)))
        return Exchange(options=(), time_s=zero, copy_s=zero)
    allowed = options(case, devices)
    at_median = _times(allowed, middle.topology(devices), devices, size_bytes)
    best = np.argmin(at_median[:, 0, :], axis=0)
    topology = parameters.topology(devices)
    time = np.zeros((len(parameters.slowness), len(size_bytes)))
    for index in np.unique(best):
        mine = best == index
        time[:, mine] = _times([allowed[index]], topology, devices, size_bytes[mine])[0]
    if allowed[0].algorithm is LIBRARY:
        time *= _as_measured(case, parameters, devices, size_bytes, at_median[0, 0])
    copy_s = _copies(case, parameters, size_bytes, time)
    chosen = tuple(allowed[index] for index in best)
    return Exchange(options=chosen, time_s=time + 2 * copy_s, copy_s=copy_s)


def _copies(case: Case, parameters: Parameters, size_bytes: FloatArray, like: FloatArray) -> FloatArray:
    """Return one copy of each bucket between device and host; what travels in 16 bits is copied in 16."""
    if parameters.staging is None:
        return np.zeros_like(like)
    return parameters.staging.transfer_s(size_bytes * case.wire_fraction)


def _as_measured(
    case: Case, parameters: Parameters, devices: int, size_bytes: FloatArray, modelled_s: FloatArray
) -> FloatArray:
    """Return the library's own times as they were measured over those of its form; 1 where they were not.

    The closed form then only says how times change with its parameters.
    """
    sample, below = parameters.outermost(devices)
    if sample.profile is None:
        return _not_below_a_node(case, parameters, devices, size_bytes, modelled_s)
    link, wire = sample.profile, size_bytes * case.wire_fraction
    if link is None or link.surface is None or not link.fills(below):
        return np.ones((1, len(size_bytes)))
    whole = link.surface.time_s(-(-devices // below), wire) / SHARE[link.operation]
    return np.asarray(whole / modelled_s * np.exp(sample.z * link.edge_spread(wire)))


def _not_below_a_node(
    case: Case, parameters: Parameters, devices: int, size_bytes: FloatArray, modelled_s: FloatArray
) -> FloatArray:
    """Return the factor by which the form is below what one full node was measured to take, at least 1.

    Among more devices the same bytes pass through every node, and then the network.
    """
    node = case.cluster.devices_per_node
    if not 1 < node < devices:
        return np.ones((1, len(size_bytes)))
    sample, below = parameters.outermost(node)
    link = sample.profile
    if link is None or link.surface is None or not link.fills(below):
        return np.ones((1, len(size_bytes)))
    inside = link.surface.time_s(-(-node // below), size_bytes * case.wire_fraction) / SHARE[link.operation]
    return np.asarray(np.maximum(inside / modelled_s, 1.0))


def _times(allowed: list[Option], topology: Topology, devices: int, size_bytes: FloatArray) -> FloatArray:
    """Return times of shape (options, samples, buckets)."""
    shape = np.broadcast_shapes((1, len(size_bytes)), np.shape(topology.levels[0].cost.latency_s))
    return np.array(
        [
            np.broadcast_to(o.algorithm.time_s(topology, devices, size_bytes, o.choices), shape)
            for o in allowed
        ]
    )
