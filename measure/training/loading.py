"""Two ways to get the same batches: made here when they are asked for, or ahead by a process beside."""

import os
import select
import signal
import subprocess
import sys
import uuid
from abc import ABC, abstractmethod
from collections.abc import Mapping
from contextlib import suppress
from multiprocessing.shared_memory import SharedMemory
from tempfile import TemporaryFile
from typing import IO, Self

from nearlinear.measure.launcher import without_launcher
from nearlinear.measure.training.batches import LoadingPlan, empty_batch, fill_batches, slot_bytes, slots
from nearlinear.measure.training.data import Batch, Dataset
from nearlinear.models.errors import IncompleteError

PROGRAM = "nearlinear.measure.training.loader_process"
SLOTS = 2  # one is read while the other is written
READY, FREE = b"r", b"f"  # a slot is filled; a slot may be filled
GRACE_S = 1.0
Process = subprocess.Popen[bytes]
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


class Loader(ABC):
    """A source of batches, to be closed after use."""

    @abstractmethod
    def next(self) -> Batch:
        """Return the next batch, which is the caller's own."""

    @abstractmethod
    def ahead(self) -> int:
        """Return how many batches are ready that nobody has taken yet."""

    @abstractmethod
    def close(self) -> None:
        """Give back processes and memory; closing twice is fine."""

    def __enter__(self) -> Self:
        """Return the loader itself."""
        return self

    def __exit__(self, *exception: object) -> None:
        """Close it."""
        self.close()


class InlineLoader(Loader):
    """Batches made in the process that asks for them.

    Parameters
    ----------
    plan : LoadingPlan
        Which batches.
    dataset : Dataset, optional
        What ``plan.data`` builds, where it is there already.
    """

    def __init__(self, plan: LoadingPlan, dataset: Dataset | None = None) -> None:
        self._batches = fill_batches(plan, dataset or plan.data.build(), lambda: empty_batch(plan))

    def next(self) -> Batch:
        """Return the next batch."""
        return next(self._batches)

    def ahead(self) -> int:
        """Return zero."""
        return 0

    def close(self) -> None:
        """Do nothing: there is nothing to give back."""


class ParallelLoader(Loader):
    """Batches made by a process beside, up to two ahead, in shared memory.

    The process says with one byte that a slot is ready, and is told with one byte that a slot is free.
    It ends when its input does, so it never outlives this process. The memory loses its name as soon as
    both have it open, so nothing can be left of it.

    Parameters
    ----------
    plan : LoadingPlan
        Which batches.

    Attributes
    ----------
    process_id : int
        Of the process beside.

    Raises
    ------
    IncompleteError
        The process did not get as far as its first batch; says why.
    """

    def __init__(self, plan: LoadingPlan) -> None:
        self._turn, self._ready, self._slots = 0, 0, list[Batch]()
        name = f"nearlinear_{os.getpid()}_{uuid.uuid4().hex[:8]}"
        self._memory = SharedMemory(name, create=True, size=SLOTS * slot_bytes(plan))
        try:
            self._slots = slots(plan, self._memory, SLOTS)
            self._complaints = TemporaryFile()  # noqa: SIM115 - closed with the loader
            self._process = _start(plan, name, self._complaints)
            self.process_id = self._process.pid
            self._read(1)  # the process has opened the memory
        except BaseException:
            self.close()
            raise
        finally:
            with suppress(FileNotFoundError):
                self._memory.unlink()

    def next(self) -> Batch:
        """Return the next batch, as soon as it is ready.

        Raises
        ------
        IncompleteError
            The process has ended, or this loader is closed.
        """
        if not self._slots:
            raise IncompleteError("loader", "must be open for another batch")
        if not self._ready:
            self._ready += self._read(SLOTS)
        slot, self._turn = self._slots[self._turn], (self._turn + 1) % SLOTS
        batch = Batch(slot.images.copy(), slot.labels.copy())
        self._ready -= 1
        with suppress(BrokenPipeError):  # told by the call that misses a batch
            os.write(_number(self._process.stdin), FREE)
        return batch

    def ahead(self) -> int:
        """Return how many batches are ready, at most two.

        Raises
        ------
        IncompleteError
            The process has ended, and so will batches.
        """
        output = _number(self._process.stdout)
        while self._ready < SLOTS and select.select([output], [], [], 0)[0]:
            self._ready += self._read(SLOTS)
        return self._ready

    def close(self) -> None:
        """End the process and give back the memory."""
        self._slots = []
        if hasattr(self, "_process"):
            _end(self._process)
        if hasattr(self, "_complaints"):
            self._complaints.close()
        with suppress(BufferError):  # a view in the traceback of an interrupted call; closed with it
            self._memory.close()

    def _read(self, limit: int) -> int:
        """Wait for at least one byte of the process and return how many came."""
        came = len(os.read(_number(self._process.stdout), limit))
        if not came:
            raise self._death()
        return came

    def _death(self) -> IncompleteError:
        """Return how the process ended, with the last line of what it said."""
        status = self._process.wait()
        self._complaints.seek(0)
        said = self._complaints.read().decode(errors="replace").strip().splitlines()
        end = signal.Signals(-status).name if status < 0 else f"status {status}"
        rule = f"must live until it is closed, ended with {end}"
        return IncompleteError("loader", rule, remedy=said[-1] if said else "")


def loader_environment(variables: Mapping[str, str]) -> dict[str, str]:
    """Return an environment that no MPI library takes for a rank's, and in which one thread computes."""
    return without_launcher(variables) | ONE_THREAD


def _start(plan: LoadingPlan, memory: str, complaints: IO[bytes]) -> Process:
    command = [sys.executable, "-P", "-m", PROGRAM, plan.to_json(), memory]
    return subprocess.Popen(
        command, bufsize=0, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=complaints,
        env=loader_environment(os.environ),
    )  # fmt: skip


def _end(process: Process) -> None:
    """Close the pipes, which ends the process; make sure where it does not notice."""
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            pipe.close()
    try:
        process.wait(GRACE_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _number(pipe: IO[bytes] | None) -> int:
    """Return the descriptor of a pipe, which is there because the process was started with it."""
    assert pipe is not None
    return pipe.fileno()
