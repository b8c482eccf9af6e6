"""Jitter fitted to records: the family, its spread and what lasts come back from known draws."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nearlinear.calibrate.jitter_fit import compute_times, fit_jitter
from nearlinear.measure.records import SCHEMA, VERSION, read_record
from nearlinear.models.errors import FitError
from nearlinear.models.training.jitter import Jitter


def _times(jitter: Jitter, ranks: int = 8, steps: int = 600, seed: int = 2) -> Any:
    generator = np.random.default_rng(seed)
    lasting = jitter.draw_lasting(generator, (ranks, 1))
    return 0.02 * lasting * jitter.draw(generator, (ranks, steps))


@pytest.mark.parametrize("rank_spread", [0.0, 0.05])
@pytest.mark.parametrize(
    ("family", "spread"), [("lognormal", 0.3), ("gamma", 0.3), ("exponential", 0.05), ("exponential", 0.5)]
)
def test_what_was_drawn_is_found(family: str, spread: float, rank_spread: float) -> None:
    found = fit_jitter(_times(Jitter(family=family, spread=spread, rank_spread=rank_spread)))
    assert found.jitter.family == family
    assert found.jitter.spread == pytest.approx(spread, rel=0.06)
    if rank_spread:
        assert found.jitter.rank_spread == pytest.approx(rank_spread, rel=0.6)  # 8 ranks tell no more
    else:
        assert found.jitter.rank_spread == 0.0
    assert found.bic[family, rank_spread == 0] == 0.0
    assert min(found.bic.values()) == 0.0
    assert found.notes() == []


def test_the_spread_of_ranks_is_theirs_without_that_of_steps() -> None:
    """Levels 0.9, 1.0, 1.1, exactly; jitter of 1 % over 400 steps adds nothing that counts."""
    steps = Jitter(spread=0.01).draw(np.random.default_rng(0), (3, 400))
    found = fit_jitter(np.array([[0.9], [1.0], [1.1]]) * steps)
    assert found.jitter.rank_spread == pytest.approx(np.log([0.9, 1.0, 1.1]).std(ddof=1), rel=0.01)
    assert "ranks differ lastingly by 10.0" in found.line()


def test_ranks_that_are_slow_together_are_told() -> None:
    common = Jitter(spread=0.1).draw(np.random.default_rng(0), (1, 500))
    found = fit_jitter(common * Jitter(spread=0.05).draw(np.random.default_rng(1), (4, 500)))
    assert found.together == pytest.approx(0.8, abs=0.05)  # 0.1^2/(0.1^2 + 0.05^2)
    assert "slow in the same steps" in found.notes()[0]


def _record(path: Path, steps: int) -> Path:
    lines: list[dict[str, Any]] = [{"schema": SCHEMA, "version": VERSION, "kind": "header"}]
    times = _times(Jitter(spread=0.1), ranks=2, steps=steps)
    for step in range(steps):
        lines += [
            {"kind": "step", "epoch": 0, "step": step, "rank": rank, "load_s": 0.0, "wait_s": 0.0,
             "compute_s": float(times[rank, step]), "exchange_s": 0.0, "hidden_s": 0.0, "loss": 1.0}
            for rank in range(2)
        ]  # fmt: skip
    lines.append({"kind": "end", "complete": True})
    path.write_text("\n".join(map(json.dumps, lines)) + "\n")
    return path


def test_steps_of_a_training_run_but_for_the_first(tmp_path: Path) -> None:
    times = compute_times(read_record(_record(tmp_path / "t.jsonl", 30)))
    assert times.shape == (2, 29)


def test_too_few_steps_are_refused(tmp_path: Path) -> None:
    with pytest.raises(FitError, match="needs the compute of 20 steps, got 19"):
        compute_times(read_record(_record(tmp_path / "t.jsonl", 20)))
