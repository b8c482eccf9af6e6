"""A training run: ranks take their roles, steps are recorded as they come, epochs are judged."""

import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from nearlinear.measure.agreement import Failed, everywhere, together
from nearlinear.measure.header import facts
from nearlinear.measure.launcher import launched_size, require_mpi
from nearlinear.measure.placement import Placement, in_node_order
from nearlinear.measure.records import Epoch, RecordWriter, Step
from nearlinear.measure.sanity import check_devices, check_size, check_versions
from nearlinear.measure.team import Team, lone_team, team_of
from nearlinear.measure.training.batches import LoadingPlan
from nearlinear.measure.training.cast import Cast, cast_roles
from nearlinear.measure.training.data import Dataset
from nearlinear.measure.training.spec import Trained, TrainSpec
from nearlinear.models.errors import SpecError, TargetError
from nearlinear.models.training.synchronisation import BulkSynchronous

REPORT_STEPS = 20  # steps between lines of the record, where all ranks are together anyway
COLUMNS = 6
Progress = Callable[[str], None]
T = TypeVar("T")


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
    team = _team(spec, how)
    dataset = everywhere(team.comm, spec.data.build) if team.comm else spec.data.build()
    with ExitStack() as open_:
        run = _everywhere(team, lambda: _Run(team, spec, cast_roles(team, spec, dataset, open_), dataset))
        header = facts(team.comm, team.transport, team.placement) | {"training": spec.plain()}
        run.writer = _everywhere(team, lambda: RecordWriter(how.out, header) if team.rank == 0 else None)
        if team.comm is None:
            return Trained(rank=0, out=how.out, reason=_guarded(run, progress))
        with together(team.comm, run.close, failed):
            reason = run.epochs(progress)
    return Trained(rank=team.rank, out=how.out, reason=reason)


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

    def epochs(self, progress: Progress) -> str:
        """Train and return why it ended."""
        begin = time.perf_counter()
        for epoch in range(self.spec.epochs):
            spent = self.team.control.share(np.array([time.perf_counter() - begin]))[0]
            if epoch and spent > self.spec.budget_s:
                return self._end("budget")
            self._epoch(epoch, progress)
        return self._end("done")

    def close(self, error: BaseException) -> None:
        """Save what there is; a record without a step is of no use."""
        if self.writer is None:
            return
        if isinstance(error, KeyboardInterrupt):
            self.writer.end(complete=False, reason="interrupted")
        elif not self.writer.count:
            self.writer.discard()

    def _end(self, reason: str) -> str:
        if self.writer is not None:
            self.writer.end(complete=True, reason=reason)
        return reason

    def _epoch(self, epoch: int, progress: Progress) -> None:
        bulk = isinstance(self.spec.rule, BulkSynchronous)
        left, self._seconds = self.steps_per_epoch, 0.0
        self._losses.clear()
        while left:
            count = min(REPORT_STEPS, left) if bulk else left
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
        self._judge(epoch)

    def _report(self, epoch: int, count: int, rows: list[list[float]]) -> None:
        """Write the steps of all workers."""
        own = np.full((count, COLUMNS), np.nan)
        if rows:
            own[:] = rows
        everyone = self.team.control.gather(own)
        if everyone is not None and self.writer is not None:
            if not np.isfinite(everyone[: self.cast.workers, :, -1]).all():
                raise TargetError("train", "the loss must stay a number", got="nan", remedy="lower --rate")
            for index in range(count):
                for rank in range(self.cast.workers):
                    self.writer.add(_step(epoch, self._step + index, rank, everyone[rank, index]))
            self._losses += everyone[: self.cast.workers, :, -1].ravel().tolist()
        self._step += count

    def _judge(self, epoch: int) -> None:
        """Write how good the weights are, and how far workers lie apart."""
        control, cast = self.team.control, self.cast
        mean = _mean(self.team, cast)
        apart = _apart(cast, mean)
        told = control.gather(np.array([apart, self._seconds]))
        result = cast.role.result(mean) if self.team.rank == 0 else None
        if self.writer is not None and cast.replica is not None:
            loss, accuracy = cast.replica.evaluate(_like(cast.replica.weights, result))
            self.writer.add(
                Epoch(
                    epoch=epoch, time_s=float(told[: cast.workers, 1].max()),
                    samples=self.steps_per_epoch * self.spec.batch * cast.workers,
                    loss=float(np.mean(self._losses)), test_loss=loss, test_accuracy=accuracy,
                    spread=float(told[: cast.workers, 0].max()),
                )
            )  # fmt: skip


def _team(spec: TrainSpec, how: TrainHow) -> Team:
    if launched_size() is None:
        if not isinstance(spec.rule, BulkSynchronous):
            remedy = "nearlinear train --launch 4, or mpiexec -n 4 nearlinear train"
            raise SpecError("train", f"rule {spec.rule.name} needs ranks to train on", got=1, remedy=remedy)
        return lone_team(how.transport)
    require_mpi()
    from mpi4py import MPI

    check_size(MPI.COMM_WORLD.Get_size(), 2 + spec.rule.serves, "train")
    check_versions(MPI.COMM_WORLD)
    comm = in_node_order(MPI.COMM_WORLD)
    team = team_of(comm, Placement.of(comm), how.transport, how.waiting, 1 + spec.overlap)
    check_devices(comm, team.transport, how.share_gpu)
    return team


def _everywhere(team: Team, step: Callable[[], T]) -> T:
    return everywhere(team.comm, step) if team.comm else step()


def _guarded(run: _Run, progress: Progress) -> str:
    try:
        return run.epochs(progress)
    except BaseException as error:
        run.close(error)
        raise


def _mean(team: Team, cast: Cast) -> Any:
    """Return the mean of the workers' weights on the host, on all ranks."""
    own = np.zeros(cast.elements, dtype=np.float64)
    if cast.replica is not None:
        own[:] = _on_host(cast.replica.weights)
    team.control.collective("allreduce", None, own)
    return own / cast.workers


def _apart(cast: Cast, mean: Any) -> float:
    """Return how far this worker's weights lie from the mean, relative to it."""
    if cast.replica is None:
        return 0.0
    distance = float(np.linalg.norm(_on_host(cast.replica.weights) - mean))
    return distance / max(float(np.linalg.norm(mean)), 1e-30)


def _step(epoch: int, step: int, rank: int, row: Any) -> Step:
    load, compute, exchange, wait, hidden, loss = (float(value) for value in row)
    return Step(epoch=epoch, step=step, rank=rank, load_s=load, compute_s=compute, exchange_s=exchange,
                wait_s=wait, hidden_s=hidden, loss=loss)  # fmt: skip


def _on_host(array: Any) -> Any:
    return array.get() if hasattr(array, "get") else array


def _like(weights: Any, array: Any) -> Any:
    """Return a host array where the weights are."""
    if not hasattr(weights, "get"):
        return array
    import cupy

    return cupy.asarray(array)
