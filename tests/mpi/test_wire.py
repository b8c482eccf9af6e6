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
    operations = len(ALGORITHMS) + 2 - (1 if count == 2 else 0)  # no room for a server beside 2 workers
    assert f"sums of {operations} operations, wrong: []" in done.stdout
