"""What a user sees of an error: one line on standard error, and the exit code."""

import sys
from typing import Any

import typer

from nearlinear.models.errors import NearlinearError

INTERNAL, USAGE, UNWRITABLE, TOO_LARGE, INCOMPLETE, INTERRUPTED = 1, 2, 3, 4, 8, 130


def failed(error: BaseException) -> int:
    """Say what went wrong in one line and return the exit code; ``--debug`` shows the traceback, too."""
    if isinstance(error, KeyboardInterrupt | typer.Abort):
        _say("interrupted")
        return INTERRUPTED
    if _is_usage(error):
        _usage(error)
        return USAGE
    if "--debug" in sys.argv:
        import traceback

        traceback.print_exception(error)
    if isinstance(error, NearlinearError):
        _say(f"error: {error}")
        return error.exit_code
    if isinstance(error, MemoryError):
        _say("error: memory: does not fit on this machine; take a smaller size, width or batch")
        return TOO_LARGE
    if type(error).__module__.startswith("mpi4py"):
        _say(f"error: MPI: {' '.join(str(error).split())}; has another rank ended, or a link gone down?")
        return INCOMPLETE
    if isinstance(error, OSError):
        _say(f"error: {error.filename or 'standard output'}: cannot be read or written ({error.strerror})")
        return UNWRITABLE
    _say(f"error: internal: {type(error).__name__}: {error}; run nearlinear --debug ... and report it")
    return INTERNAL


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _is_usage(error: Any) -> bool:
    """Return whether the option parser raised it; its module moved between versions of typer."""
    return hasattr(error, "format_message") and hasattr(error, "exit_code")


def _usage(error: Any) -> None:
    """Say what the option parser says; its empty message means that help was printed."""
    text = error.format_message()
    _say(text if not text or text[0] == "\n" else f"error: {' '.join(text.split())}")
