"""Tables of a measurement: bandwidths by hand, the columns of nccl-tests, what to beware of."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nearlinear.calibrate.importers import Hints, read_measurements
from nearlinear.calibrate.importers.names import bus_factor
from nearlinear.measure.records import Epoch, Record, Sample, Step
from nearlinear.reports.measured import summaries
from nearlinear.reports.measured_tables import measured_text, pair_matrix
from nearlinear.reports.pair_picture import draw_pairs
from nearlinear.reports.trained import step_spreads, trained_plain, trained_text


def _sample(repetition: int = 0, **changes: Any) -> Sample:
    values: dict[str, Any] = {
        "operation": "allreduce", "algorithm": "vendor", "transport": "mpi-host", "dtype": "float32",
        "placement": "out", "size_bytes": 2**20, "ranks": 4, "nodes": 1, "repetition": repetition,
        "mode": "individual", "statistic": "max", "time_s": 1e-3, "correct": True, "wrong_elements": 0,
        "cpu_busy": 0.1,
    }  # fmt: skip
    return Sample(**values | changes)


def test_bandwidths_by_hand() -> None:
    """1 MiB in 1 ms is 1.048576 GB/s; an allreduce among 4 moves 2 x 3/4 of it."""
    (row,) = summaries([_sample()])
    assert row.algorithm_bandwidth == pytest.approx(2**20 / 1e-3)
    assert row.bus_bandwidth == pytest.approx(1.5 * 2**20 / 1e-3)
    assert [bus_factor(name, 4) for name in ("allgather", "alltoall", "broadcast", "sendrecv")] == [
        0.75, 0.75, 1.0, 1.0,
    ]  # fmt: skip
    assert bus_factor("allreduce", 1) == 0


def test_all_pairs_together_make_the_bandwidth_of_contention() -> None:
    (row,) = summaries([_sample(operation="contention", ranks=8)])
    assert row.bus_bandwidth == pytest.approx(4 * 2**20 / 1e-3)


def test_spread_and_marks() -> None:
    samples = [_sample(i, time_s=1e-3 * (i + 1), processor_bound=i > 1, cpu_busy=0.1 * i) for i in range(5)]
    (row,) = summaries([*samples, _sample(5, time_s=3e-3, wrong_elements=7, correct=False, cpu_busy=None)])
    assert (row.samples, row.time_s, row.wrong_elements, row.processor_bound) == (6, 3e-3, 7, True)
    assert row.low_s < 2e-3 < row.high_s
    assert row.cpu_busy == pytest.approx(0.2)


def test_the_table_is_a_log_of_nccl_tests(tmp_path: Path) -> None:
    """Our own importer of nccl-tests reads what we print."""
    samples = [
        _sample(0, size_bytes=size, placement=placement, time_s=time_s)
        for size, placement, time_s in (
            (2**20, "out", 1e-3), (2**20, "in", 2e-3), (2**21, "out", 1.9e-3), (2**21, "in", 2.1e-3),
        )
    ]  # fmt: skip
    log = tmp_path / "run.log"
    log.write_text(measured_text(samples) + "\n")
    found = read_measurements(log, Hints(per_node=4))
    assert found.format == "nccl-tests"
    assert {(s.operation, s.placement, s.size_bytes, s.ranks, round(s.time_s, 9)) for s in found.samples} == {
        ("allreduce", s.placement, s.size_bytes, 4, s.time_s) for s in samples
    }


def test_columns_stand_where_nccl_tests_has_them() -> None:
    text = measured_text([_sample(), _sample(placement="in", time_s=2e-3, wrong_elements=3, correct=False)])
    (row,) = [line.split() for line in text.splitlines() if line.split()[0] == str(2**20)]
    assert row[:5] == [str(2**20), str(2**18), "float", "sum", "-1"]
    assert row[5:13] == ["1000.00", "1.05", "1.57", "0", "2000.00", "0.52", "0.79", "3"]
    assert len(row) == 13
    spread = [line.split() for line in text.splitlines() if line.startswith("#") and "1000-1000" in line]
    assert spread == [["#", str(2**20), "1", "1000-1000", "inf%", "1", "2000-2000", "inf%", "ok"]]


def test_what_to_beware_of_is_said() -> None:
    rows = [_sample(processor_bound=True), _sample(mode="pipelined", time_s=5e-4)]
    text = measured_text(rows)
    assert "! 1 of the 2 points whose load is known are marked cpu: the processors, not the links" in text
    assert "! individual and pipelined times are different things" in text
    assert text.count("# Collective test starting: all_reduce_perf") == 2  # never in one table


def test_messages_and_kernels_have_tables_of_their_own() -> None:
    rows = [
        _sample(operation="sendrecv", ranks=2, among=(0, 2), nodes=2),
        _sample(operation="contention", ranks=4, among=(0, 1, 2, 3)),
        _sample(operation="gemm", algorithm="numpy", ranks=1, flop=2e9, moved_bytes=3e6),
        _sample(operation="copy", algorithm="numpy", ranks=1, flop=0.0, moved_bytes=2e6),
    ]
    text = measured_text(rows)
    lines = {line.split()[0]: line.split() for line in text.splitlines() if line}
    assert lines["sendrecv"][2:4] == ["0-2", "2"]
    assert lines["contention"][2:4] == ["2", "pairs"]
    assert lines["gemm"][-3:] == ["2000.00", "3.00", "ok"]
    assert "1000^3" in lines["gemm"]
    assert "seen per rank, numpy float32: 2000 GFLOP/s at most, 2 GB/s at 1 MiB" in text


def test_matrix_of_pairs() -> None:
    pairs = {(0, 1): None, (0, 2): (0, 2), (1, 2): (1, 2)}  # the first ranks of a run need no list
    rows = summaries(
        _sample(operation="pairs", ranks=2, among=among, time_s=sum(pair) * 1e-3)
        for pair, among in pairs.items()
    )
    matrix = pair_matrix(rows, 2**20, "us")
    assert np.isnan(np.diag(matrix)).all()
    assert matrix[0, 1] == matrix[1, 0] == pytest.approx(1000)
    assert matrix[2, 1] == pytest.approx(3000)
    assert pair_matrix(rows, 2**20, "GB/s")[0, 2] == pytest.approx(2**20 / 2e-3 / 1e9)
    figure = draw_pairs(rows)
    shown: Any = np.ma.filled(np.ma.asarray(figure.axes[0].images[0].get_array()), np.nan)
    assert np.array_equal(shown, matrix, equal_nan=True)
    assert len(figure.axes[0].texts) == 6


def test_many_pairs_are_summed_up() -> None:
    samples = [_sample(operation="pairs", ranks=2, among=(0, peer)) for peer in range(1, 20)]
    text = measured_text(samples)
    assert (
        "least 1000, median 1000, most 1000; nearlinear records show FILE --picture pairs.svg draws 20"
        in text
    )


def _step(step: int, **changes: float) -> Step:
    values: dict[str, Any] = {"load_s": 1e-3, "compute_s": 5e-3, "exchange_s": 2e-3, "wait_s": 1e-3,
                              "hidden_s": 9e-3, "loss": 2.0}  # fmt: skip
    return Step(epoch=0, step=step, rank=0, **values | changes)


def test_parts_of_a_step() -> None:
    """The first step is left out; what is hidden is no part of the whole."""
    spreads = step_spreads([_step(0, compute_s=9.0), _step(1), _step(2)])
    assert spreads["step_s"].median == pytest.approx(9e-3)
    assert spreads["hidden_s"].median == pytest.approx(9e-3)
    assert step_spreads([_step(0)])["compute_s"].high == pytest.approx(5e-3)


def test_a_training_run_in_words_and_values() -> None:
    epoch = Epoch(epoch=0, time_s=2.0, samples=100, loss=1.5, test_loss=1.4, test_accuracy=0.5, spread=0.01)
    header = {
        "training": {
            "network_name": "mlp",
            "data": "synthetic",
            "network_input_shape": [8, 8, 1],
            "batch": 4,
            "rule": "easgd",
            "period": 8,
            "elasticity": 0.5,
            "loader": "inline",
        }
    }
    record = Record(
        path="t", header=header, samples=(), steps=(_step(0), _step(1)), epochs=(epoch,), complete=True
    )
    text = trained_text(record)
    assert "mlp on synthetic 8x8x1, 4 images a step on each of 1 worker; rule easgd, every 8 steps" in text
    bounded = replace(record, header={"training": {"rule": "ssp", "period": 1, "staleness": 2}})
    assert "; rule ssp, every step, staleness 2; " in trained_text(bounded)
    assert "50.0%" in text
    plain = trained_plain(record)
    assert plain["epochs"][0]["test_accuracy"] == 0.5
    assert plain["step"]["step_s"]["median"] == pytest.approx(9e-3)


def test_load_that_nobody_knows_is_not_called_fine() -> None:
    (row,) = summaries([_sample(cpu_busy=None)])
    assert row.limit == "-"
    (row,) = summaries([_sample(cpu_busy=None, cpu_waiting=0.2)])
    assert row.limit == "ok"


def test_algorithms_side_by_side() -> None:
    rows = [_sample(), _sample(algorithm="ring", placement="in", time_s=5e-4), _sample(operation="reduce")]
    lines = measured_text(rows).splitlines()
    (head,) = [number for number, line in enumerate(lines) if line.startswith("allreduce, 4 ranks, us")]
    assert lines[head].split()[4:] == ["ring", "vendor", "out"]
    assert lines[head + 2].split() == ["1", "MiB", "500.00*", "1000.00"]


def test_a_ragged_start_and_mixed_waits_are_said() -> None:
    text = measured_text([_sample(skew_s=6e-4, waiting="poll"), _sample(skew_s=1e-6, waiting="sleep")])
    assert "! at 1 of 2 points ranks started apart by more than half of the time itself" in text
    assert "! some ranks polled and some slept while they waited" in text
    assert "individual: each call timed alone, ranks sleep while they wait" in text
