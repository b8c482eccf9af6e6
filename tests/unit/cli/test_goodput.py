"""``nearlinear goodput``: the answer, its contract, pictures and timelines, mistakes."""

import csv
import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from tests.unit.cli.conftest import Cli

JOB = ("goodput", "--step", "350ms", "--devices", "64,1024", "--mtbf", "4000h", "--checkpoint", "2min",
       "--restart", "10min", "--runs", "200")  # fmt: skip
MODEL = ("goodput", "resnet-50", "--cluster", "dgx-a100", "--devices", "8,64", "--samples", "51", "--mtbf",
         "500h", "--checkpoint", "1min", "--restart", "5min", "--runs", "100")  # fmt: skip


def _result(cli: Cli, *arguments: str) -> dict[str, Any]:
    ended = cli(*arguments, "--json")
    assert ended.code == 0, ended.err
    document: dict[str, Any] = json.loads(ended.out)
    jsonschema.Draft202012Validator(json.loads(cli("schema", "goodput").out)).validate(document)
    result: dict[str, Any] = document["result"]
    return result


def test_four_lines_then_the_table(cli: Cli) -> None:
    ended = cli(*JOB)
    assert (ended.code, ended.err) == (0, "")
    lines = ended.out.splitlines()
    heads = ("Goodput at 1,024 devices", "Checkpoint after", "Failures", "Lost to")
    assert [line.strip().startswith(head) for line, head in zip(lines[2:6], heads, strict=True)] == [True] * 4
    assert [line.split()[0] for line in lines[9:11]] == ["64", "1,024"]


def test_a_stated_step(cli: Cli) -> None:
    """4000 h over 1024 devices is 3.90625 h; Young: sqrt(2 x 120 x 14062.5) = 1837.1 s."""
    small, large = _result(cli, *JOB)["points"]
    assert large["mtbf_s"] == pytest.approx(14062.5)
    assert large["young_s"] == pytest.approx(1837.12, abs=0.01)
    assert large["interval_s"] == large["daly_s"] < large["young_s"]
    assert large["simulated"]["mean"] < small["simulated"]["mean"]
    assert large["throughput_per_s"] is None
    assert large["simulated"]["mean"] == pytest.approx(large["formula"], abs=0.005)


def test_a_model_has_samples_per_second(cli: Cli) -> None:
    for point in _result(cli, *MODEL)["points"]:
        ideal = 32 * point["devices"] / point["step_time_s"]["median"]
        rate = point["throughput_per_s"]["median"]
        assert rate == pytest.approx(ideal * point["simulated"]["mean"], rel=0.01)
        assert point["work_s"]["low"] == point["work_s"]["high"] == 30 * 86400


def test_work_in_steps_has_the_band_of_the_step(cli: Cli) -> None:
    last = _result(cli, *MODEL, "--steps", "1000000")["points"][-1]
    assert last["work_s"]["median"] == pytest.approx(1e6 * last["step_time_s"]["median"], rel=0.02)
    assert last["work_s"]["low"] < last["work_s"]["median"] < last["work_s"]["high"]


def test_writing_behind_compute_costs_less(cli: Cli) -> None:
    blocking, behind = (_result(cli, *JOB, "--blocking", part)["points"][-1] for part in ("100%", "5%"))
    assert behind["simulated"]["mean"] > blocking["simulated"]["mean"] + 0.02
    assert behind["checkpoint_share"] < blocking["checkpoint_share"]


def test_per_node_and_per_job(cli: Cli) -> None:
    node = _result(cli, *JOB, "--mtbf-per", "node", "--per-node", "8")["points"][-1]
    assert node["mtbf_s"] == pytest.approx(4000 * 3600 / 128)
    assert _result(cli, *JOB, "--mtbf-per", "job")["points"][-1]["mtbf_s"] == 4000 * 3600


def test_the_seed_decides(cli: Cli) -> None:
    one, same, other = (cli(*JOB, "--seed", seed).out for seed in ("1", "1", "2"))
    assert one == same
    assert one != other


def test_a_published_rate_says_so(cli: Cli) -> None:
    ended = cli(*JOB[:5], *JOB[7:])
    assert ended.code == 0
    assert ended.err.startswith("! no --mtbf: 50,677 h of a device, from Llama team 2024")


def test_bursts_say_that_formulas_are_not_theirs(cli: Cli) -> None:
    assert "! formulas and --every auto are those of exponential" in cli(*JOB, "--weibull", "0.7").err


def test_files(cli: Cli) -> None:
    for name in ("a.json", "a.csv"):
        assert cli(*MODEL, "--out", name).out.endswith(f"wrote {name}\n")
    rows = list(csv.DictReader(Path("a.csv").read_text().splitlines()))
    points = json.loads(Path("a.json").read_text())["result"]["points"]
    assert [float(row["simulated_mean"]) for row in rows] == [p["simulated"]["mean"] for p in points]
    assert [float(row["wall_s_low"]) for row in rows] == [p["wall_s"]["low"] for p in points]


def test_a_picture_and_a_timeline(cli: Cli) -> None:
    ended = cli(*JOB, "--blocking", "50%", "--duration", "5d", "--plot", "g.svg", "--timeline", "t.json")
    assert ended.code == 0, ended.err
    picture = Path("g.svg").read_text()
    assert [name for name in ("Young", "Daly", "simulated best", "closed form") if name not in picture] == []
    events = [e for e in json.loads(Path("t.json").read_text())["traceEvents"] if e["ph"] == "X"]
    assert {e["name"] for e in events} == {"compute", "checkpoint", "lost work", "restart", "writing"}
    compute = sum(e["dur"] for e in events if e["name"] == "compute")
    assert compute == pytest.approx(5 * 86400e6, rel=1e-9)


def test_a_picture_where_nothing_blocks(cli: Cli) -> None:
    assert cli(*JOB, "--blocking", "0%", "--duration", "5d", "--plot", "g.svg").code == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("goodput",), "MODEL: is needed"),
        (JOB[:3], "--devices: is needed with --step; say --devices 64,256,1024"),
        (JOB[:7], "--checkpoint: is needed; say --checkpoint 2min"),
        (JOB[:9], "--restart: is needed; say --restart 10min"),
        ((*JOB, "resnet50"), "MODEL: has no effect with --step, got 'resnet50'"),
        ((*JOB, "--cluster", "titan"), "--cluster: has no effect with --step, got 'titan'"),
        ((*JOB, "--mtbf-per", "nod"), "--mtbf-per: must be a known word, got 'nod'; did you mean node?"),
        ((*JOB, "--mtbf-per", "node"), "--per-node: is needed with --mtbf-per node; say --per-node 8"),
        ((*JOB[:5], *JOB[7:], "--mtbf-per", "job"), "--mtbf-per: needs --mtbf, got 'job'; say --mtbf 4000h"),
        ((*JOB, "--mtbf", "1h"), "--mtbf: fails so often at 64 devices that a run takes more than 100 times"),
        ((*JOB, "--duration", "90000000d"), "--duration: has more than 200,000 failures at 64 devices"),
        ((*JOB, "--every", "atuo"), "--every: must be a time or auto, got 'atuo'; write 30min or auto"),
        ((*JOB, "--every", "0s"), "--every: must be > 0, got '0s'"),
        ((*JOB, "--every", "9s", "--blocking", "10%"), "--every: must be > 0 and at least the 108 s written"),
        ((*JOB, "--duration", "1d", "--steps", "9"), "--steps: excludes --duration, got 9"),
        ((*JOB, "--steps", "0"), "--steps: must be >= 1, got 0"),
        ((*JOB, "--weibull", "0"), "--weibull: must lie in 0.1..10, got 0.0"),
        ((*JOB, "--blocking", "120%"), "--blocking: must lie in 0..1, got '120%'"),
        ((*JOB, "--duration", "1min", "--plot", "x.svg"), "--plot: needs runs that are longer than"),
        ((*JOB, "--duration", "1000d", "--every", "30s", "--timeline", "x.json"), "--timeline: can show at"),
        ((*JOB, "--plot", "x.txt"), "--plot: must end in .svg, .png, .pdf, got 'x.txt'"),
        ((*JOB, "--out", "x.html"), "--out: must end in .json, .csv, got 'x.html'"),
        ((*JOB, "--timeline", "x"), "--timeline: must end in .gz, .json, got 'x'"),
        ((*JOB, "--seed", "x"), "--seed: must be a whole number >= 0, got 'x'"),
    ],
)
def test_mistakes(cli: Cli, arguments: tuple[str, ...], message: str) -> None:
    ended = cli(*arguments)
    assert ended.code == 2, ended.err
    assert ended.error.startswith(message), ended.error
