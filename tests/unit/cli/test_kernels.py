"""Kernels and throughputs on the command line: tables, JSON, and what is refused."""

import json
from pathlib import Path

import pytest

from nearlinear.measure.records import RecordWriter
from tests.unit.calibrate.kernels_made import kernels
from tests.unit.cli.conftest import Cli

QUICK = ("--replicates", "50")


@pytest.fixture
def record(tmp_path: Path) -> str:
    """A record of kernels alone, on an A100."""
    writer = RecordWriter(tmp_path / "kernels.jsonl", {"devices": ["NVIDIA A100-SXM4-80GB"], "hosts": ["n1"]})
    for number, name in enumerate(("gemm", "conv3x3", "copy", "add")):
        for sample in kernels(name, noise=0.01, seed=number):
            writer.add(sample)
    writer.end(complete=True, reason="done")
    return str(tmp_path / "kernels.jsonl")


def test_calibrate_then_predict(cli: Cli, record: str) -> None:
    made = cli("calibrate", record, *QUICK, "-o", "p.toml")
    assert made.code == 0
    head, _, *rows = made.out.splitlines()
    assert head.split()[:2] == ["kernels", "through"]
    assert [row.split()[0] for row in rows[:3]] == ["dense", "convolution", "memory"]
    assert "as memory" in rows[0]
    assert "level" not in made.out
    predicted = cli("predict", "resnet-50", "--cluster", "dgx-a100", "--devices", "1", "--profile", "p.toml")
    assert "compute comes from kernels measured alone (torch float32 on NVIDIA A100" in predicted.err
    other = cli("predict", "resnet-50", "--cluster", "dgx-1v", "--devices", "1", "--profile", "p.toml")
    assert "kernels were measured on NVIDIA A100-SXM4-80GB, the scenario has NVIDIA Tesla V100" in other.err


def test_json_has_the_kernels(cli: Cli, record: str) -> None:
    document = json.loads(cli("calibrate", record, *QUICK, "--json").out)
    dense = document["result"]["compute"][0]
    assert dense["rate_flop_per_s"]["best"] == pytest.approx(1e13, rel=0.05)
    assert (document["result"]["links"], dense["holdout"]["points"]) == ([], 3)


def test_there_is_no_figure_of_kernels(cli: Cli, record: str) -> None:
    ended = cli("calibrate", record, *QUICK, "--plot", "fit.svg", "-o", "p.toml")
    assert ended.code == 2
    assert ended.error == "--plot: needs a level of links: of kernels there is a table only, got 'fit.svg'"
    assert not Path("p.toml").exists()


def test_throughputs_may_be_repeated(cli: Cli) -> None:
    common = (
        "predict",
        "resnet-50",
        "--cluster",
        "dgx-1v",
        "--devices",
        "1,4",
        "--global-batch",
        "64",
        "--json",
    )
    repeated = json.loads(cli(*common, "--throughput", "16:300", "--throughput", "64:380").out)
    assert repeated["inputs"]["knowledge"]["throughput"] == ["16:300", "64:380"]
    assert json.loads(cli(*common, "--throughput", "64:380,16:300").out) == repeated


def test_one_throughput_rests_on_a_rule(cli: Cli) -> None:
    ended = cli("predict", "nin", "--cluster", "titan", "--throughput", "32:118", "--global-batch", "256")
    assert ended.code == 0
    assert "one batch size was measured, 32 samples: a fixed time per step" in ended.err
