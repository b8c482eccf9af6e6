"""Exchange algorithms side by side: formula, round engine and SimPy over a range of workers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from nearlinear.models.arrays import FloatArray, IntArray
from nearlinear.models.catalogue import find_cluster
from nearlinear.models.collectives import Choices, find
from nearlinear.models.dnn import network
from nearlinear.models.errors import SelfCheckError
from nearlinear.models.hardware.message import LinkCost
from nearlinear.models.hardware.topology import Topology
from nearlinear.models.parameters import BYTES_MOVED_PER_BYTE_ADDED
from nearlinear.models.training.buckets import GRADIENT_BYTES
from nearlinear.simulator.engines import Engine, run_schedule
from nearlinear.simulator.exchange import TICKS_PER_SECOND, Vector
from nearlinear.simulator.fabrics.fabric import Fabric
from nearlinear.simulator.rounds.packing import Packed

AGREEMENT = 1e-6  # relative; engines round every duration to a picosecond and chunks to an element


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Times:
    """Seconds of one exchange over workers, shape (workers,), found in three ways."""

    formula_s: FloatArray
    rounds_s: FloatArray
    processes_s: FloatArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Comparison:
    """Times of several algorithms.

    Attributes
    ----------
    title : str
        What is exchanged, and over which network.
    workers : ndarray of int
        Scales.
    by_algorithm : mapping of str to Times
        In order; the first is the one expected to win.
    """

    title: str
    workers: IntArray
    by_algorithm: Mapping[str, Times]

    @property
    def algorithms(self) -> list[str]:
        """Names in order."""
        return list(self.by_algorithm)

    def gain(self, slow: str, fast: str) -> FloatArray:
        """Return how many times faster one algorithm is than another, by formula; infinite for no time."""
        with np.errstate(divide="ignore"):
            return self.times(slow).formula_s / self.times(fast).formula_s

    def times(self, algorithm: str) -> Times:
        """Return the times of an algorithm."""
        return self.by_algorithm[algorithm]


def compare(model: str, cluster: str, algorithms: Sequence[str], workers: Sequence[int]) -> Comparison:
    """Return the exchange of a network's gradients between single-device nodes of a cluster.

    Parameters
    ----------
    model, cluster : str
        Of the zoo and the catalogue; the catalogue's values are taken as they are.
    algorithms : sequence of str
        Allreduce algorithms.
    workers : sequence of int
        Scales; one worker needs no tree but still talks to a server.
    """
    place, net = find_cluster(cluster), network(model)
    level = place.levels[-1]
    memory = place.device.memory_bandwidth_bytes_per_s.value
    cost = LinkCost.of(
        level.link.latency_s.value,
        level.link.bandwidth_bytes_per_s.value,
        BYTES_MOVED_PER_BYTE_ADDED / memory,
    )
    rows = {name: exchange_times(name, cost, net.parameters, workers) for name in algorithms}
    megabytes = net.parameters * GRADIENT_BYTES / 1e6
    title = f"{net.title}: {megabytes:.1f} MB of gradients, {level.link.title}"
    return Comparison(title=title, workers=np.array(workers), by_algorithm=rows)


def exchange_times(name: str, cost: LinkCost, elements: int, workers: Sequence[int]) -> Times:
    """Return one exchange of so many 32-bit elements over equal links, found in three ways.

    Raises
    ------
    SelfCheckError
        Engines do not agree with the formula to ``AGREEMENT``.
    """
    algorithm, choices, topology = find(name), Choices(), Topology.flat(cost)
    found: dict[str, list[float]] = {"formula_s": [], "rounds_s": [], "processes_s": []}
    for count in workers:
        schedule = algorithm.schedule_for(count, choices)
        packed = Packed(schedule, Fabric.of(topology, schedule), Vector(elements=elements))
        size = elements * GRADIENT_BYTES
        found["formula_s"].append(float(algorithm.time_s(topology, count, size, choices)))
        for key, engine in (("rounds_s", Engine.of("rounds")), ("processes_s", Engine.of("simpy"))):
            found[key].append(run_schedule(engine, packed).end_ticks.max() / TICKS_PER_SECOND)
    times = Times(**{key: np.array(values) for key, values in found.items()})
    _check_agreement(name, times)
    return times


def _check_agreement(name: str, times: Times) -> None:
    """Refuse to show engines that do not agree with the formula."""
    for engine_s in (times.rounds_s, times.processes_s):
        if not np.allclose(engine_s, times.formula_s, rtol=AGREEMENT, atol=0.0):
            worst = float(np.abs(engine_s - times.formula_s).max())
            raise SelfCheckError("comparison", f"{name}: engines must agree with the formula", got=worst)
