"""The process beside a trainer that prepares its batches; started by ``ParallelLoader`` alone.

It knows nothing of MPI, says on standard output with one byte per batch that it is ready, and ends when
standard input does: the trainer has closed it, or is no more.
"""

import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from multiprocessing import resource_tracker
from multiprocessing.shared_memory import SharedMemory

from nearlinear.measure.training.batches import LoadingPlan, fill_batches, slots
from nearlinear.measure.training.data import Batch, Dataset
from nearlinear.measure.training.loading import FREE, READY, SLOTS
from nearlinear.models.errors import NearlinearError

Read = Callable[[], bytes]
Write = Callable[[bytes], object]


class _TrainerGone(Exception):
    """There is nobody left to load for."""


def serve(plan: LoadingPlan, name: str, read: Read, write: Write) -> None:
    """Fill the slots of a shared memory one after the other, until nothing more can be read.

    Parameters
    ----------
    plan : LoadingPlan
        Which batches.
    name : str
        Of the shared memory, which holds two slots.
    read : callable
        Returns the byte that says that a slot is free, or nothing at the end.
    write : callable
        Takes a byte once the memory is open, and then one for each batch.
    """
    dataset = plan.data.build()
    plan.steps_per_epoch(len(dataset.train.labels))  # whatever can be refused is refused before READY
    with _opened(name) as memory, suppress(_TrainerGone, BrokenPipeError):
        write(READY)
        _fill(plan, dataset, memory, read, write)


def _fill(plan: LoadingPlan, dataset: Dataset, memory: SharedMemory, read: Read, write: Write) -> None:
    """Fill slots; their views end with this call, so that the memory can be closed."""
    for _ in fill_batches(plan, dataset, _turns(slots(plan, memory, SLOTS), read).__next__):
        write(READY)


def _turns(shared: list[Batch], read: Read) -> Iterator[Batch]:
    """Yield the slots in turn: all are free at first, then each once the trainer says so."""
    yield from shared
    while True:
        for slot in shared:
            if read() != FREE:
                raise _TrainerGone
            yield slot


@contextmanager
def _opened(name: str) -> Iterator[SharedMemory]:
    """Open memory that belongs to the trainer, which alone removes its name."""
    if sys.version_info >= (3, 13):
        memory = SharedMemory(name, track=False)
    else:
        # Before 3.13, opening tells the tracker of leaks, which would remove the name at the end.
        memory = SharedMemory(name)
        resource_tracker.unregister(f"/{memory.name}", "shared_memory")
    try:
        yield memory
    finally:
        memory.close()


def main(arguments: Sequence[str]) -> int:
    """Load batches for the trainer at the other end of the pipes, and return the exit status.

    Parameters
    ----------
    arguments : sequence of str
        The plan as JSON, and the name of the shared memory.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C goes to all; the trainer decides
    sys.stdout = sys.stderr  # the pipe carries nothing but bytes that count
    plan, name = LoadingPlan.from_json(arguments[0]), arguments[1]
    try:
        serve(plan, name, lambda: os.read(0, 1), lambda byte: os.write(1, byte))
    except NearlinearError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
