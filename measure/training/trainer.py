"""A training run: ranks take their roles, steps are recorded as they come, epochs are judged."""

import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from nearlinear.measure.agreement import Failed, Interrupted, Saving, everywhere, together
from nearlinear.measure.header import facts
from nearlinear.measure.interruption import INTERRUPTED, STATUS, Interruption, deferred
from nearlinear.measure.launcher import launched_size, require_mpi
from nearlinear.measure.operations.operation import VENDOR
from nearlinear.measure.placement import Placement, in_node_order
from nearlinear.measure.records import Epoch, RecordWriter, Step
from nearlinear.measure.sanity import check_size, check_versions
from nearlinear.measure.team import Team, lone_team, team_of
from nearlinear.measure.training.batches import LoadingPlan
from nearlinear.measure.training.cast import Cast, cast_roles
from nearlinear.measure.training.data import Dataset
from nearlinear.measure.training.spec import Trained, TrainSpec
from nearlinear.measure.transports.buffers import on_host
from nearlinear.models.errors import SpecError, TargetError
from nearlinear.models.training.synchronisation import BulkSynchronous

REPORT_STEPS = 20  # steps between lines of the record, where all ranks are together anyway
APART_STEPS = 100  # the same where they are not: each report makes them wait for each other
COLUMNS = 6
Progress = Callable[[str], None]


def train(spec: TrainSpec, how: "TrainHow", failed: Failed, progress: Progress) -> Trained:
    """Train under a launcher, or one worker alone without; every rank calls this.

    Raises
    ------
    SpecError
        Too few ranks or samples, or ranks that differ.
    AbsentError
        No MPI, no GPU or no data set where one was asked for.
    TargetError
        The loss is no longer a number.
    """
    if launched_size() is None:
        return _alone(spec, how, progress)
    require_mpi()
    from mpi4py import MPI

    saving = Saving()
    # A rank in error ends all before it gives back: giving back may wait for those who wait for it.
    with ExitStack() as open_, together(MPI.COMM_WORLD, saving.close, failed):
        team = _team(MPI.COMM_WORLD, spec, how)
        letters = None if isinstance(spec.rule, BulkSynchronous) else team.comm.Dup()
        dataset = everywhere(team.comm, spec.data.build)
        run = everywhere(
            team.comm,
            lambda: _Run(team, spec, cast_roles(team, spec, dataset, open_, letters), dataset),
        )
        header = facts(team.comm, team.transport, team.placement) | {"training": spec.plain()}
        run.writer = everywhere(team.comm, lambda: RecordWriter(how.out, header) if team.rank == 0 else None)
        saving.close_with = run.close
        return Trained(rank=team.rank, out=how.out, reason=_interruptible(run, progress))


def _alone(spec: TrainSpec, how: "TrainHow", progress: Progress) -> Trained:
    """Train one worker in this process."""
    _check_alone(spec)
    team, dataset = lone_team(how.transport), spec.data.build()
    with ExitStack() as open_:
        run = _Run(team, spec, cast_roles(team, spec, dataset, open_), dataset)
        header = facts(None, team.transport, team.placement) | {"training": spec.plain()}
        run.writer = RecordWriter(how.out, header)
        try:
            return Trained(rank=0, out=how.out, reason=_interruptible(run, progress))
        except BaseException as error:
            run.close(error)
            raise


def _interruptible(run: "_Run", progress: Progress) -> str:
    """Train until done, or until somebody wants an end and the steps at hand are recorded."""
    with deferred(run.team.rank == 0) as interruption:
        reason = run.epochs(progress, interruption)
    if reason == INTERRUPTED:
        raise Interrupted if run.team.rank == 0 else SystemExit(STATUS)
    return reason


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainHow:
    """Where weights live, how ranks wait, and where steps go."""

    transport: str = "auto"
    waiting: str = "auto"
    share_gpu: bool = False
    out: Path


class _Run:
    """One rank's course through the epochs."""

    def __init__(self, team: Team, spec: TrainSpec, cast: Cast, dataset: Dataset) -> None:
        self.team, self.spec, self.cast = team, spec, cast
        self.writer: RecordWriter | None = None
        plan = LoadingPlan(data=spec.data, batch=spec.batch, ranks=cast.workers, seed=spec.seed)
        self.steps_per_epoch = plan.steps_per_epoch(len(dataset.train.labels))
        self._step, self._losses, self._seconds = 0, list[float](), 0.0

    def epochs(self, progress: Progress, interruption: Interruption) -> str:
        """Train and return why it ended."""
        begin = time.perf_counter()
        for epoch in range(self.spec.epochs):
            spent = self.team.control.share(np.array([time.perf_counter() - begin]))[0]
            if epoch and spent > self.spec.budget_s:
                return self._end("budget")
            if not self._epoch(epoch, progress, interruption):
                return self._end(INTERRUPTED)
        return self._end("done")

    def close(self, error: BaseException) -> None:
        """Save what there is; a record without a step is of no use."""
        if self.writer is not None and not isinstance(error, Interrupted):
            self.writer.break_off(error)

    def _end(self, reason: str) -> str:
        if self.writer is not None:
            self.writer.end(complete=reason != INTERRUPTED, reason=reason)
        return reason

    def _epoch(self, epoch: int, progress: Progress, interruption: Interruption) -> bool:
        """Train an epoch and judge it; False where somebody wants an end."""
        bulk = isinstance(self.spec.rule, BulkSynchronous)
        left, self._seconds = self.steps_per_epoch, 0.0
        self._losses.clear()
        while left:
            count = min(REPORT_STEPS if bulk else APART_STEPS, left)
            begin = time.perf_counter()
            rows = [times.row() for times in self.cast.role.run(count)]
            self._seconds += time.perf_counter() - begin
            self._report(epoch, count, rows)
            left -= count
            if self.team.rank == 0:
                done = self.steps_per_epoch - left
                progress(
                    f"epoch {epoch}, step {done} of {self.steps_per_epoch}, loss {np.mean(self._losses):.4f}"
                )
            if self.team.control.share(np.array([float(interruption.wanted)]))[0]:
                return False
        self._judge(epoch)
        return True

    def _report(self, epoch: int, count: int, rows: list[list[float]]) -> None:
        """Write the steps of all workers."""
        own = np.full((count, COLUMNS), np.nan)
        if rows:
            own[:] = rows
        everyone = self.team.control.gather(own)
        if everyone is not None and self.writer is not None:
            _check_finite(everyone[: self.cast.workers, :, -1])
            for index in range(count):
                for rank in range(self.cast.workers):
                    self.writer.add(_step(epoch, self._step + index, rank, everyone[rank, index]))
            self._losses += everyone[: self.cast.workers, :, -1].ravel().tolist()
        self._step += count

    def _judge(self, epoch: int) -> None:
        """Write how good the weights are, and how far workers lie apart."""
        control, cast = self.team.control, self.cast
        mean = _mean(self.team, cast)
        cast.role.offer()
        apart = _apart(cast, mean)
        told = control.gather(np.array([apart, self._seconds]))
        result = cast.role.result(mean) if self.team.rank == 0 else None
        if self.writer is not None and cast.replica is not None:
            loss, accuracy = cast.replica.evaluate(result)
            _check_finite([loss, *told[: cast.workers, 0]])
            self.writer.add(
                Epoch(
                    epoch=epoch, time_s=float(told[: cast.workers, 1].max()),
                    samples=self.steps_per_epoch * self.spec.batch * cast.workers,
                    loss=float(np.mean(self._losses)), test_loss=loss, test_accuracy=accuracy,
                    spread=float(told[: cast.workers, 0].max()),
                )
            )  # fmt: skip


def _check_alone(spec: TrainSpec) -> None:
    """Refuse what one worker would ignore."""
    remedy = "nearlinear train --launch 4, or mpiexec -n 4 nearlinear train"
    if not isinstance(spec.rule, BulkSynchronous):
        told = f"rule {spec.rule.name} needs ranks to train on"
        raise SpecError("train", told, got=1, remedy=remedy)
    if spec.algorithm != VENDOR or spec.overlap or spec.bucket_bytes is not None:
        told = "--algorithm, --bucket and --overlap need ranks to exchange between"
        raise SpecError("train", told, got=1, remedy=remedy)


def _team(world: Any, spec: TrainSpec, how: TrainHow) -> Team:
    everywhere(world, lambda: check_size(world.Get_size(), 2 + spec.rule.serves, "train"))
    check_versions(world)
    comm = in_node_order(world)
    return team_of(
        comm,
        Placement.of(comm),
        how.transport,
        how.waiting,
        threads=1 + spec.overlap,
        share_gpu=how.share_gpu,
    )


def _check_finite(values: Any) -> None:
    """Raise ``TargetError`` where a loss, or a distance of weights, is no longer a number."""
    if not np.isfinite(values).all():
        raise TargetError("train", "the loss must stay a number", remedy="it has diverged; lower --rate")


def _mean(team: Team, cast: Cast) -> Any:
    """Return the mean of the workers' weights on the host, on all ranks."""
    own = np.zeros(cast.elements, dtype=np.float64)
    if cast.replica is not None:
        own[:] = on_host(cast.replica.weights)
    team.control.collective("allreduce", None, own)
    return own / cast.workers


def _apart(cast: Cast, mean: Any) -> float:
    """Return how far this worker's weights lie from the mean, relative to it."""
    if cast.replica is None:
        return 0.0
    distance = float(np.linalg.norm(on_host(cast.replica.weights) - mean))
    return distance / max(float(np.linalg.norm(mean)), 1e-30)


def _step(epoch: int, step: int, rank: int, row: Any) -> Step:
    load, compute, exchange, wait, hidden, loss = (float(value) for value in row)
    return Step(epoch=epoch, step=step, rank=rank, load_s=load, compute_s=compute, exchange_s=exchange,
                wait_s=wait, hidden_s=hidden, loss=loss)  # fmt: skip
