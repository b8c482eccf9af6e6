"""A line that says how far a run is: kept up to date on a terminal, now and then in a log."""

import os
import sys
import time
from typing import TextIO

LIVE_VARIABLE = "NEARLINEAR_LIVE"  # set by whoever starts ranks: they see pipes where people see a terminal
LOG_S = 10.0


class Progress:
    """Shows lines for people on standard error.

    Parameters
    ----------
    stream : text stream
        Where to.
    live : bool, optional
        Whether lines replace each other; found out if not given.
    """

    def __init__(self, stream: TextIO | None = None, live: bool | None = None) -> None:
        self._stream = stream or sys.stderr
        self._live = live if live is not None else self._stream.isatty() or LIVE_VARIABLE in os.environ
        self._shown, self._next = False, time.monotonic() + LOG_S

    def __call__(self, line: str) -> None:
        """Show a line, in a log at most every ten seconds."""
        if self._live:
            self._write(f"\r\x1b[K{line}")
            self._shown = True
        elif time.monotonic() >= self._next:
            self._write(f"{line}\n")
            self._next = time.monotonic() + LOG_S

    def clear(self) -> None:
        """Take the line away before other text follows."""
        if self._shown:
            self._write("\r\x1b[K")
            self._shown = False

    def _write(self, text: str) -> None:
        print(text, end="", file=self._stream, flush=True)


def is_live() -> dict[str, str]:
    """Return what to tell ranks that are started from a terminal."""
    return {LIVE_VARIABLE: "1"} if sys.stderr.isatty() else {}
