"""Tests that start ranks: they need mpi4py and an mpiexec, and skip where there is none."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path

import pytest

from nearlinear.measure.launcher import mpiexec
from nearlinear.models.errors import AbsentError

Run = Callable[..., "subprocess.CompletedProcess[str]"]
HERE = Path(__file__).parent
ENOUGH_BYTES = 20_000  # a record that holds a few dozen samples


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark all tests of this folder, and leave them out where no ranks can be started."""
    absent = pytest.mark.skipif(not _can_start_ranks(), reason="needs mpi4py and mpiexec")
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.mpi)
            item.add_marker(absent)


def _can_start_ranks() -> bool:
    try:
        return find_spec("mpi4py") is not None and bool(mpiexec())
    except AbsentError:
        return False


@pytest.fixture
def command() -> list[str]:
    """The command line as a user has it."""
    return [sys.executable, "-P", "-m", "nearlinear.cli.app"]


@pytest.fixture
def ranks(tmp_path: Path) -> Run:
    """``ranks(n, arguments)`` runs a Python program on n ranks and waits for it."""

    def run(count: int, arguments: Sequence[str]) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [mpiexec(), "-n", str(count), sys.executable, "-P", *arguments],
            capture_output=True, text=True, timeout=240, cwd=tmp_path, env=dict(os.environ), check=False,
        )  # fmt: skip

    return run


@pytest.fixture
def started(command: list[str], tmp_path: Path) -> Iterator[Callable[..., "subprocess.Popen[str]"]]:
    """Start the command in the background; whatever is left of it is ended."""
    processes: list[subprocess.Popen[str]] = []

    def start(*arguments: str) -> "subprocess.Popen[str]":
        process = subprocess.Popen(
            [*command, *arguments], cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            start_new_session=True,
        )  # fmt: skip
        processes.append(process)
        return process

    yield start
    for process in processes:
        if process.poll() is None:
            process.terminate()  # which it passes on to its ranks
            process.communicate()


@pytest.fixture
def wait_for() -> Callable[..., None]:
    """Wait until a record holds samples."""

    def wait(path: Path, process: "subprocess.Popen[str]", size_bytes: int = ENOUGH_BYTES) -> None:
        for _ in range(1200):
            if path.exists() and path.stat().st_size > size_bytes:
                return
            assert process.poll() is None, process.communicate()
            time.sleep(0.05)
        raise AssertionError("nothing was sampled in a minute")

    return wait


@pytest.fixture
def ranks_started(tmp_path: Path) -> Iterator[Callable[..., "subprocess.Popen[str]"]]:
    """``ranks_started(n, arguments)`` starts a Python program on n ranks and goes on."""
    processes: list[subprocess.Popen[str]] = []

    def start(count: int, arguments: Sequence[str]) -> "subprocess.Popen[str]":
        process = subprocess.Popen(
            [mpiexec(), "-n", str(count), sys.executable, "-P", *arguments], cwd=tmp_path,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
        )  # fmt: skip
        processes.append(process)
        return process

    yield start
    for process in processes:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
