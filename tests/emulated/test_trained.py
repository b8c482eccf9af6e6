"""Steps of the trainer on emulated hosts: what other sizes and batches said of them."""

from pathlib import Path

import numpy as np
import pytest

from nearlinear.measure.training.networks import NetworkSpec
from nearlinear.models.dnn import network
from nearlinear.models.prediction import Band
from tests.emulated.cluster import missing
from tests.emulated.trained import BATCH, MOST_BUSY, OTHER_BATCHES, RUNS, Row, median_error, rows_of

MOST_ERROR = 0.10
LEAST_SHARE = 0.5  # of a step is exchange, or the links would not be what is predicted


def _row(error: float) -> Row:
    band = Band(median=1 + error, low=0.0, high=2.0)
    return Row(name="ring", measured_s=1.0, exchange_share=0.9, busy=0.5, predicted=band)


def test_the_error_is_the_median_of_all_rows() -> None:
    assert median_error([_row(0.02), _row(-0.04), _row(0.9)]) == pytest.approx(0.04)


def test_what_is_trained_is_what_is_predicted_from_other_batches() -> None:
    assert network(NetworkSpec(name="mlp", input_shape=(28, 28, 1), width=800).model).name == "mlp"
    assert BATCH not in OTHER_BATCHES


@pytest.mark.slow
@pytest.mark.mpi
@pytest.mark.skipif(missing() is not None, reason=str(missing()))
def test_steps_are_predicted_from_other_sizes(tmp_path: Path) -> None:
    rows = rows_of(tmp_path)
    assert [row.name for row in rows] == [run.name for run in RUNS]
    assert np.median([row.exchange_share for row in rows]) >= LEAST_SHARE
    error = median_error(rows)
    if error > MOST_ERROR and max(row.busy for row in rows) > MOST_BUSY:
        pytest.skip(f"processors too busy for a comparison: median error {error:.1%}")
    assert error <= MOST_ERROR
