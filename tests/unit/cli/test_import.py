"""``nearlinear import``: a record like any other, with where it is from."""

import json
from hashlib import sha256
from pathlib import Path

import jsonschema
import pytest

from nearlinear.calibrate.bundled import BUNDLED
from nearlinear.measure.records import read_record
from nearlinear.models.catalogue import DATA
from tests.unit.calibrate import lookalikes as made
from tests.unit.cli.conftest import Cli

LOG = BUNDLED[0].files[0]
SCHEMA = json.loads((Path(DATA) / "schemas" / "record.json").read_text())


def test_a_log_becomes_a_record(cli: Cli) -> None:
    told = cli("import", str(LOG), "-o", "a.jsonl")
    assert (told.code, "wrote a.jsonl: 64 samples of 1 file" in told.out) == (0, True)
    assert "nccl-tests  allreduce      8      1  4 B - 8 GiB    32        2  list of devices" in told.out
    assert "! a100x8_allreduce.log: rows of 0 bytes left out: 2" in told.err
    for line in Path("a.jsonl").read_text().splitlines():
        jsonschema.validate(json.loads(line), SCHEMA)
    record = read_record("a.jsonl")
    digest = sha256(LOG.read_bytes()).hexdigest()
    assert record.header["source"] == [{"file": LOG.name, "sha256": digest, "format": "nccl-tests"}]
    assert record.header["devices"] == ["A100-SXM4-40GB"] * 8
    assert record.header["ranks_per_node"] == [8]
    assert record.header["command"][:2] == ["nearlinear", "import"]
    assert (record.complete, len(record.samples)) == (True, 64)


def test_a_record_calibrates_like_its_log(cli: Cli) -> None:
    cli("import", str(LOG), "-o", "a.jsonl")
    of_log, of_record = (cli("calibrate", file, "--json") for file in (str(LOG), "a.jsonl"))
    left, right = (json.loads(made.out)["result"] for made in (of_log, of_record))
    assert left["links"] == right["links"]
    assert [row | {"file": ""} for row in left["holdout"]] == [row | {"file": ""} for row in right["holdout"]]


def test_a_record_is_shown(cli: Cli) -> None:
    """Also what has no columns of its own in tables of collectives."""
    Path("osu.log").write_text(made.osu_latency() + made.osu_allreduce())
    Path("imb.log").write_text(made.imb_collective("Alltoall"))
    Path("other.csv").write_text(
        "operation,dtype,ranks,nodes,size_bytes,time_us\nhypercube,odd,4,1,64,5.0\ngather,int8,4,1,64,5.0\n"
    )
    cli("import", "osu.log", "imb.log", "other.csv", "-o", "a.jsonl", "--per-node", "4")
    shown = cli("records", "show", "a.jsonl").out
    assert "# allreduce by vendor, mpi-host, float32, 16 ranks on 4 nodes, individual" in shown
    assert "# alltoall by vendor, mpi-host, uint8, 8 ranks on 2 nodes" in shown
    assert "# gather by vendor, unknown, int8, 4 ranks on 1 node" in shown
    assert "hypercube" in shown
    assert "sendrecv" in shown
    assert cli("records", "export", "a.jsonl", "-o", "a.csv").code == 0


def test_what_is_shown_is_a_log_again(cli: Cli) -> None:
    Path("a.log").write_text(made.nccl("all_gather"))
    cli("import", "a.log", "-o", "a.jsonl")
    Path("b.log").write_text(cli("records", "show", "a.jsonl").out)
    told = cli("import", "b.log", "-o", "b.jsonl", "--per-node", "8")
    assert told.code == 0, told.err
    first, again = (read_record(f"{name}.jsonl").samples for name in "ab")
    assert [(s.size_bytes, s.ranks) for s in first] == [(s.size_bytes, s.ranks) for s in again]
    assert [s.time_s for s in first] == pytest.approx([s.time_s for s in again], rel=1e-3)


def test_repetitions_count_through_all_files(cli: Cli) -> None:
    Path("a.log").write_text(made.nccl())
    Path("b.log").write_text(made.nccl() + "\n")
    assert cli("import", "a.log", "b.log", "-o", "a.jsonl").code == 0
    assert {sample.repetition for sample in read_record("a.jsonl").samples} == {0, 1}


def test_a_table_with_a_map(cli: Cli) -> None:
    Path("a.csv").write_text("msg,lat\n1024,5.5\n")
    told = cli("import", "a.csv", "-o", "a.jsonl", "--map", "size=msg,time=lat:us",
               "--collective", "allreduce", "--ranks", "4", "--per-node", "4")  # fmt: skip
    assert told.code == 0
    assert read_record("a.jsonl").samples[0].time_s == pytest.approx(5.5e-6)


MAP = ("--map", "size=msg,time=lat:us", "--collective", "allreduce", "--ranks", "4", "--per-node", "4")


def _table(path: str, factor: float = 1.0) -> None:
    """Write a table of 5 us and 1 GB/s, each time multiplied, under names that only a map explains."""
    rows = [f"{size},{factor * (5.0 + size * 1e-3):.6f}" for size in (2**k for k in range(10, 26))]
    Path(path).write_text("\n".join(["msg,lat", *rows]) + "\n")


def test_check_reads_a_table_by_its_map(cli: Cli) -> None:
    _table("a.csv")
    _table("b.csv", factor=2.0)
    assert cli("calibrate", "a.csv", "-o", "p.toml", *MAP).code == 0
    assert cli("check", "a.csv", "--profile", "p.toml", *MAP).code == 0
    told = cli("check", "b.csv", "--profile", "p.toml", *MAP)
    assert (told.code, "fail  allreduce vendor, 4 ranks on 1: 16 of 16" in told.out) == (5, True), told.err
    assert cli("check", "b.csv", "--profile", "p.toml").code == 3


def test_compare_reads_tables_by_one_map(cli: Cli) -> None:
    _table("a.csv")
    _table("b.csv", factor=2.0)
    told = cli("compare", "a.csv", "b.csv", "--json", *MAP)
    assert told.code == 0, told.err
    ratios = [cell["ratio"]["median"] for cell in json.loads(told.out)["result"]["cells"]]
    assert ratios == pytest.approx([2.0] * 16, rel=1e-5)
    assert cli("compare", "a.csv", "b.csv").code == 3


@pytest.mark.parametrize("verb", [("check", "--profile", "p.toml"), ("compare", "a.log")])
def test_a_map_without_a_table_is_refused(cli: Cli, verb: tuple[str, ...]) -> None:
    _table("a.csv")
    assert cli("calibrate", "a.csv", "-o", "p.toml", *MAP).code == 0
    Path("a.log").write_text(made.nccl())
    told = cli(verb[0], "a.log", *verb[1:], "--map", "size=a")
    assert (told.code, told.error) == (2, "--map: has no effect without a CSV file, got 'size=a'")


def test_secrets_stay_out(cli: Cli) -> None:
    Path("a.json").write_text(made.nccl_json())
    assert cli("import", "a.json", "-o", "a.jsonl").code == 0
    assert "hunter2" not in Path("a.jsonl").read_text()


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("none.log", "-o", "a.jsonl"), 2, "none.log: must be a readable file"),
        (("letter", "-o", "a.jsonl"), 3, "letter: must be of a known format"),
        (("cut.log", "-o", "a.jsonl"), 3, "cut.log:18: must have 8 result columns"),
        (("run.jsonl", "-o", "a.jsonl"), 2, "FILE: must be a log of another tool, got 'run.jsonl'"),
        (("a.log", "a.log", "-o", "a.jsonl"), 2, "FILE: must be given once, got 'a.log'"),
        (("a.log", "-o", "a.csv"), 2, "--out: must end in .jsonl, got 'a.csv'"),
        (("a.log", "-o", "run.jsonl"), 3, "--out: must be a new file, got 'run.jsonl'"),
        (("a.log", "v100.log", "-o", "a.jsonl"), 3, "v100.log: must be of the same devices, got 'V100'"),
        (("a.log", "-o", "a.jsonl", "--map", "size=a"), 2, "--map: has no effect without a CSV file"),
    ],
)
def test_mistakes(cli: Cli, arguments: tuple[str, ...], code: int, message: str) -> None:
    Path("a.log").write_text(made.nccl())
    Path("v100.log").write_text(made.nccl().replace("NVIDIA A100", "V100"))
    Path("cut.log").write_text(_cut())
    Path("letter").write_text("Dear reader\n")
    cli("import", "a.log", "-o", "run.jsonl")
    told = cli("import", *arguments)
    assert (told.code, told.error.startswith(message)) == (code, True), told.err
    assert not Path("a.jsonl").exists()


def _cut() -> str:
    """Return a log that ends in its first row."""
    lines = made.nccl().splitlines()
    first = next(index for index, line in enumerate(lines) if line.lstrip().startswith("1048576"))
    return "\n".join([*lines[:first], lines[first][:-30]])
