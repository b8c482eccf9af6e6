"""The tables of docs/seeds.md: every command runs, every test is there."""

import importlib
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from nearlinear.measure.launcher import mpiexec
from nearlinear.models.errors import AbsentError
from tests.conftest import ROOT

PAGE = ROOT / "docs" / "seeds.md"
ROW = re.compile(
    r"^\| (?P<name>[^|]+) \| `(?P<command>[^`]+)` \| [^|]+ \| `(?P<test>[^`]+)` \|$", re.MULTILINE
)
ROWS = [found.groupdict() for found in ROW.finditer(PAGE.read_text(encoding="utf-8"))]
FEWEST = 30  # techniques of both systems
START = {"nearlinear": ["-m", "nearlinear.cli.app"], "python": []}


def _run(command: str, folder: Path) -> "subprocess.CompletedProcess[str]":
    verb, *arguments = shlex.split(command)
    run = [sys.executable, "-P", *START[verb], *arguments]
    return subprocess.run(run, cwd=folder, capture_output=True, text=True, timeout=240, check=False)


def _mpi() -> bool:
    try:
        return bool(mpiexec())
    except AbsentError:
        return False


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("seeds")
    for example in (ROOT / "docs" / "examples").glob("*.*"):
        shutil.copy(example, place)
    done = _run("nearlinear calibrate titan_allreduce.csv -o titan.toml", place)
    assert done.returncode == 0, done.stderr
    return place


def test_all_techniques_are_read() -> None:
    tables = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.count("`tests/")]
    assert len(ROWS) == len(tables) >= FEWEST
    assert len({row["name"] for row in ROWS}) == len(ROWS)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["name"])
def test_the_test_is_there(row: dict[str, str]) -> None:
    path, _, name = row["test"].partition("::")
    text = (ROOT / path).read_text(encoding="utf-8")
    assert f"def {name or 'test_'}" in text


@pytest.mark.slow
@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["name"])
def test_the_command_runs(row: dict[str, str], folder: Path) -> None:
    command = row["command"]
    if command.startswith("python -m "):
        assert callable(importlib.import_module(command.removeprefix("python -m ")).main)
        return
    if " --launch " in command and not _mpi():
        pytest.skip("needs mpi4py and mpiexec")
    done = _run(command, folder)
    assert done.returncode == 0, done.stderr
    assert done.stdout
