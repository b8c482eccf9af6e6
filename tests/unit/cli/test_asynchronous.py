"""``nearlinear simulate --rule``: what it prints and writes, and how it ends on mistakes."""

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from tests.unit.cli.conftest import Cli

RUN = ("simulate", "googlenet", "--cluster", "titan", "--devices", "1,4,8", "--samples", "3", "--steps", "20")
RULES = {
    "bsp": ("--period", "4"),
    "asgd": ("--servers", "2"),
    "ssp": ("--staleness", "1"),
    "easgd": ("--elasticity", "0.3"),
    "gosgd": ("--probability", "0.3"),
}


def _result(cli: Cli, *arguments: str) -> dict[str, Any]:
    ended = cli(*arguments, "--json")
    assert ended.code == 0, ended.err
    document: dict[str, Any] = json.loads(ended.out)
    jsonschema.Draft202012Validator(json.loads(cli("schema", "prediction").out)).validate(document)
    result: dict[str, Any] = document["result"]
    return result


@pytest.mark.parametrize("rule", RULES)
def test_every_rule(cli: Cli, rule: str) -> None:
    result = _result(cli, *RUN, "--rule", rule, *RULES[rule], "--jitter", "5%", "--slow-node", "1:0.8")
    told = result["asynchronous"]
    assert result["engine"] == f"simpy ({rule})"
    assert [point["algorithm"] for point in result["points"]] == ["none", rule, rule]
    assert sum(told["time_share"].values()) == pytest.approx(1.0)
    assert (told["server"] is not None) == (rule in ("asgd", "ssp", "easgd"))
    assert (told["ahead"] is not None) == (rule == "ssp")
    assert (told["pushes"] is not None) == (rule == "gosgd")
    assert (told["half_life_visits"] is not None) == (rule == "easgd")
    assert [scale["devices"] for scale in told["scales"]] == [1, 4, 8]


def test_the_block_below_the_table(cli: Cli) -> None:
    ended = cli(*RUN, "--rule", "asgd")
    assert ended.code == 0, ended.err
    lines = ended.out.splitlines()
    begin = lines.index("the median sample at 8 devices, 20 steps of each:")
    assert [line[:16].strip() for line in lines[begin + 1 : begin + 5]] == [
        "Workers", "Server", "Staleness", "closed form",
    ]  # fmt: skip
    assert "mean 7.00, 95 % within 7, at most 7 moves of others" in lines[begin + 3]
    assert "mean 7.00, 95 % within 7 (in turn)" in lines[begin + 4]


def test_files(cli: Cli) -> None:
    ended = cli(*RUN, "--rule", "asgd", "--timeline", "t.json", "--plot", "f.svg", "-o", "r.html")
    assert ended.code == 0, ended.err
    events = json.loads(Path("t.json").read_text())["traceEvents"]
    names = {event["args"]["name"] for event in events if event["ph"] == "M"}
    assert names == {*(f"worker {worker}" for worker in range(8)), "server 0"}
    assert {event["name"] for event in events if event["ph"] == "X"} <= {"wait", "compute", "exchange"}
    served = [(e["ts"], e["ts"] + e["dur"]) for e in events if e["ph"] == "X" and e["pid"] == 8]
    assert all(end <= begin + 1e-6 for (_, end), (begin, _) in pairwise(served))
    assert "staleness at 8 devices" in Path("f.svg").read_text()
    page = Path("r.html").read_text()
    assert all(f"<dt>{word}</dt>" in page for word in ("Workers", "Server", "Staleness"))


@pytest.mark.parametrize("jitter", ["gamma:10%", "exponential:50%"])
def test_any_jitter(cli: Cli, jitter: str) -> None:
    result = _result(cli, *RUN, "--rule", "asgd", "--period", "40", "--jitter", jitter)
    assert result["asynchronous"]["staleness"]["expected"]["form"] == "renewal"


def test_a_timeline_of_pushes(cli: Cli) -> None:
    assert cli(*RUN, "--rule", "gosgd", "--probability", "1", "--timeline", "t.json").code == 0
    events = json.loads(Path("t.json").read_text())["traceEvents"]
    assert "pushes of worker 3" in {event["args"]["name"] for event in events if event["ph"] == "M"}


def test_more_samples_than_can_be_executed_are_said(cli: Cli) -> None:
    ended = cli(*RUN[:5], "32", "--steps", "1500", "--rule", "bsp", "--jitter", "1%")
    assert ended.code == 0, ended.err
    assert "! bands are of 11 samples, not 401: each is executed step by step (--samples 11)" in ended.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--rule", "asdg"), "--rule: must be a known word, got 'asdg'; did you mean asgd"),
        (("--period", "3"), "--period: needs a rule of synchronisation, got 3; say --rule asgd"),
        (("--plot", "a.svg"), "--plot: needs --jitter, --loader or --rule"),
        (("--steps", "5000"), "--steps: must be at most 1,000 without --rule, got 5000"),
        (("--rule", "bsp", "--elasticity", "0.3"), "--elasticity: does not belong to rule bsp, got 0.3"),
        (("--rule", "asgd", "--staleness", "2"), "--staleness: does not belong to rule asgd, got 2"),
        (("--rule", "ssp", "--staleness", "-1"), "--staleness: must be 0 visits or more, got -1"),
        (("--rule", "gosgd", "--probability", "2"), "--probability: must be above 0, at most 1, got 2.0"),
        (("--rule", "asgd", "--engine", "events"), "--engine: has no effect with --rule asgd, got 'events'"),
        (("--rule", "asgd", "--cross-check"), "--cross-check: has no effect with --rule asgd"),
        (("--rule", "asgd", "--fabric", "switch"), "--fabric: has no effect with --rule asgd, got 'switch'"),
        (("--rule", "asgd", "--loader", "3ms"), "--loader: has no effect with --rule asgd, got '3ms'"),
        (("--rule", "asgd", "--algorithm", "tree"), "--algorithm: has no effect with --rule asgd"),
        (("--rule", "easgd", "--bucket", "1MiB"), "--bucket: has no effect with --rule easgd"),
        (("--rule", "bsp", "--no-overlap"), "--no-overlap: has no effect with --rule bsp"),
        (("--rule", "gosgd", "--servers", "3"), "--servers: has no effect with --rule gosgd, got 3"),
        (("--rule", "asgd", "--plot", "a.gif"), "--plot: must end in .svg, .png, .pdf, got 'a.gif'"),
        (("--rule", "asgd", "--prefetch", "3", "--loader", "3ms"), "--loader: has no effect with --rule"),
        (("--rule", "asgd", "--slow-node", "9:0.5"), "--slow-node: must be a node from 0 to 7"),
        (("--rule", "asgd", "--anchor", "8:300"), "--anchor: must be of one device with --rule"),
        (("--rule", "asgd", "--devices", "1024", "--samples", "11", "--steps", "9000"),
         "--steps: 11 samples have 126,720,000 steps of workers, more than 5,000,000, got 9000"),
        (("--rule", "asgd", "--devices", "1,200", "--steps", "5000", "--timeline", "a.json"),
         "--timeline: can show at most 1,000,000 events"),
    ],
)  # fmt: skip
def test_mistakes(cli: Cli, arguments: tuple[str, ...], message: str) -> None:
    ended = cli(*RUN, *arguments)
    assert ended.code == 2, ended.err
    assert ended.error.startswith(message), ended.error


def test_a_rule_has_no_effect_on_a_lone_collective(cli: Cli) -> None:
    lone = ("simulate", "--collective", "allreduce", "--algorithm", "ring", "--ranks", "4", "--bytes", "1K")
    ended = cli(*lone, "--cluster", "titan", "--rule", "asgd")
    assert (ended.code, ended.error) == (2, "--rule: has no effect with --collective, got 'asgd'")
