"""The model of compute: constants are what the program prints, on the part of the data that is shipped."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from nearlinear.models.training.usual_times import table

ROOT = Path(__file__).parents[2]
PART = ROOT / "tests" / "published" / "data" / "compute"
NEAR = 0.1  # a part of the data is fitted here, all of it stands behind the file
MOST_ERROR = 20.0  # percent


@pytest.fixture(scope="module")
def printed() -> str:
    command = [sys.executable, "benchmarks/compute_model.py", "--data", str(PART)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("name", ["floor.us", "ramp.us", "passes.times", "ordinary.share"])
def test_constants_are_those_of_the_file(printed: str, name: str) -> None:
    found = re.search(rf"^{name} ([\d.]+)$", printed, re.MULTILINE)
    assert found is not None
    group, key = name.split(".")
    assert float(found[1]) == pytest.approx(table()[group][key], rel=NEAR)


@pytest.mark.parametrize(
    "way", ["device left out", "network left out", "both left out", "timm, family left out"]
)
def test_what_was_not_seen_is_within_a_fifth(printed: str, way: str) -> None:
    found = re.search(rf"^\| {way} \| (\d+) \| ([\d.]+) % \|", printed, re.MULTILINE)
    assert found is not None
    assert int(found[1]) > 100
    assert float(found[2]) < MOST_ERROR


@pytest.mark.parametrize(("source", "way"), [("Lambda", "both left out"), ("timm", "timm, family left out")])
def test_it_beats_one_efficiency_for_all(printed: str, source: str, way: str) -> None:
    one = re.search(rf"^{source}: a roofline over one efficiency.* ([\d.]+) %$", printed, re.MULTILINE)
    ours = re.search(rf"^\| {way} \| \d+ \| ([\d.]+) %", printed, re.MULTILINE)
    assert one is not None
    assert ours is not None
    assert float(ours[1]) < float(one[1])
