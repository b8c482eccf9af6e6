"""Ctrl-C and the end of a job, taken as a wish: ranks finish what they are at and close the record."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

SIGNALS = (signal.SIGINT, signal.SIGTERM)
STATUS, INTERRUPTED = 130, "interrupted"


class Interruption:
    """Whether somebody wants the run to end; true on the rank that decides, or on others by its word."""

    wanted = False


@contextmanager
def deferred(decides: bool) -> Iterator[Interruption]:
    """Yield the wish; the first signal makes it, the second ends this rank at once.

    Parameters
    ----------
    decides : bool
        Whether this rank tells the others. They go on meanwhile: a rank that left would keep the
        deciding one waiting for it inside MPI, where no signal is heard.
    """
    found = Interruption()

    def note(number: int, frame: Any) -> None:
        found.wanted = decides
        for name in SIGNALS:
            signal.signal(name, signal.default_int_handler)

    before = [signal.signal(name, note) for name in SIGNALS]
    try:
        yield found
    finally:
        for name, handler in zip(SIGNALS, before, strict=True):
            signal.signal(name, handler)
