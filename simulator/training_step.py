"""Training steps executed rank by rank: compute with jitter, buckets in flight, steps carried over.

Every rank runs forward and backward at its own pace; a bucket's exchange starts at a rank when its
gradients are ready there and its stream is free; the next step starts at a rank when its last exchange
and its update are done. There is no barrier, so a slow rank delays exactly those who wait for it. A
library's own collective has no schedule to execute: it starts when all ranks are there and takes the
time that was measured.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from nearlinear.models.arrays import FloatArray, IntArray
from nearlinear.models.collectives.schedule import Schedule
from nearlinear.models.hardware.topology import Topology
from nearlinear.models.training.buckets import GRADIENT_BYTES
from nearlinear.models.training.exchange import Exchange
from nearlinear.models.training.model import StepModel
from nearlinear.simulator.exchange import TICKS_PER_SECOND, Outcome, Vector, to_ticks
from nearlinear.simulator.fabric import Fabric

Engine = Callable[[Schedule, Fabric, Vector, IntArray | None], Outcome]


@dataclass(frozen=True, slots=True, kw_only=True)
class Conditions:
    """How real the run is.

    Attributes
    ----------
    steps : int
        Steps in a row.
    jitter : float
        Standard deviation, in log time, of the compute of one rank in one step.
    seed : int
        Of the jitter.
    """

    steps: int = 1
    jitter: float = 0.0
    seed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Run:
    """What came of a run.

    Attributes
    ----------
    step_s : ndarray, shape (samples,)
        Mean time of a step until its last rank is done.
    slowness : ndarray, shape (samples,)
        How slow compute was, jitter included: the mean over ranks and steps.
    """

    step_s: FloatArray
    slowness: FloatArray


def run_steps(
    model: StepModel,
    topology: Topology,
    slowness: FloatArray,
    devices: int,
    exchange: Exchange,
    engine: Engine,
    conditions: Conditions,
) -> Run:
    """Return the time of training steps, exchanges executed by an engine.

    Parameters
    ----------
    model : StepModel
        The case.
    topology : Topology
        Links among the devices, with samples.
    slowness : ndarray, shape (samples,)
        Compute of every sample.
    devices : int
        Workers.
    exchange : Exchange
        Allreduce of each bucket; none on one device.
    engine : callable
        Executes one exchange from given start clocks.
    conditions : Conditions
        Steps and jitter.
    """
    exchanges = _exchanges(model, topology, devices, exchange, engine)
    servers = max((one.servers for one in exchanges), default=0)
    generator = np.random.default_rng(conditions.seed)
    clock = np.zeros((len(slowness), devices), dtype=np.int64)
    server_clock = np.zeros((len(slowness), servers), dtype=np.int64)
    paces = np.zeros_like(slowness)
    for _ in range(conditions.steps):
        pace = slowness[:, None] * np.exp(conditions.jitter * generator.standard_normal(clock.shape))
        compute = _Compute.of(model, devices, pace)
        clock, server_clock = _step(compute, exchanges, clock, server_clock)
        paces += pace.mean(axis=1)
    total_s = clock.max(axis=1) / TICKS_PER_SECOND
    return Run(step_s=total_s / conditions.steps, slowness=paces / conditions.steps)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Compute:
    """Ticks of compute, shape (samples, ranks); ``ready`` has one such array per bucket."""

    forward: IntArray
    backward: IntArray
    optimizer: IntArray
    ready: list[IntArray]

    @classmethod
    def of(cls, model: StepModel, devices: int, pace: FloatArray) -> "_Compute":
        ideal = model.layers(devices)
        backward = to_ticks(pace * ideal.backward_s.sum())
        overlap = model.case.scenario.plan.overlap
        ready = model.buckets.ready_s(ideal.backward_s)
        return cls(
            forward=to_ticks(pace * ideal.forward_s.sum()),
            backward=backward,
            optimizer=to_ticks(pace * ideal.optimizer_s),
            ready=[to_ticks(pace * when) if overlap else backward for when in ready],
        )


class _Exchange(Protocol):
    """The exchange of one bucket, ready to run."""

    servers: int

    def run(self, workers: IntArray, servers: IntArray) -> tuple[IntArray, IntArray]:
        """Return clocks of workers and servers after it."""


class _Scheduled:
    """An exchange through a schedule that an engine executes."""

    def __init__(self, schedule: Schedule, fabric: Fabric, vector: Vector, engine: Engine) -> None:
        self.schedule, self.fabric, self.vector, self.engine = schedule, fabric, vector, engine
        self.servers = schedule.servers

    def run(self, workers: IntArray, servers: IntArray) -> tuple[IntArray, IntArray]:
        start = np.concatenate([workers, servers[:, : self.servers]], axis=1)
        outcome = self.engine(self.schedule, self.fabric, self.vector, start)
        done, count = outcome.end_ticks, self.schedule.workers
        after = np.concatenate([done[:, count:], servers[:, self.servers :]], axis=1)
        return done[:, :count], after


class _Measured:
    """A library's own collective: starts when all are there, takes as long as measured."""

    servers = 0

    def __init__(self, time_s: FloatArray) -> None:
        self.ticks = to_ticks(time_s)[:, None]

    def run(self, workers: IntArray, servers: IntArray) -> tuple[IntArray, IntArray]:
        done = workers.max(axis=1, keepdims=True) + self.ticks
        return np.broadcast_to(done, workers.shape), servers


def _exchanges(
    model: StepModel, topology: Topology, devices: int, exchange: Exchange, engine: Engine
) -> list[_Exchange]:
    """Return the exchange of every bucket."""
    found: list[_Exchange] = []
    for bucket, option in enumerate(exchange.options):
        if option.algorithm.schedule is None:
            found.append(_Measured(exchange.time_s[:, bucket]))
            continue
        schedule = option.algorithm.schedule(devices, option.choices)
        vector = Vector(
            elements=int(model.buckets.size_bytes[bucket]) // GRADIENT_BYTES,
            element_bytes=GRADIENT_BYTES,
            wire_fraction=option.choices.wire_fraction,
        )
        found.append(_Scheduled(schedule, Fabric.of(topology, schedule), vector, engine))
    return found


def _step(
    compute: _Compute, exchanges: list[_Exchange], clock: IntArray, servers: IntArray
) -> tuple[IntArray, IntArray]:
    """Return clocks of workers and servers after one step."""
    begin = stream = clock + compute.forward
    for exchange, ready in zip(exchanges, compute.ready, strict=False):
        stream, servers = exchange.run(np.maximum(stream, begin + ready), servers)
    return np.maximum(stream, begin + compute.backward) + compute.optimizer, servers
