"""Training steps as a program: a compute stream, an exchange stream and a loader per rank.

The same steps as ``training_step``, spelled out message by message for one sample, so that messages of
different buckets and ranks can meet on links. The graph is general: pipeline or tensor parallelism are
further computes, sends and receives in it.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from nearlinear.models.arrays import FloatArray, IntArray
from nearlinear.models.collectives.schedule import Schedule
from nearlinear.models.hardware.message import LinkCost
from nearlinear.models.hardware.topology import Topology
from nearlinear.simulator.exchange import TICKS_PER_SECOND, to_ticks
from nearlinear.simulator.fabrics.fabric import Fabric
from nearlinear.simulator.programs.assembly import Assembly
from nearlinear.simulator.programs.execution import Execution
from nearlinear.simulator.programs.program import Program
from nearlinear.simulator.rounds.packing import Packed
from nearlinear.simulator.steps.compute import Compute
from nearlinear.simulator.steps.conditions import Conditions
from nearlinear.simulator.steps.training_step import Run, Workers


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class StepProgram:
    """A run of steps as a program.

    Attributes
    ----------
    program : Program
        All operations.
    fabric : Fabric
        Where all ranks sit.
    endings : tuple of Ending
        What ends each step.
    taken : tuple of ndarray of int, shape (devices,)
        What takes the batch of each step; none without loading.
    """

    program: Program
    fabric: Fabric
    endings: tuple["Ending", ...]
    taken: tuple[IntArray, ...]

    def waited(self, done: IntArray) -> float:
        """Return how many ticks a device waited for its batch: the mean over devices and steps."""
        clock, waited = np.zeros(1, dtype=np.int64), 0.0
        for taken, ending in zip(self.taken, self.endings, strict=False):
            waited += float((done[taken] - clock).mean())
            clock = done[ending.compute]
        return waited / len(self.endings)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Ending:
    """What ends a step: compute, then what is still in flight with the updates that follow.

    Attributes
    ----------
    compute : ndarray of int, shape (devices,)
        Last compute.
    exchanged : list of ndarray of int, shape (devices,)
        End of the exchange of each bucket whose weights are not yet updated.
    updates : list of ndarray of int, shape (devices,)
        Ticks of those updates.
    """

    compute: IntArray
    exchanged: list[IntArray]
    updates: list[IntArray]

    def placed(self, place: IntArray) -> "Ending":
        """Return the same with operations by their place in the program."""
        exchanged = [place[operations] for operations in self.exchanged]
        return Ending(compute=place[self.compute], exchanged=exchanged, updates=self.updates)

    def ticks(self, done: IntArray) -> IntArray:
        """Return when the step is over on each device, from when operations are done."""
        clock = done[self.compute]
        for exchanged, update in zip(reversed(self.exchanged), reversed(self.updates), strict=True):
            clock = np.maximum(clock, done[exchanged]) + update
        return np.asarray(clock)


Execute = Callable[[StepProgram], Execution]


def step_program(workers: Workers, conditions: Conditions, sample: int, flow: bool) -> StepProgram:
    """Return the steps of one sample.

    Parameters
    ----------
    workers : Workers
        Devices, links and exchanges, with samples.
    conditions : Conditions
        Steps, jitter and so on.
    sample : int
        Which sample.
    flow : bool
        Look up the links of every message.
    """
    one = _row(workers, sample)
    packed = [
        None if option.algorithm.schedule is None else one.packed(bucket, option)
        for bucket, option in enumerate(one.exchange.options)
    ]
    steps = _Steps(one, conditions, packed)
    loads = workers.pool(conditions).loads(conditions.steps, len(workers.slowness))
    order = workers.order(conditions) if packed else []
    endings = []
    for step, pace in enumerate(workers.paces(conditions)):
        if loads:
            steps.load(loads[step][sample])
        compute = Compute.of(workers.model, workers.placement.devices, pace[sample : sample + 1])
        endings.append(steps.add(compute, order))
    steps.finish(compute)
    program, place = steps.assembly.placed_program(flow)
    return StepProgram(
        program=program, fabric=steps.assembly.fabric,
        endings=tuple(ending.placed(place) for ending in endings),
        taken=tuple(place[taken] for taken in steps.taken),
    )  # fmt: skip


def run_step_programs(workers: Workers, conditions: Conditions, execute: Execute, flow: bool) -> Run:
    """Return steps of all samples, one sample after another, as programs that ``execute`` runs."""
    ends, waited = [], []
    for sample in range(len(workers.slowness)):
        made = step_program(workers, conditions, sample, flow)
        done = execute(made).done_ticks
        waited.append(made.waited(done))
        ends.append([ending.ticks(done) for ending in made.endings])
    ticks = np.array(ends)  # samples, steps, devices
    paces = workers.paces(conditions)
    return Run(
        step_s=ticks[:, -1].max(axis=1) / TICKS_PER_SECOND / conditions.steps,
        slowness=np.mean([pace.mean(axis=1) for pace in paces], axis=0),
        rank_end_s=ticks[:, -1] / TICKS_PER_SECOND,
        step_end_s=ticks.max(axis=2).T / TICKS_PER_SECOND,
        waited_s=np.array(waited) / TICKS_PER_SECOND,
    )


class _Steps:
    """Adds steps to a program, one after another."""

    def __init__(self, workers: Workers, conditions: Conditions, packed: list[Packed | None]) -> None:
        self.workers, self.conditions, self.packed = workers, conditions, packed
        scheduled = [one for one in packed if one is not None]
        self.assembly = Assembly(scheduled[0].fabric if scheduled else _without_exchange(workers))
        devices = np.arange(workers.placement.devices)
        self.compute = self.assembly.streams(devices, np.zeros(1, dtype=np.int64))
        ranks = np.arange(self.assembly.fabric.ranks)
        self.stream = self.assembly.streams(ranks, np.zeros(1, dtype=np.int64))
        self.pool = workers.pool(conditions)
        self.loader = self.assembly.streams(self.pool.homes, np.zeros(1, dtype=np.int64))
        self.hub = self.assembly.streams(devices[:1], np.zeros(1, dtype=np.int64))
        self.exchanged: list[IntArray] = []
        self.taken: list[IntArray] = []

    def add(self, compute: Compute, order: list[int]) -> Ending:
        """Add a step; return what ends it."""
        by_bucket = self.conditions.order == "priority" and bool(order)
        self._forward(compute, by_bucket)
        ready = self._backward(compute)
        self.exchanged = [ready[-1]] * len(compute.ready) if by_bucket else []
        ended: list[IntArray] = []
        for bucket in order:
            ended.append(self._exchange(bucket, ready[bucket]))
            if by_bucket:
                self.exchanged[bucket] = ended[-1]
        if by_bucket:
            updates = [part[0] for part in compute.optimizer_parts]
            return Ending(compute=ready[-1], exchanged=self.exchanged, updates=updates)
        end = self.assembly.compute(self.compute, compute.optimizer[0], "optimizer")
        for last in ended[-1:]:
            self.assembly.wait(end, last)
        return Ending(compute=end, exchanged=[], updates=[])

    def finish(self, compute: Compute) -> None:
        """Add the updates of buckets that are still in flight."""
        for bucket in reversed(range(len(self.exchanged))):
            self._update(compute, bucket)

    def _update(self, compute: Compute, bucket: int) -> IntArray:
        update = self.assembly.compute(self.compute, compute.optimizer_parts[bucket][0], "optimizer")
        self.assembly.wait(update, self.exchanged[bucket])
        return update

    def _forward(self, compute: Compute, by_bucket: bool) -> None:
        if not by_bucket:
            self.assembly.compute(self.compute, compute.forward[0], "forward")
            return
        for bucket in reversed(range(len(compute.ready))):
            if self.exchanged:
                self._update(compute, bucket)
            self.assembly.compute(self.compute, compute.forward_parts[bucket][0], "forward")

    def load(self, ticks: IntArray) -> None:
        """Add the batch of the next step on every device, which its compute takes before it goes on."""
        take = self.assembly.compute(self.compute, 0, "load")
        places = self.conditions.loader.prefetch
        for devices in self.pool.turns:
            load = self.assembly.compute(self.loader[self.pool.serves[devices]], ticks[devices], "load")
            if len(self.taken) >= places:
                self.assembly.wait(load, self.taken[-places][devices])
            self.assembly.wait(take[devices], load)
        self.taken.append(take)

    def _backward(self, compute: Compute) -> list[IntArray]:
        """Add backward, cut where buckets become ready; return what makes each ready, then its end."""
        done, ready = np.zeros_like(compute.backward[0]), []
        for when in [*compute.ready, compute.backward]:
            ready.append(self.assembly.compute(self.compute, when[0] - done, "backward"))
            done = when[0]
        return ready

    def _exchange(self, bucket: int, ready: IntArray) -> IntArray:
        """Add the exchange of a bucket; return what ends it on each device."""
        mine, name = self.stream[: len(self.compute)], f"bucket {bucket}"
        copy = int(to_ticks(self.workers.exchange.copy_s[0, bucket]))
        begin = self.assembly.compute(mine, copy, "copy" if copy else name, fence=True)
        self.assembly.wait(begin, ready)
        packed = self.packed[bucket]
        if packed is not None:
            self.assembly.exchange(packed, self.stream, name)
            return self.assembly.compute(mine, copy, "copy" if copy else name, fence=True)
        time_s = self.workers.exchange.time_s[0, bucket]
        together = self.assembly.compute(self.hub, int(to_ticks(time_s)) - 2 * copy, name)
        self.assembly.wait(np.repeat(together, len(begin)), begin)
        end = self.assembly.compute(mine, copy, "copy" if copy else name)
        self.assembly.wait(end, np.repeat(together, len(end)))
        return end


def _without_exchange(workers: Workers) -> Fabric:
    """Return the fabric of devices that exchange nothing through a schedule."""
    nothing = Schedule(workers=workers.placement.devices, phases=lambda: iter(()))
    return workers.placement.fabric(workers.topology, nothing)


def _row(workers: Workers, sample: int) -> Workers:
    """Return the workers with the costs of one sample."""
    levels = tuple(replace(level, cost=_cost_row(level.cost, sample)) for level in workers.topology.levels)
    one = slice(sample, sample + 1)
    exchange = replace(
        workers.exchange, time_s=workers.exchange.time_s[one], copy_s=workers.exchange.copy_s[one]
    )
    return replace(
        workers, topology=Topology(levels=levels), slowness=workers.slowness[sample : sample + 1],
        exchange=exchange,
    )  # fmt: skip


def _cost_row(cost: LinkCost, sample: int) -> LinkCost:
    def row(values: FloatArray) -> FloatArray:
        return np.asarray(values[sample] if np.ndim(values) else values)

    residual = cost.residual
    return replace(
        cost,
        latency_s=row(cost.latency_s),
        seconds_per_byte=tuple(row(slope) for slope in cost.seconds_per_byte),
        reduction_s_per_byte=row(cost.reduction_s_per_byte),
        residual=replace(residual, z=row(residual.z)) if residual else None,
    )
