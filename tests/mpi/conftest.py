"""Tests that start ranks: they need mpi4py and an mpiexec, and skip where there is none."""

import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path

import pytest

from nearlinear.measure.launcher import mpiexec
from nearlinear.models.errors import AbsentError

Run = Callable[..., "subprocess.CompletedProcess[str]"]
HERE = Path(__file__).parent


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
