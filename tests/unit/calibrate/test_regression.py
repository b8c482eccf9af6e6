"""Two runs compared: real changes are found, noise is not, single numbers are taken with care."""

from typing import Any

import numpy as np
import pytest

from nearlinear.calibrate.importers.imported import Imported
from nearlinear.calibrate.regression import compare_runs
from nearlinear.measure.records import Sample
from nearlinear.models.errors import ContentError

SIZES = tuple(2**k for k in range(10, 26))


def _run(seed: int, samples: int, factor: Any = 1.0, noise: float = 0.1, **more: Any) -> Imported:
    rng = np.random.default_rng(seed)
    values: dict[str, Any] = {
        "operation": "allreduce", "algorithm": "vendor", "transport": "nccl", "dtype": "float32",
        "placement": "out", "ranks": 8, "nodes": 1, "mode": "individual", "statistic": "max",
    } | more  # fmt: skip
    found = [
        Sample(size_bytes=size, repetition=r, time_s=float(t), **values)
        for index, size in enumerate(SIZES)
        for r, t in enumerate(
            (1e-5 + size / 1e10) * np.broadcast_to(factor, len(SIZES))[index]
            * np.exp(noise * rng.standard_normal(samples))
        )
    ]  # fmt: skip
    return Imported(path=f"run{seed}", format="record", samples=tuple(found))


def test_what_did_not_change_is_mostly_the_same() -> None:
    verdicts = [
        change.verdict for seed in range(40)
        for change in compare_runs(_run(2 * seed, 30), _run(2 * seed + 1, 30)).changes
    ]  # fmt: skip
    assert 0.9 < verdicts.count("same") / len(verdicts) < 0.99


def test_a_change_is_found_where_it_is() -> None:
    factor = np.where(np.arange(len(SIZES)) < 8, 1.0, 1.2)
    found = compare_runs(_run(1, 40, noise=0.02), _run(2, 40, factor, noise=0.02))
    slower = found.worse("slower", 0.05)
    assert [change.cell["size_bytes"] for change in slower] == list(SIZES[8:])
    assert sum(change.low < 1.2 < change.high for change in slower) >= 7  # of 8; 95 % each
    assert not found.worse("faster", 0.05)
    assert found.worse("changed", 0.05) == slower
    assert not found.worse("slower", 0.3)


def test_a_faster_run() -> None:
    found = compare_runs(_run(1, 20, noise=0.02), _run(2, 20, 0.5, noise=0.02))
    assert len(found.worse("faster", 0.4)) == len(SIZES)
    assert found.changes[0].verdict == "faster"


def test_single_numbers_are_judged_by_their_scatter() -> None:
    """Logs with one number per size: a scatter of 10 % hides 10 %, not twice the time at one size."""
    factor = np.ones(len(SIZES))
    factor[5] = 2.0
    found = compare_runs(_run(1, 1, noise=0.07), _run(2, 1, factor, noise=0.07))
    assert [c.cell["size_bytes"] for c in found.changes if c.verdict == "slower"] == [SIZES[5]]


def test_the_ratio_by_hand() -> None:
    before, after = _run(1, 3, noise=0.0), _run(2, 3, 1.5, noise=0.0)
    change = compare_runs(before, after).changes[0]
    assert change.ratio == pytest.approx(1.5)
    assert change.samples == (3, 3)
    assert change.before_s == pytest.approx(1e-5 + 1024 / 1e10)


def test_cells_of_one_run_only_are_counted_and_wrong_results_left_out() -> None:
    before, after = _run(1, 3), _run(2, 3)
    short = Imported(path="b", format="record", samples=after.samples[:6])
    found = compare_runs(before, short)
    assert (len(found.changes), found.only_before, found.only_after) == (2, len(SIZES) - 2, 0)
    wrong = _run(3, 3, correct=False)
    with pytest.raises(ContentError, match="run3: must share a measurement with run1"):
        compare_runs(before, wrong)


def test_runs_of_other_kinds_have_nothing_in_common() -> None:
    for other in ({"mode": "pipelined"}, {"ranks": 4}, {"transport": "mpi-host"}, {"waiting": "sleep"}):
        with pytest.raises(ContentError):
            compare_runs(_run(1, 3), _run(2, 3, **other))
