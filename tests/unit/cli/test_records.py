"""``nearlinear records``, and kernels measured without ranks."""

import csv
import json
from importlib.util import find_spec
from pathlib import Path

import jsonschema
import pytest

from nearlinear.measure.records import RecordWriter, read_record
from nearlinear.models.catalogue import DATA
from tests.unit.cli.conftest import Cli
from tests.unit.measure.test_records import _sample

QUICK = ("--sizes", "1K..4K", "--repetitions", "3", "--precision", "0", "--budget", "10s")


def _record(name: str, run_id: str, ranks: int = 2, device: str = "cpu", complete: bool = True) -> None:
    header = {
        "run_id": run_id,
        "created": f"2026-01-0{ranks}",
        "ranks": ranks,
        "nodes": 1,
        "hosts": ["n"] * ranks,
        "devices": [device] * ranks,
        "transport": "mpi-host",
        "command": ["nearlinear"],
    }
    writer = RecordWriter(Path(name), header)
    for repetition in range(3):
        writer.add(_sample(repetition, ranks=ranks))
    if complete:
        writer.end(complete=True, reason="done")
    else:
        writer._file.close()


def test_list(cli: Cli) -> None:
    _record("b.jsonl", "b", ranks=4)
    _record("a.jsonl", "a", complete=False)
    Path("notes.jsonl").write_text("{}\n")
    lines = cli("records", "list").out.splitlines()
    assert [line.split()[0] for line in lines[2:]] == ["a.jsonl", "b.jsonl"]
    assert lines[2].endswith("no")
    assert lines[3].endswith("yes")
    assert [row["ranks"] for row in json.loads(cli("records", "list", "--json").out)["result"]] == [2, 4]
    Path("bad.jsonl").write_text(Path("a.jsonl").read_text().replace('"ranks": 2', '"ranks": "two"'))
    listed = cli("records", "list")
    assert len(listed.out.splitlines()) == 4
    assert listed.err.startswith("! bad.jsonl:1: ranks: must be a whole number")
    Path("none").mkdir()
    assert cli("records", "list", "none").err == "no records in none; nearlinear measure makes them\n"


def test_show(cli: Cli) -> None:
    _record("a.jsonl", "a")
    shown = cli("records", "show", "a.jsonl").out
    assert "2 on 1: 2 x n" in shown
    assert "# allreduce by ring, mpi-host, float32, 2 ranks on 1 node, individual" in shown
    document = json.loads(cli("records", "show", "a.jsonl", "--json").out)
    assert document["result"]["operations"][0]["samples"] == 3


def test_merge_keeps_every_sample_and_every_header(cli: Cli) -> None:
    _record("a.jsonl", "a")
    _record("b.jsonl", "b", ranks=4)
    _record("c.jsonl", "c")
    told = cli("records", "merge", "a.jsonl", "b.jsonl", "c.jsonl", "-o", "m.jsonl")
    assert told.out == "wrote m.jsonl: 9 samples of 3 records\n"
    merged = read_record("m.jsonl")
    assert merged.complete
    assert [header["run_id"] for header in merged.header["merged_from"]] == ["a", "b", "c"]
    assert merged.header["ranks"] == 4
    assert [s.repetition for s in merged.samples if s.ranks == 2] == [0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize(
    ("files", "message"),
    [
        (["a.jsonl"], "FILE: must be two records or more, got 1"),
        (["a.jsonl", "a.jsonl"], "FILE: must hold another run than the others, got 'a.jsonl'"),
        (["a.jsonl", "g.jsonl"], "g.jsonl: must be of the same devices, got 'h100'"),
        (["a.jsonl", "none.jsonl"], "none.jsonl: must be a readable file"),
    ],
)
def test_merges_that_cannot_be(cli: Cli, files: list[str], message: str) -> None:
    _record("a.jsonl", "a")
    _record("g.jsonl", "g", device="h100")
    ended = cli("records", "merge", *files, "-o", "m.jsonl")
    assert ended.error.startswith(message)
    assert ended.code in (2, 3)
    assert not Path("m.jsonl").exists()


def test_export(cli: Cli) -> None:
    _record("a.jsonl", "a")
    assert cli("records", "export", "a.jsonl", "-o", "a.csv").out == "wrote a.csv: 3 rows of 26 columns\n"
    rows = list(csv.DictReader(Path("a.csv").read_text().splitlines()))
    assert [row["repetition"] for row in rows] == ["0", "1", "2"]
    assert {row["per_rank_s"] for row in rows} == {"9e-05 0.0001"}


@pytest.mark.skipif(find_spec("pyarrow") is not None, reason="says what is missing without pyarrow")
def test_export_to_parquet_says_what_is_missing(cli: Cli) -> None:
    _record("a.jsonl", "a")
    ended = cli("records", "export", "a.jsonl", "-o", "a.parquet")
    assert ended.error == "--out: needs pyarrow for Parquet, got 'a.parquet'; pip install pyarrow"
    assert ended.code == 6


def test_export_to_parquet(cli: Cli) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    _record("a.jsonl", "a")
    cli("records", "export", "a.jsonl", "-o", "a.parquet")
    assert parquet.read_table("a.parquet").num_rows == 3


def test_a_picture_needs_pairs(cli: Cli) -> None:
    _record("a.jsonl", "a")
    ended = cli("records", "show", "a.jsonl", "--picture", "p.svg")
    assert "error: --picture: needs messages between all pairs; measure --ops pairs" in ended.err
    assert ended.code == 2


def test_kernels_need_no_ranks_and_keep_the_contract(cli: Cli) -> None:
    ended = cli("measure", "--ops", "gemm,add,d2h", "-o", "k.jsonl", *QUICK)
    assert ended.code == 0, ended.err
    assert "! d2h is left out: needs a CUDA device" in ended.err
    schema = json.loads((Path(DATA) / "schemas" / "record.json").read_text())
    for line in Path("k.jsonl").read_text().splitlines():
        jsonschema.validate(json.loads(line), schema)
    record = read_record("k.jsonl")
    assert record.complete
    assert record.header["transport"] == "none"
    assert {s.operation for s in record.samples} == {"gemm", "add"}
    assert all(s.correct and s.flop and s.moved_bytes for s in record.samples)


def test_training_alone_keeps_the_contract(cli: Cli) -> None:
    ended = cli("train", "mlp", "--image", "8x8x1", "--samples", "128", "--epochs", "1", "-o", "t.jsonl")
    assert ended.code == 0, ended.err
    schema = json.loads((Path(DATA) / "schemas" / "record.json").read_text())
    for line in Path("t.jsonl").read_text().splitlines():
        jsonschema.validate(json.loads(line), schema)
    assert "training" in cli("records", "list").out
    assert cli("records", "export", "t.jsonl", "-o", "t.csv").out == "wrote t.csv: 4 rows of 10 columns\n"
    assert "rule bsp, gradients by vendor every step" in cli("records", "show", "t.jsonl").out
    assert cli("records", "merge", "t.jsonl", "t.jsonl", "-o", "m.jsonl").error.startswith(
        "t.jsonl: must be a measurement, got 'a training run'"
    )


def _timed(name: str, run_id: str, factor: float) -> None:
    writer = RecordWriter(Path(name), {"run_id": run_id, "ranks": 2, "nodes": 1})
    for size in (1024, 4096):
        for repetition in range(8):
            time_s = 1e-5 * (1 + 0.01 * repetition) * (factor if size > 1024 else 1.0)
            writer.add(_sample(repetition, size_bytes=size, time_s=time_s))
    writer.end(complete=True, reason="done")


def test_compare_two_runs(cli: Cli) -> None:
    _timed("a.jsonl", "a", 1.0)
    _timed("b.jsonl", "b", 1.3)
    shown = cli("compare", "a.jsonl", "b.jsonl")
    assert shown.code == 0
    rows = {
        line.split()[3]: line.split()[-1] for line in shown.out.splitlines() if line.startswith("allreduce")
    }
    assert rows == {"1": "same", "4": "slower"}
    assert "1 slower, 0 faster, 1 same of 2 cells" in shown.out
    failed = cli("compare", "a.jsonl", "b.jsonl", "--fail-if", "slower>5%", "--json")
    assert failed.code == 5
    assert json.loads(failed.out)["result"]["cells"][1]["ratio"]["median"] == pytest.approx(1.3)
    assert (
        "error: --fail-if: 1 of 2 cells are slower by more than 0.05, worst allreduce ring in 4 KiB x 1.300"
        in failed.err
    )
    assert cli("compare", "a.jsonl", "b.jsonl", "--fail-if", "slower>50%").code == 0
    assert cli("compare", "b.jsonl", "a.jsonl", "--fail-if", "slower").code == 0
    assert cli("compare", "b.jsonl", "a.jsonl", "--fail-if", "changed>5%").code == 5


@pytest.mark.parametrize("rule", ["slow>5%", "slower>x", ">5%", "slower 5%"])
def test_rules_that_cannot_be(cli: Cli, rule: str) -> None:
    ended = cli("compare", "a.jsonl", "b.jsonl", "--fail-if", rule)
    assert ended.error.startswith("--fail-if: ")
    assert ended.code == 2
