"""What the command line shows of time, energy and money to a target."""

import csv
import json
from pathlib import Path

import jsonschema
import pytest

from nearlinear.models.duration import format_duration, format_span
from tests.unit.cli.conftest import Cli

DGX = ("resnet-50", "--cluster", "p4d", "--devices", "8..32", "--samples", "51", "--precision", "fp16")


@pytest.mark.parametrize("verb", ["predict", "simulate"])
@pytest.mark.parametrize("target", [(), ("--until-accuracy",), ("--epochs", "90", "--watts", "300")])
def test_json_keeps_the_contract(cli: Cli, verb: str, target: tuple[str, ...]) -> None:
    schema, scenario = json.loads(cli("schema", "prediction").out), json.loads(cli("schema", "scenario").out)
    document = json.loads(cli(verb, *DGX, *target, "--json").out)
    jsonschema.Draft202012Validator(schema).validate(document)
    jsonschema.Draft202012Validator(scenario).validate(document["inputs"])
    assert (document["result"]["ending"] is None) == (not target)


def test_the_schema_sees_what_is_wrong(cli: Cli) -> None:
    validator = jsonschema.Draft202012Validator(json.loads(cli("schema", "prediction").out))
    document = json.loads(cli("predict", *DGX, "--until-accuracy", "--json").out)
    document["result"]["points"][0]["until_target"]["cost"] = 3.0
    assert not validator.is_valid(document)


def test_the_table(cli: Cli) -> None:
    lines = cli("predict", *DGX, "--until-accuracy").out.splitlines()
    start = lines.index("until ResNet-50 v1.5 on ImageNet to 75.9 % top-1")
    words = [line.split() for line in lines[start:]]
    assert [line[0] for line in words[2:6]] == ["Fastest", "Cheapest", "Price", "Power"]
    assert " ".join(words[7]) == (
        "devices global batch exchanges/epoch epochs time 90 % band speed-up kWh USD 90 % band"
    )
    assert [line[0] for line in words[9:12]] == ["8", "16", "32"]


def test_what_is_not_known_has_no_column(cli: Cli) -> None:
    shown = cli("predict", "nin", "--cluster", "titan", "--devices", "1,2", "--epochs", "9").out
    assert "until 9 epochs at every batch" in shown
    assert "kWh" not in shown
    assert "USD" not in shown


def test_every_format(cli: Cli) -> None:
    for suffix in ("csv", "html", "json"):
        assert cli("predict", *DGX, "--until-accuracy", "-o", f"p.{suffix}").code == 0
    rows = list(csv.DictReader(Path("p.csv").read_text(encoding="utf-8").splitlines()))
    stored = json.loads(Path("p.json").read_text())["result"]["points"]
    for row, point in zip(rows, stored, strict=True):
        assert float(row["until_target_cost_high"]) == point["until_target"]["cost"]["high"]
    assert "Cheapest" in Path("p.html").read_text()
    assert cli("report", "p.json", "--out", "again.html").code == 0
    assert "Cheapest" in Path("again.html").read_text()


def test_a_scenario_of_the_users_own_comes_back(cli: Cli) -> None:
    own = ("--epochs", "90", "--critical-batch", "8000", "--price-per-device-h", "2.5", "--pue", "1.1")
    Path("s.toml").write_text(cli("predict", *DGX, *own, "--show-scenario").out)
    again = json.loads(cli("predict", "--scenario", "s.toml", "--json").out)["result"]
    assert again == json.loads(cli("predict", *DGX, *own, "--json").out)["result"]


def test_a_run_without_steps_has_no_target(cli: Cli) -> None:
    alone = cli("simulate", "--collective", "ring", "--cluster", "p4d", "--ranks", "8", "--until-accuracy")
    assert alone.error.startswith("--until-accuracy: has no effect with --collective")


def test_long_times() -> None:
    assert [format_duration(t) for t in (0.5, 90.0, 7200.0, 1e6)] == ["0.5 s", "1.5 min", "2 h", "11.6 d"]
    assert format_span(30.0, 5400.0, 90.0) == "0.5 - 90 min"
