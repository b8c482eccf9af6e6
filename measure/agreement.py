"""Ranks that go on together or not at all: a mistake on one of them ends all, said once."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar, cast

import numpy as np

T = TypeVar("T")
Failed = Callable[[BaseException], int]
TEXT_BYTES = 512
SETTLE_S = 0.2
AGREED = "all ranks know, and leave"


class Interrupted(KeyboardInterrupt):
    """Somebody wanted an end, and the record is closed already."""


class Saving:
    """What to save when a run ends early; known only when there is something."""

    close_with: Callable[[BaseException], None] | None = None

    def close(self, error: BaseException) -> None:
        """Save it."""
        if self.close_with is not None:
            self.close_with(error)


def everywhere(comm: Any, step: Callable[[], T]) -> T:
    """Return what a step gives on this rank; where it fails on any, the first such rank says so alone."""
    error, value = None, None
    try:
        value = step()
    except Exception as failure:
        error = failure
    first = lowest(comm, comm.Get_size() if error is None else comm.Get_rank())
    if error is not None and first == comm.Get_rank():
        error.__notes__ = [AGREED]
        raise error
    if first < comm.Get_size():
        raise SystemExit(0)
    return cast("T", value)


def lowest(comm: Any, value: int) -> int:
    """Return the lowest of what all ranks say."""
    from mpi4py import MPI

    box = np.array([value], dtype=np.int64)
    comm.Allreduce(MPI.IN_PLACE, box, op=MPI.MIN)
    return int(box[0])


def texts(comm: Any, text: str) -> list[str]:
    """Return what all ranks say, on all ranks; long texts are cut."""
    raw = text.encode()[:TEXT_BYTES]
    own = np.zeros(TEXT_BYTES, dtype=np.uint8)
    own[: len(raw)] = np.frombuffer(raw, dtype=np.uint8)
    everyone = np.empty((comm.Get_size(), TEXT_BYTES), dtype=np.uint8)
    comm.Allgather(own, everyone)
    return [bytes(row).rstrip(b"\0").decode(errors="replace") for row in everyone]


@contextmanager
def together(comm: Any, close: Callable[[BaseException], None], failed: Failed) -> Iterator[None]:
    """End all ranks when one cannot go on: the others would wait for it forever.

    Parameters
    ----------
    close : callable
        Saves what this rank has before the end.
    failed : callable
        Says what went wrong and returns the status with which all ranks then end.
    """
    try:
        yield
    except (SystemExit, Interrupted):
        raise  # all ranks leave together; one of them says why
    except BaseException as error:
        if AGREED in getattr(error, "__notes__", ()):
            raise
        try:
            close(error)
        finally:
            status = failed(error)
            time.sleep(SETTLE_S)  # launchers drop what a rank said just before its end
            comm.Abort(status)
