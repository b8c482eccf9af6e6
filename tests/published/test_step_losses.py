"""What steps lose is shipped as it is fitted, and holds for publications that were left out."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from nearlinear.models.prior import table

ROOT = Path(__file__).parents[2]
MOST_WORSE = 1.5


@pytest.fixture(scope="module")
def printed() -> str:
    run = [sys.executable, "-P", "step_losses.py"]
    done = subprocess.run(run, cwd=ROOT / "benchmarks", capture_output=True, text=True, check=True)
    return done.stdout


def _rows(printed: str) -> dict[str, list[float]]:
    found = re.findall(r"^\| (one .*?) \| ([\d.]+)% \| ([\d.]+)% \|", printed, re.MULTILINE)
    return {name: [float(median), float(high)] for name, median, high in found}


def test_the_constants_are_those_of_the_fit(printed: str) -> None:
    fitted = dict(re.findall(r"(constant|per_doubling|unhidden) ([\d.]+)", printed.splitlines()[0]))
    step, overlap = table()["step"], table()["overlap"]
    assert float(fitted["constant"]) == pytest.approx(step["constant"])
    assert float(fitted["per_doubling"]) == pytest.approx(step["per_doubling"])
    assert float(fitted["unhidden"]) == pytest.approx(overlap["unhidden"])
    spreads = dict(re.findall(r"^\[(step|overlap)\].*log_sd ([\d.]+)", printed, re.MULTILINE))
    assert float(spreads["step"]) == step["log_sd"]
    assert float(spreads["overlap"]) == overlap["log_sd"]


def test_a_publication_left_out_is_at_most_half_as_bad_again(printed: str) -> None:
    rows = _rows(printed)
    assert len(rows) == 4
    for known in ("one device known", "one node known"):
        inside, outside = rows[f"{known}, in sample"], rows[f"{known}, publication left out"]
        assert all(out <= MOST_WORSE * sample for sample, out in zip(inside, outside, strict=True))


def test_the_page_has_the_table(printed: str) -> None:
    page = (ROOT / "docs" / "validation.md").read_text(encoding="utf-8")
    for line in printed.splitlines():
        if line.startswith("| one "):
            assert line in page
