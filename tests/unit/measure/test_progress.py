"""The line that says how far a run is."""

import io

import pytest

from nearlinear.measure import progress
from nearlinear.measure.progress import LIVE_VARIABLE, Progress


def test_a_terminal_has_one_line() -> None:
    stream = io.StringIO()
    line = Progress(stream, live=True)
    line("1 of 2")
    line("2 of 2")
    line.clear()
    line.clear()
    assert stream.getvalue() == "\r\x1b[K1 of 2\r\x1b[K2 of 2\r\x1b[K"


def test_a_log_has_a_line_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    stream = io.StringIO()
    line = Progress(stream, live=False)
    for now[0] in (1.0, 9.9, 10.0, 12.0, 19.9, 20.1):
        line(f"at {now[0]:g}")
    line.clear()
    assert stream.getvalue() == "at 10\nat 20.1\n"


def test_ranks_are_told_of_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    monkeypatch.setenv(LIVE_VARIABLE, "1")
    Progress(stream)("x")
    assert stream.getvalue() == "\r\x1b[Kx"
    assert progress.is_live() == {}  # standard error is no terminal here
