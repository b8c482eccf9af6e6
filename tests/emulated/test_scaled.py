"""The whole loop on an emulated cluster: from 2 and 4 hosts to 8, over links that were never told to it."""

from pathlib import Path

import pytest

from tests.emulated.cluster import missing
from tests.emulated.scaled import ALGORITHMS, Loop, Row, close_the_loop

MOST_ERROR = 0.10
DOUBTFUL = "doubtful: "


def _row(error: float, bound: bool = False) -> Row:
    return Row(
        algorithm="ring", size_bytes=1.0, measured_s=1.0, low_s=0.0, median_s=1 + error, high_s=2.0,
        bound=bound,
    )  # fmt: skip


def test_the_error_is_that_of_points_that_no_processor_limited() -> None:
    rows = (_row(0.02), _row(-0.04), _row(0.06), _row(0.9, bound=True), _row(0.9, bound=True))
    loop = Loop(calibration=None, rows=rows, notes=())  # type: ignore[arg-type]
    assert loop.median_error == pytest.approx(0.04)


@pytest.mark.slow
@pytest.mark.mpi
@pytest.mark.skipif(missing() is not None, reason=str(missing()))
def test_eight_hosts_are_predicted_from_two_and_four(tmp_path: Path) -> None:
    loop = close_the_loop(tmp_path)
    assert {row.algorithm for row in loop.rows} == set(ALGORITHMS)
    assert any(note.startswith(DOUBTFUL) for note in loop.notes) == any(row.bound for row in loop.rows)
    disturbed = [note for note in loop.calibration.notes if note.startswith(DOUBTFUL)]
    if disturbed or 2 * len(loop.free) < len(loop.rows):
        pytest.skip(f"processors too busy for a comparison: {'; '.join((*disturbed, *loop.notes))}")
    assert loop.median_error <= MOST_ERROR
