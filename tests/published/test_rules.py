"""Epochs under rules of synchronisation: the documentation shows what the commands print."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "time-to-accuracy.md"
RUNS = "docs/figures/rules_to_target.csv"
MOST_ERROR = 10  # percent, median over the rules that have a model


def _printed(*command: str, cwd: Path = ROOT) -> str:
    done = subprocess.run([sys.executable, *command], capture_output=True, text=True, check=False, cwd=cwd)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("command", [("benchmarks/rules.py", RUNS), ("benchmarks/averaging.py",)])
def test_the_page_shows_what_is_printed(command: tuple[str, ...]) -> None:
    rows = [line for line in _printed(*command).splitlines() if line.startswith("| ")]
    shown = PAGE.read_text(encoding="utf-8").splitlines()
    assert len(rows) > 5
    assert [row for row in rows if row not in shown] == []


def test_rules_are_nearer_to_the_model_than_to_averaged_gradients() -> None:
    told = _printed("benchmarks/rules.py", RUNS).splitlines()[-1]
    inside, rules, error, plain = map(int, re.findall(r"\d+", told))
    assert (inside, rules) == (10, 12)
    assert error <= MOST_ERROR < plain / 2


def test_the_figure_is_drawn_from_the_runs_beside_it(tmp_path: Path) -> None:
    shutil.copy(ROOT / "docs" / "figures" / "rules_of_synchronisation.csv", tmp_path)
    out = _printed(str(ROOT / "docs" / "examples" / "04_rules_of_synchronisation.py"), str(tmp_path))
    assert [line.split()[0] for line in out.splitlines()] == [
        "rule",
        "bsp,",
        "local",
        "asgd",
        "easgd,",
        "gosgd,",
    ]
    drawn = (tmp_path / "rules_of_synchronisation.svg").read_text(encoding="utf-8")
    assert "test loss" in drawn
