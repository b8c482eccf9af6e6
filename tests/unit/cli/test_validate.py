"""``nearlinear validate``: what it prints, writes, compares and refuses."""

import csv
import json
from pathlib import Path

import jsonschema
import pytest

from tests.architecture.test_contracts import _schema
from tests.unit.cli.conftest import Cli
from tests.unit.reports.test_log_replay import LOG, PUBLISHED, STRAIGHT
from tests.unit.reports.test_validation import CURVE, HEAD


@pytest.fixture
def ours(cli: Cli) -> Path:
    """A folder of one curve, in the directory where the command runs."""
    folder = Path("ours")
    folder.mkdir()
    (folder / "rack.toml").write_text(HEAD + CURVE)
    return folder


def test_shipped_suites_are_listed(cli: Cli) -> None:
    printed = cli("validate").out
    for name in ("data-parallel", "seeds"):
        assert f"\n{name}" in printed
    listed = json.loads(cli("validate", "--json").out)["result"]["suites"]
    assert {"name", "curves", "logs", "groups"} == set(listed[0])


def test_a_folder_is_replayed(cli: Cli, ours: Path) -> None:
    done = cli("validate", "ours")
    assert done.code == 0
    assert "curves, one device known: 1 curve, 2 points" in done.out
    assert "curves, one node known: 1 curve, 1 point" in done.out
    for word in ("nearlinear", "linear", "Paleo", "resnet", "4: ", "8: "):
        assert word in done.out
    brief = cli("validate", "ours", "--brief", "--situation", "one-node").out
    assert "resnet" not in brief
    assert "one device known" not in brief


def test_every_point_in_json(cli: Cli, ours: Path) -> None:
    document = json.loads(cli("validate", "ours", "--json", "--situation", "one-device").out)
    jsonschema.Draft202012Validator(_schema("validation")).validate(document)
    (found,) = document["result"]["curves"]
    assert [point["published_per_s"] for point in found["points"]] == [1330, 2520]
    for point in found["points"]:
        band = point["predicted_per_s"]
        assert band["low"] <= band["median"] <= band["high"]
        assert point["error"] == pytest.approx(band["median"] / point["published_per_s"] - 1)
    assert document["result"]["worse"] == []


def test_logs_are_replayed_too(cli: Cli, ours: Path) -> None:
    (ours / "net.toml").write_text(PUBLISHED + LOG.format(name="straight"))
    (ours / "straight.csv").write_text(STRAIGHT)
    printed = cli("validate", "ours").out
    assert "curves, one device known: 1 curve, 2 points" in printed
    assert "logs, half of the sizes known: 1 log, 10 points" in printed
    document = json.loads(cli("validate", "ours", "--json").out)
    jsonschema.Draft202012Validator(_schema("validation")).validate(document)
    log = document["result"]["curves"][-1]
    assert (log["name"], log["situation"], log["unit"]) == ("straight", "half-sizes", "bytes")
    assert log["points"][0]["size_bytes"] == 2000
    assert log["points"][0]["published_per_s"] == pytest.approx(1e9)
    cli("validate", "ours", "--situation", "half-sizes", "--out", "b.html", "--plot", "b.svg")
    assert "bytes/s" in Path("b.svg").read_text()
    assert "error of predicted bandwidth" in Path("b.html").read_text()


def test_files_are_written(cli: Cli, ours: Path) -> None:
    printed = cli("validate", "ours", "--out", "b.html", "--plot", "b.svg", "--record", "h.csv").out
    for name in ("b.html", "b.svg", "h.csv"):
        assert f"wrote {name}" in printed
    page = Path("b.html").read_text()
    assert "one node known" in page
    assert "<svg" in page
    assert "error of predicted throughput" in Path("b.svg").read_text()
    cli("validate", "ours", "--out", "b.md")
    assert "| resnet | 4: " in Path("b.md").read_text()
    cli("validate", "ours", "--out", "b.json")
    assert json.loads(Path("b.json").read_text())["schema"] == "nearlinear/validation"
    with Path("h.csv").open() as file:
        assert [row["situation"] for row in csv.DictReader(file)] == ["one-device", "one-node", "no-anchor"]


def test_a_curve_that_got_worse_is_refused_with_5(cli: Cli, ours: Path) -> None:
    cli("validate", "ours", "--record", "ours/history.csv")
    assert cli("validate", "ours").code == 0
    kept = Path("ours/history.csv").read_text()
    (ours / "rack.toml").write_text((HEAD + CURVE).replace("2520]", "1900]"))
    done = cli("validate", "ours", "--record", "ours/history.csv")
    assert done.code == 5
    assert "ours: 2 curves are worse by more than 2 points than in history.csv; first resnet" in done.err
    assert len(done.err.strip().splitlines()) == 1
    assert Path("ours/history.csv").read_text() == kept
    assert "history.csv" not in done.out


def test_a_history_that_says_nothing_is_told(cli: Cli, ours: Path) -> None:
    other = Path("other.csv")
    other.write_text("curve,situation,median_error\nold,one-device,0.1\n")
    done = cli("validate", "ours", "--history", "other.csv")
    assert done.code == 0
    assert "! other.csv has none of these curves: nothing was compared" in done.err
    assert "! other.csv has 1 that the suite no longer has, such as old" in done.err
    for text in ("", "foo,bar\n1,2\n", "curve,situation,median_error\nresnet,one-device,-1\n"):
        other.write_text(text)
        assert cli("validate", "ours", "--history", "other.csv").code == 3
    part = cli("validate", "ours", "--situation", "one-node", "--record", "h.csv")
    assert part.code == 2
    assert "--record: keeps all of a suite; leave out --situation and --group" in part.err


def test_a_shipped_history_is_of_its_suite(cli: Cli) -> None:
    done = cli("validate", "collectives", "--brief")
    assert (done.code, done.err) == (0, "")


def test_what_nobody_verified_is_shown_and_not_scored(cli: Cli, ours: Path) -> None:
    (ours / "rack.toml").write_text(HEAD + CURVE + "remembered = [8]\n")
    assert "4: " in (printed := cli("validate", "ours", "--situation", "one-device").out)
    assert "8?: " in printed
    assert "1 curve, 1 point\n" in printed
    document = json.loads(cli("validate", "ours", "--situation", "one-device", "--json").out)
    (found,) = document["result"]["curves"]
    assert [one["devices"] for one in found["remembered"]] == [8]
    assert [one["devices"] for one in found["points"]] == [4]


def test_other_files_beside_and_one_file_alone(cli: Cli, ours: Path) -> None:
    (ours / "mine.toml").write_text('title = "Mine"\n[[levels]]\nname = "node"\n')
    assert cli("validate", "ours", "--brief").code == 0
    assert "resnet" in cli("validate", "ours/rack.toml").out
    assert cli("validate", "ours/mine.toml").code == 2


def test_what_does_not_fit_names_the_curve(cli: Cli, ours: Path) -> None:
    (ours / "rack.toml").write_text((HEAD + CURVE).replace("device = 64", "device = 6400"))
    done = cli("validate", "ours")
    assert done.code == 3
    assert "ours/rack.toml:17: curve resnet: batch-per-device: ResNet-50 needs at least" in done.err


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("data-paralel",), 2, "must be a suite, a folder or a file, got 'data-paralel'; did you mean"),
        (("ours", "--situation", "one-devise"), 2, "--situation: must be a situation, got 'one-devise'"),
        (("ours", "--group", "curve"), 2, "--group: must be a group of the suite, got 'curve'; did you mean"),
        (("--plot", "x.svg"), 2, "SUITE: is needed with these options"),
        (("ours", "--out", "x.csv"), 2, "--out: must end in .json, .md, .html"),
        (("ours", "--history", "none.csv"), 2, "--history: must be a readable file"),
        (("ours", "--record", "missing/h.csv"), 2, "--record: must lie in a folder that is there"),
    ],
)  # fmt: skip
def test_wrong_use_is_one_line(
    cli: Cli, ours: Path, arguments: tuple[str, ...], code: int, said: str
) -> None:
    done = cli("validate", *arguments)
    assert (done.code, done.out) == (code, "")
    assert said in done.err
    assert len(done.err.strip().splitlines()) == 1


def test_wrong_files_are_refused_with_3(cli: Cli, ours: Path) -> None:
    (ours / "rack.toml").write_text((HEAD + CURVE).replace("resnet-50", "resnet-5O"))
    done = cli("validate", "ours")
    assert done.code == 3
    assert "ours/rack.toml:18: model: must be a known network, got 'resnet-5O'" in done.err
    (ours / "rack.toml").write_bytes(b"\xff\xfe")
    assert cli("validate", "ours").code == 3


def test_a_situation_that_leaves_nothing_is_refused(cli: Cli, ours: Path) -> None:
    (ours / "rack.toml").write_text((HEAD + CURVE).replace("[1, 4, 8]", "[1, 2, 8]"))
    done = cli("validate", "ours", "--situation", "one-node")
    assert done.code == 2
    assert "leaves nothing to judge in ours" in done.err
