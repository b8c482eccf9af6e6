"""Training steps executed rank by rank: compute with jitter, buckets in flight, steps carried over.

Every rank runs forward and backward at its own pace; a bucket's exchange starts at a rank when its
gradients are ready there and its stream is free. In order *ready* the next step starts at a rank when
its last exchange and its update are done; in order *priority* forward goes on through the layers of a
bucket as soon as that bucket is exchanged and updated. There is no barrier, so a slow rank delays
exactly those who wait for it. Loaders prepare the next batches while a step runs. A library's own
collective has no schedule to execute: it starts when all ranks are there and takes the time measured.
"""

from dataclasses import dataclass

import numpy as np

from nearlinear.models.arrays import FloatArray, IntArray
from nearlinear.models.hardware.topology import Topology
from nearlinear.models.training.buckets import GRADIENT_BYTES
from nearlinear.models.training.exchange import Exchange, Option
from nearlinear.models.training.loading import Loader
from nearlinear.models.training.model import StepModel
from nearlinear.simulator.exchange import TICKS_PER_SECOND, Vector
from nearlinear.simulator.rounds.packing import Packed
from nearlinear.simulator.steps.bucket_exchange import BucketExchange, Engine, bucket_exchanges
from nearlinear.simulator.steps.compute import Compute, bucket_order
from nearlinear.simulator.steps.conditions import Conditions
from nearlinear.simulator.steps.loading import Feed, Pool
from nearlinear.simulator.steps.placement import Placement
from nearlinear.simulator.steps.step_path import ExchangeRecord, StepRecord


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Run:
    """What came of a run.

    Attributes
    ----------
    step_s : ndarray, shape (samples,)
        Mean time of a step until its last rank is done.
    slowness : ndarray, shape (samples,)
        How slow compute was, jitter and slow nodes included: the mean over ranks and steps.
    rank_end_s : ndarray, shape (samples, devices)
        When each rank was done with the last step.
    step_end_s : ndarray, shape (steps, samples)
        When the last rank was done with each step.
    waited_s : ndarray, shape (samples,)
        How long a rank waited for its batch: the mean over ranks and steps.
    """

    step_s: FloatArray
    slowness: FloatArray
    rank_end_s: FloatArray
    step_end_s: FloatArray
    waited_s: FloatArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Workers:
    """The devices of a run.

    Attributes
    ----------
    model : StepModel
        The case.
    topology : Topology
        Links among the devices, with samples.
    slowness : ndarray, shape (samples,)
        Compute of every sample.
    placement : Placement
        Where devices sit.
    exchange : Exchange
        Allreduce of each bucket; none on one device.
    """

    model: StepModel
    topology: Topology
    slowness: FloatArray
    placement: Placement
    exchange: Exchange

    def paces(self, conditions: Conditions) -> list[FloatArray]:
        """Return the pace of every step, shape (samples, devices) each, by the seed."""
        samples, placement = len(self.slowness), self.placement
        factors = conditions.factors(samples, placement.devices, placement.per_node)
        return [self.slowness[:, None] * factor for factor in factors]

    def pool(self, conditions: Conditions) -> Pool:
        """Return the loaders of the devices."""
        placement, loader = self.placement, conditions.loader
        return Pool(loader, placement.devices, placement.per_node, conditions.seed, self.send_s(loader))

    def send_s(self, loader: Loader) -> FloatArray:
        """Return how long a batch takes to another device, over the slowest link; shape (samples, 1)."""
        devices, nothing = self.placement.devices, np.zeros((len(self.slowness), 1))
        if not loader.scatters or devices == 1:
            return nothing
        size = self.model.case.batch_per_device(devices) * loader.scatter_bytes
        return nothing + self.topology.hop_s(devices, size, 0.0)

    def packed(self, bucket: int, option: Option) -> Packed:
        """Return the exchange of a bucket, ready to run."""
        schedule = option.algorithm.schedule_for(self.placement.devices, option.choices)
        vector = Vector(
            elements=int(self.model.buckets.size_bytes[bucket]) // GRADIENT_BYTES,
            element_bytes=GRADIENT_BYTES,
            wire_fraction=option.choices.wire_fraction,
        )
        return Packed(schedule, self.placement.fabric(self.topology, schedule), vector)

    def order(self, conditions: Conditions) -> list[int]:
        """Return the order in which buckets travel."""
        ideal = self.model.layers(self.placement.devices)
        middle = np.argsort(self.slowness)[len(self.slowness) // 2]
        ready_s = self.model.buckets.ready_s(ideal.backward_s) * self.slowness[middle]
        if not self.model.case.scenario.plan.overlap:
            ready_s = np.full_like(ready_s, ideal.backward_s.sum() * self.slowness[middle])
        return bucket_order(ready_s, self.exchange.time_s[middle], conditions.order == "priority")


def run_steps(
    workers: Workers, engine: Engine, conditions: Conditions, records: list[StepRecord] | None = None
) -> Run:
    """Return steps of all samples, exchanges executed by an engine one bucket after another.

    Parameters
    ----------
    workers : Workers
        Devices, links and exchanges, with samples.
    engine : callable
        Executes one exchange from given start clocks.
    conditions : Conditions
        Steps, jitter and so on.
    records : list, optional
        Where to keep the clocks of every step in order *ready*.
    """
    exchanges = bucket_exchanges(workers.exchange, workers.packed, engine)
    servers = max((one.servers for one in exchanges), default=0)
    samples, devices = len(workers.slowness), workers.placement.devices
    state = _State.of(samples, devices, servers, len(workers.model.buckets.size_bytes))
    order = workers.order(conditions) if exchanges else []
    by_bucket = conditions.order == "priority" and bool(exchanges)
    feed = Feed(workers.pool(conditions), conditions.steps, samples)
    ends, paces = [], workers.paces(conditions)
    for pace in paces:
        compute = Compute.of(workers.model, devices, pace)
        state.before = state.clock
        state.clock = feed.take(state.clock)
        if by_bucket:
            _step_by_bucket(compute, exchanges, order, state)
            ends.append(_settled(compute, state).max(axis=1))
        else:
            record = _step(compute, exchanges, order, state)
            ends.append(state.clock.max(axis=1))
            if records is not None:
                records.append(record)
    if by_bucket:
        state.clock = _settled(compute, state)
    total_s = state.clock.max(axis=1) / TICKS_PER_SECOND
    return Run(
        step_s=total_s / conditions.steps,
        slowness=np.mean([pace.mean(axis=1) for pace in paces], axis=0),
        rank_end_s=state.clock / TICKS_PER_SECOND,
        step_end_s=np.array(ends) / TICKS_PER_SECOND,
        waited_s=feed.waited.mean(axis=1) / conditions.steps / TICKS_PER_SECOND,
    )


@dataclass(slots=True, eq=False)
class _State:
    """Clocks of compute and exchange, shape (samples, ranks)."""

    clock: IntArray
    stream: IntArray
    servers: IntArray
    exchanged: list[IntArray]
    before: IntArray
    first: bool = True

    @classmethod
    def of(cls, samples: int, devices: int, servers: int, buckets: int) -> "_State":
        zeros = np.zeros((samples, devices), dtype=np.int64)
        spare = np.zeros((samples, servers), dtype=np.int64)
        return cls(zeros, zeros, spare, [zeros] * buckets, zeros)


def _step(compute: Compute, exchanges: list[BucketExchange], order: list[int], state: _State) -> StepRecord:
    """Run a step after which all buckets are in and all weights updated."""
    before, begun = state.before, state.clock
    begin = stream = begun + compute.forward
    records = []
    for bucket in order:
        start, servers = np.maximum(stream, begin + compute.ready[bucket]), state.servers
        stream, state.servers = exchanges[bucket].run(start, servers)
        records.append(
            ExchangeRecord(
                bucket=bucket, packed=exchanges[bucket].packed, copy=exchanges[bucket].copy[:, 0],
                start=np.concatenate([start, servers], axis=1),
                end=np.concatenate([stream, state.servers], axis=1),
            )
        )  # fmt: skip
    state.clock = np.maximum(stream, begin + compute.backward) + compute.optimizer
    return StepRecord(
        compute=compute, clock=before, loaded=begun, begin=begin, exchanges=records, end=state.clock
    )


def _step_by_bucket(
    compute: Compute, exchanges: list[BucketExchange], order: list[int], state: _State
) -> None:
    """Run a step whose forward takes up each bucket as it comes in, and leaves its own buckets in flight."""
    clock = state.clock
    for bucket in reversed(range(len(compute.ready))):
        if not state.first:
            clock = np.maximum(clock, state.exchanged[bucket]) + compute.optimizer_parts[bucket]
        clock = clock + compute.forward_parts[bucket]
    state.clock, state.first = clock + compute.backward, False
    state.exchanged = [state.clock] * len(compute.ready)
    for bucket in order:
        start = np.maximum(state.stream, clock + compute.ready[bucket])
        state.stream, state.servers = exchanges[bucket].run(start, state.servers)
        state.exchanged[bucket] = state.stream


def _settled(compute: Compute, state: _State) -> IntArray:
    """Return when all buckets in flight are in and their weights updated."""
    clock = state.clock
    for bucket in reversed(range(len(compute.ready))):
        clock = np.maximum(clock, state.exchanged[bucket]) + compute.optimizer_parts[bucket]
    return clock
