"""The same schedules, executed with real messages between real ranks."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nearlinear.models.collectives import ALGORITHMS

PROGRAM = Path(__file__).parent / "sums_on_the_wire.py"


@pytest.mark.parametrize(("count", "waiting"), [(2, "poll"), (8, "sleep")])
def test_every_operation_is_exact_on_every_communicator(
    ranks: Callable[..., Any], count: int, waiting: str
) -> None:
    """Alone, world, duplicate, split, and the first 1 to 8 ranks: every algorithm among them."""
    done = ranks(count, [str(PROGRAM), waiting])
    assert done.returncode == 0, done.stdout + done.stderr
    found = re.search(r"(\d+) results, wrong on 0", done.stdout)
    assert found is not None
    assert int(found[1]) > 5 * 4 * (7 + len(ALGORITHMS))  # lengths, types, operations


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
from nearlinear.measure.transports import choice
from nearlinear.models.errors import AbsentError
def failing(name):
    if MPI.COMM_WORLD.Get_rank() == 1:
        raise AbsentError("--transport", "needs a CUDA device")
choice._require = failing
sys.argv = ["nearlinear", "measure", "--transport", "host", "--out", "run.jsonl"]
app.main()
"""


def test_a_rank_without_a_device_ends_all(ranks: Callable[..., Any], tmp_path: Path) -> None:
    done = ranks(3, ["-c", ONE_FAILS])
    assert done.returncode == 6
    assert done.stderr.count("error: --transport: needs a CUDA device") == 1
    assert not (tmp_path / "run.jsonl").exists()


def test_one_line_for_all_ranks(ranks: Callable[..., Any]) -> None:
    done = ranks(3, ["-m", "nearlinear.cli.app", "measure", "--sizes", "abc"])
    assert done.returncode == 2
    assert done.stderr.count("error: ") == 1


def test_no_launch_inside_a_launch(ranks: Callable[..., Any]) -> None:
    done = ranks(2, ["-m", "nearlinear.cli.app", "measure", "--launch", "2"])
    assert done.returncode == 2
    assert "--launch: starts ranks itself, got 2; leave out mpiexec or --launch" in done.stderr
