"""The same schedules, executed with real messages between real ranks."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nearlinear.models.collectives import ALGORITHMS

PROGRAM = Path(__file__).parent / "sums_on_the_wire.py"


MORE_THAN_CORES = [pytest.param(count, marks=pytest.mark.slow) for count in (4, 6, 7, 8)]


@pytest.mark.parametrize("count", [2, 3, 5, *MORE_THAN_CORES])
def test_every_algorithm_sums_exactly(ranks: Callable[..., Any], count: int) -> None:
    done = ranks(count, [str(PROGRAM)])
    assert done.returncode == 0, done.stdout + done.stderr
    assert "wrong: []" in done.stdout
    operations = len(ALGORITHMS) + 2  # and the library's own, and a message
    operations -= count == 2  # no room for a server beside 2 workers
    operations -= count % 2 == 1 or count == 2  # one node: nothing to do inside nodes first
    operations += count % 2 == 0 and count > 2  # a message between nodes
    assert f"sums of {operations} operations" in done.stdout


ORDERED = """
import numpy as np
from mpi4py import MPI
from nearlinear.measure import placement
placement._leaders = lambda comm: np.array([0, 1, 0, 1])
ordered = placement.in_node_order(MPI.COMM_WORLD).Get_rank()
assert ordered == {0: 0, 2: 1, 1: 2, 3: 3}[MPI.COMM_WORLD.Get_rank()], ordered
"""


def test_ranks_dealt_out_in_turn_are_put_in_order(ranks: Callable[..., Any]) -> None:
    done = ranks(4, ["-c", ORDERED])
    assert done.returncode == 0, done.stderr


ONE_FAILS = """
import sys
from mpi4py import MPI
from nearlinear.cli import app
from nearlinear.measure import runner
from nearlinear.models.errors import AbsentError
choose = runner.choose_buffers
def failing(wanted, local_rank):
    if local_rank == 1:
        raise AbsentError("--buffers", "needs a CUDA device")
    return choose("host", local_rank)
runner.choose_buffers = failing
sys.argv = ["nearlinear", "measure", "--out", "run.jsonl"]
app.main()
"""


def test_a_rank_without_a_device_ends_all(ranks: Callable[..., Any], tmp_path: Path) -> None:
    done = ranks(3, ["-c", ONE_FAILS])
    assert done.returncode == 6
    assert done.stderr.count("error: --buffers: needs a CUDA device") == 1
    assert not (tmp_path / "run.jsonl").exists()


def test_one_line_for_all_ranks(ranks: Callable[..., Any]) -> None:
    done = ranks(3, ["-m", "nearlinear.cli.app", "measure", "--sizes", "abc"])
    assert done.returncode == 2
    assert done.stderr.count("error: ") == 1


def test_no_launch_inside_a_launch(ranks: Callable[..., Any]) -> None:
    done = ranks(2, ["-m", "nearlinear.cli.app", "measure", "--launch", "2"])
    assert done.returncode == 2
    assert "--launch: starts ranks itself, got 2; leave out mpiexec or --launch" in done.stderr
