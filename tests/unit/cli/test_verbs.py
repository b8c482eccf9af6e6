"""Every verb does what its help says, and what it prints keeps its contract."""

import csv
import json
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from nearlinear.calibrate.bundled import BUNDLED
from nearlinear.cli.catalogue import KINDS
from nearlinear.cli.schema import NAMES
from nearlinear.measure.records import RecordWriter
from nearlinear.models import catalogue
from nearlinear.models.collectives import ALGORITHMS
from nearlinear.models.dnn import NETWORKS
from nearlinear.models.economics.goal import goals
from nearlinear.models.economics.prices import prices
from nearlinear.models.scenario import option_fields
from tests.unit.cli.conftest import Cli, Ended

SMALL = ("--devices", "1..8", "--samples", "51")
DGX = ("resnet-50", "--cluster", "dgx-a100", *SMALL)
ENVELOPE = ["schema", "version", "inputs", "result", "warnings", "provenance"]


def _json(ended: Ended) -> dict[str, Any]:
    assert ended.code == 0, ended.err
    document: dict[str, Any] = json.loads(ended.out)
    assert list(document) == ENVELOPE
    assert document["provenance"]["nearlinear"]
    return document


def _schema(cli: Cli, name: str) -> Mapping[str, Any]:
    found: Mapping[str, Any] = json.loads(cli("schema", name).out)
    jsonschema.Draft202012Validator.check_schema(found)
    return found


def _valid(cli: Cli, name: str, document: Any) -> None:
    jsonschema.Draft202012Validator(_schema(cli, name)).validate(document)


@pytest.mark.parametrize("verb", ["predict", "simulate"])
def test_four_lines_then_the_table_then_what_next(cli: Cli, verb: str) -> None:
    ended = cli(verb, *DGX)
    lines = ended.out.splitlines()
    assert ended.code == 0
    heads = ("Efficiency at 8 devices", "Knee", "What binds", "Worth measuring")
    assert [line.strip().startswith(head) for line, head in zip(lines[2:6], heads, strict=True)] == [True] * 4
    assert [line.split()[0] for line in lines[9:13]] == ["1", "2", "4", "8"]
    assert lines[-1].startswith("Next: nearlinear measure --help")
    assert ended.err.startswith("! no profile")


@pytest.mark.parametrize("verb", ["predict", "simulate"])
def test_json_keeps_the_contract(cli: Cli, verb: str) -> None:
    ended = cli(verb, *DGX, "--json")
    document = _json(ended)
    _valid(cli, "prediction", document)
    assert ended.err == ""
    assert document["inputs"]["workload"]["model"] == "resnet-50"
    for point in document["result"]["points"]:
        total = sum(point["breakdown_s"].values())
        assert total == pytest.approx(point["step_time_s"]["median"], rel=1e-9)


@pytest.mark.parametrize("broken", ["warnings", "result", "inputs"])
def test_the_schema_refuses_what_is_not_whole(cli: Cli, broken: str) -> None:
    document = _json(cli("predict", *DGX, "--json"))
    del document[broken]
    with pytest.raises(jsonschema.ValidationError):
        _valid(cli, "prediction", document)


def test_the_same_command_prints_the_same_bytes(cli: Cli) -> None:
    assert cli("predict", *DGX, "--json").out == cli("predict", *DGX, "--json").out


def test_seed_and_samples_matter(cli: Cli) -> None:
    base = cli("predict", *DGX, "--json").out
    assert cli("predict", *DGX, "--seed", "1", "--json").out != base
    assert cli("predict", *DGX[:-1], "52", "--json").out != base


def test_simulate_agrees_with_predict(cli: Cli) -> None:
    closed, rounds = (_json(cli(verb, *DGX, "--json")) for verb in ("predict", "simulate"))
    simpy = _json(cli("simulate", *DGX[:-1], "11", "--engine", "simpy", "--json"))
    few = _json(cli("predict", *DGX[:-1], "11", "--json"))
    assert {d["result"]["engine"] for d in (closed, rounds, simpy)} == {"closed-form", "rounds", "simpy"}
    for one, other in ((closed, rounds), (few, simpy)):
        for left, right in zip(one["result"]["points"], other["result"]["points"], strict=True):
            assert left["step_time_s"]["median"] == pytest.approx(right["step_time_s"]["median"], rel=1e-6)


def test_jitter_slows_the_step_down_and_widens_with_ranks(cli: Cli) -> None:
    calm = _json(cli("simulate", *DGX, "--json"))["result"]["points"][-1]
    rough = _json(cli("simulate", *DGX, "--jitter", "10%", "--steps", "3", "--json"))["result"]["points"][-1]
    assert rough["step_time_s"]["median"] > 1.05 * calm["step_time_s"]["median"]


def test_every_format_of_out(cli: Cli) -> None:
    for suffix in ("json", "csv", "html"):
        assert f"wrote a.{suffix}" in cli("predict", *DGX, "-o", f"a.{suffix}").out
    document = json.loads(Path("a.json").read_text())
    _valid(cli, "prediction", document)
    rows = list(csv.DictReader(Path("a.csv").read_text().splitlines()))
    points = document["result"]["points"]
    assert [int(row["devices"]) for row in rows] == [p["devices"] for p in points]
    assert float(rows[-1]["step_time_s_median"]) == points[-1]["step_time_s"]["median"]
    assert "<svg" in Path("a.html").read_text()
    assert {path.name for path in Path().iterdir()} == {"a.json", "a.csv", "a.html"}


def test_an_anchor_is_met_and_shown(cli: Cli) -> None:
    ended = cli("predict", *DGX, "--anchor", "1:400", "--anchor", "8:2900")
    assert "measured" in ended.out
    points = _json(cli("predict", *DGX, "--anchor", "1:400", "--anchor", "8:2900", "--json"))["result"][
        "points"
    ]
    assert points[0]["throughput_per_s"]["median"] == pytest.approx(400, rel=1e-3)
    assert points[-1]["throughput_per_s"]["median"] == pytest.approx(2900, rel=1e-3)
    assert [p["measured_per_s"] for p in points] == [400, None, None, 2900]


def test_a_scenario_goes_to_a_file_and_back(cli: Cli) -> None:
    options = (*DGX, "--global-batch", "512", "--algorithm", "ring", "--no-overlap", "--bucket", "8MiB")
    shown = cli("predict", *options, "--show-scenario")
    Path("s.toml").write_text(shown.out)
    _valid(cli, "scenario", tomllib.loads(shown.out))
    assert cli("predict", "--scenario", "s.toml", "--json").out == cli("predict", *options, "--json").out
    ring = _json(cli("predict", "--scenario", "s.toml", "--algorithm", "ring", "--json"))
    tree = _json(cli("predict", "--scenario", "s.toml", "--algorithm", "tree", "--json"))
    assert (ring["inputs"]["plan"]["algorithm"], tree["inputs"]["plan"]["algorithm"]) == ("ring", "tree")


@pytest.mark.parametrize("verb", ["predict", "simulate"])
def test_options_are_the_fields_of_the_scenario(cli: Cli, verb: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "250")
    text = cli(verb, "--help").out
    for _, spec in option_fields():
        assert spec.name == "model" or f"--{spec.name.replace('_', '-')}" in text


@pytest.mark.parametrize("kind", KINDS)
def test_lists(cli: Cli, kind: str) -> None:
    tables: dict[str, Mapping[str, Any]] = {
        "models": NETWORKS, "volumes": NETWORKS, "devices": catalogue.devices(), "links": catalogue.links(),
        "clusters": catalogue.clusters(), "algorithms": ALGORITHMS, "targets": goals(),
        "prices": {one.name: one for one in prices().instances},
    }  # fmt: skip
    lines = cli("list", kind).out.splitlines()
    first = next(i for i, line in enumerate(lines) if line.startswith("---")) + 1
    names = [line.split()[0] for line in lines[first:]]
    assert set(names) >= set(tables[kind])
    rows = _json(cli("list", kind, "--json"))["result"]["rows"]
    assert [row["name"] for row in rows] == names


def test_volumes_have_a_batch(cli: Cli) -> None:
    (lenet,) = (r for r in _json(cli("list", "volumes", "--batch", "1", "--json"))["result"]["rows"]
                if r["name"] == "lenet")  # fmt: skip
    # 28 x 28, 20 x 12 x 12, 50 x 4 x 4 and 500 inputs of 4 bytes
    assert lenet["activations_bytes"] == 4 * (784 + 2880 + 800 + 500)
    assert lenet["parallelism"] == "model, 86.8 x fewer bytes"
    assert cli("list", "links", "--batch", "8").error == (
        "--batch: belongs to volumes, got 8; say nearlinear list volumes"
    )


@pytest.mark.parametrize("name", ["h100", "k20x"])
def test_a_device_is_shown_with_sources(cli: Cli, name: str) -> None:
    device = catalogue.find_device(name)
    rows = {row["name"]: row for row in _json(cli("show", name, "--json"))["result"]["rows"]}
    assert rows["memory_bytes"]["value"] == device.memory_bytes.value
    assert rows["memory_bytes"]["source"] == device.memory_bytes.source.citation
    text = cli("show", name).out
    for row in rows.values():
        assert row["source"] in text
    (line,) = [line for line in text.splitlines() if line.startswith("memory bandwidth")]
    assert line.split()[2:4] == [f"{device.memory_bandwidth_bytes_per_s.value / 1e9:,.4g}", "GB/s"]


@pytest.mark.parametrize("name", ["eth-100g", "dgx-h100", "vgg-16", "ring", "dgx-1p"])
def test_show(cli: Cli, name: str) -> None:
    assert cli("show", name).out
    assert _json(cli("show", name, "--json"))["inputs"] == {"name": name}


def test_a_model_is_shown_layer_by_layer_with_its_total(cli: Cli) -> None:
    rows = _json(cli("show", "alexnet", "--json"))["result"]["rows"]
    assert rows[-1]["layer"] == "total"
    for column in ("parameters", "forward_macs", "forward_flop"):
        assert rows[-1][column] == sum(row[column] for row in rows[:-1])


@pytest.mark.parametrize("name", NAMES)
def test_schemas_are_schemas(cli: Cli, name: str) -> None:
    assert "nearlinear" in _schema(cli, name)["title"]


def test_a_record_keeps_its_contract(cli: Cli) -> None:
    from tests.unit.measure.test_records import _sample

    writer = RecordWriter(Path("run.jsonl"), _header())
    writer.add(_sample())
    writer.add(_sample(per_rank_s=None, correct=None))
    writer.end(complete=True, reason="done")
    for line in Path("run.jsonl").read_text().splitlines():
        _valid(cli, "record", json.loads(line))


def _header() -> dict[str, Any]:
    return {
        "run_id": "a", "created": "2026-11-20T10:00:00+00:00", "hosts": ["n1"], "devices": ["cpu"],
        "host": {}, "ranks": 2, "nodes": 1, "transport": "mpi-host", "versions": {}, "environment": {},
        "clock": {}, "command": ["nearlinear"], "sizes": [8], "budget_s": 1.0, "seed": 0,
    }  # fmt: skip


@pytest.mark.parametrize("logs", BUNDLED, ids=lambda logs: logs.name)
def test_calibrate_then_predict(cli: Cli, logs: Any) -> None:
    files = [str(file) for file in logs.files]
    made = cli("calibrate", *files, "--per-node", "8", "-o", "p.toml", "--plot", "fit.svg")
    assert made.code == 0
    assert "wrote p.toml and p.npz" in made.out
    assert "parity, node allreduce: predicted / measured = " in made.out
    _valid(cli, "profile", tomllib.loads(Path("p.toml").read_text()))
    assert Path("fit.svg").stat().st_size > 10_000
    exposed = ("--batch-per-device", "8", "--no-overlap")  # what a profile knows shows
    one_node = ("alexnet", *exposed, "--cluster", logs.cluster, *SMALL, "--json")
    with_it = _json(cli("predict", *one_node, "--profile", "p.toml"))
    without = _json(cli("predict", *one_node))
    assert with_it["provenance"]["profile"]["sha256"]
    assert "no profile" in " ".join(without["warnings"])
    assert "no profile" not in " ".join(with_it["warnings"])
    width = [d["result"]["points"][-1]["efficiency"] for d in (with_it, without)]
    assert width[0]["high"] - width[0]["low"] < width[1]["high"] - width[1]["low"]


def test_calibrate_in_json(cli: Cli) -> None:
    document = _json(cli("calibrate", str(BUNDLED[0].files[0]), "--json"))
    (link,) = document["result"]["links"]
    assert link["latency_s"]["low"] <= link["latency_s"]["best"] <= link["latency_s"]["high"]
    assert link["holdout"]["points"] > 5
    assert document["inputs"]["files"][0]["path"] == "a100x8_allreduce.log"


def test_a_profile_of_other_links_warns(cli: Cli) -> None:
    cli("calibrate", str(BUNDLED[0].files[0]), "--per-node", "8", "-o", "p.toml")
    far = _json(cli("predict", "resnet-50", "--cluster", "p4d", "--profile", "p.toml", "--devices", "8..64",
                    "--json"))  # fmt: skip
    assert any("network" in warning for warning in far["warnings"])
    assert [point["extrapolated"] for point in far["result"]["points"]] == [False, True, True, True]


def test_report_of_stored_predictions(cli: Cli) -> None:
    cli("predict", *DGX, "-o", "a.json")
    cli("simulate", *DGX, "-o", "b.json")
    assert cli("report", "a.json", "b.json", "-o", "r.html", "--title", "Two").out == "wrote r.html\n"
    page = Path("r.html").read_text()
    assert page.count("<svg") == 4
    assert "nearlinear report a.json b.json -o r.html" in page


def test_a_profile_of_other_devices_is_said(cli: Cli) -> None:
    log = BUNDLED[0].files[0]
    assert "A100" in log.read_text()
    cli("calibrate", str(log), "--replicates", "50", "-o", "a100.toml")
    other = cli("predict", "nin", "--cluster", "dgx-h100", "--profile", "a100.toml").err
    assert "! the profile was measured on A100-SXM4-40GB, the scenario has NVIDIA H100 SXM5 80 GB" in other
    same = cli("predict", "nin", "--cluster", "p4d", "--profile", "a100.toml").err
    assert "the profile was measured on" not in same


def test_messages_inside_and_between_nodes_are_told_apart(capsys: pytest.CaptureFixture[str]) -> None:
    from nearlinear.cli.measure import _print
    from nearlinear.measure.runner import Measured
    from tests.unit.measure.test_records import _sample

    pairs = [
        _sample(0, operation="sendrecv", algorithm="vendor", ranks=2, nodes=nodes, time_s=time_s)
        for nodes, time_s in ((1, 1e-6), (2, 5e-6))
    ]
    measured = Measured(rank=0, samples=tuple(pairs), reason="done")
    _print(measured, Path("run.jsonl"), as_json=True)
    rows = json.loads(capsys.readouterr().out)["result"]["operations"]
    assert [(row["nodes"], row["time_s"]["median"]) for row in rows] == [(1, 1e-6), (2, 5e-6)]
    _print(measured, Path("run.jsonl"), as_json=False)
    table = capsys.readouterr().out
    rows = [line.split() for line in table.splitlines() if line.startswith("sendrecv")]
    assert [(row[2], row[3], row[7]) for row in rows] == [("0-1", "1", "1.00"), ("0-1", "2", "5.00")]


def test_a_named_algorithm_needs_single_messages(cli: Cli) -> None:
    cli("calibrate", str(BUNDLED[0].files[0]), "--replicates", "50", "-o", "a100.toml")
    asked = ("predict", "nin", "--cluster", "p4d", "--devices", "8", "--profile", "a100.toml")
    lacks = "! the profile has only the library's own allreduce of the node level, no single messages"
    assert lacks in cli(*asked, "--algorithm", "ring").err
    assert lacks not in cli(*asked).err


def test_links_in_bytes_and_bits(cli: Cli) -> None:
    (row,) = (line.split() for line in cli("list", "links").out.splitlines() if line.startswith("eth-100g"))
    assert row[1:3] == ["12.5", "100"]


def test_version_and_help(cli: Cli) -> None:
    assert cli("--version").out.startswith("nearlinear 0.")
    text = cli("--help").out
    for verb in ("demo", "predict", "simulate", "measure", "calibrate", "report", "list", "show", "schema"):
        assert verb in text
        assert "Usage: nearlinear" in cli(verb, "--help").out
