"""Tables: of all_reduce_bench.py, and plain CSV with what its columns mean."""

from pathlib import Path

import pytest

from nearlinear.calibrate.importers import (
    IMPORTERS,
    Hints,
    Imported,
    all_reduce_bench,
    csv_table,
    read_all,
    read_measurements,
)
from nearlinear.models.errors import ContentError, SpecError
from tests.unit.calibrate import lookalikes as made

NO_HINTS = Hints()
PLAIN = "msg;lat;np\n1024;5.5;4\n2048;6.5;4\n"


def _bench(text: str, hints: Hints = NO_HINTS) -> Imported:
    assert all_reduce_bench.sniff(text)
    return all_reduce_bench.parse(text, "a.md", hints)


def _csv(text: str, columns: str = "", hints: Hints = NO_HINTS) -> Imported:
    assert csv_table.sniff(text)
    told = Hints(collective=hints.collective, ranks=hints.ranks, per_node=hints.per_node, columns=columns)
    return csv_table.parse(text, "a.csv", told)


def test_all_reduce_bench() -> None:
    read = _bench(made.all_reduce_bench())
    last = read.samples[-1]
    assert (last.operation, last.ranks, last.nodes, last.size_bytes) == ("allreduce", 8, 1, 2**30)
    assert last.time_s == pytest.approx(20e-6 + 2**30 / 200e9, rel=1e-4)
    assert read.header["devices"] == ["NVIDIA H100 80GB HBM3"] * 8
    assert "nodes: 1, 8 ranks per node assumed (--per-node)" in read.notes
    assert {s.nodes for s in _bench(made.all_reduce_bench(16), Hints(per_node=4)).samples} == {4}
    queued = made.all_reduce_bench().replace("20 trials", "20 trials, up to 10 queued calls per trial")
    assert {s.mode for s in _bench(queued).samples} == {"pipelined"}


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("107.75GBps |\n", "117.75GBps |\n", "busbw must be 1.75 times algbw for 8 ranks"),
        ("|    4MiB", "|    5MiB", "must be a row of payload, busbw and algbw"),
        ("107.75GBps |\n", "107.75GBps\n", "must be a row of payload, busbw and algbw"),
        ("of all_reduce over", "of all_gather over", "must be of an allreduce"),
        ("over 8 ranks", "over 16 ranks", "busbw must be 1.875 times algbw"),
    ],
)
def test_all_reduce_bench_that_is_wrong(old: str, new: str, message: str) -> None:
    """8 MiB in 20 us + 41.9 us are 135.4 GB/s; 4 MiB are 102.4 GB/s."""
    text = made.all_reduce_bench()
    algbw = 2**22 / (20e-6 + 2**22 / 200e9) / 1e9
    old = old.replace("107.75", f"{algbw:.2f}")
    assert old in text
    with pytest.raises(ContentError) as caught:
        _bench(text.replace(old, new, 1))
    assert message in str(caught.value)


def test_all_reduce_bench_without_rows_or_digits() -> None:
    text = made.all_reduce_bench()
    with pytest.raises(ContentError, match="has no result rows"):
        _bench(text[: text.index("| payload")])
    small = text + "|   32KiB |   0.02GBps |   0.01GBps |\n"
    assert "rows with too few digits for a time left out: 1" in _bench(small).notes


def test_csv_by_names() -> None:
    read = _csv(made.csv_table())
    first = read.samples[0]
    assert (first.operation, first.ranks, first.nodes, first.dtype) == ("allreduce", 8, 1, "float32")
    assert first.time_s == pytest.approx(40.97e-6)
    assert "unknown, --map says them: transport, statistic" in read.notes


def test_csv_by_a_map() -> None:
    columns = "size=msg:KiB,time=lat:ms,ranks=np,dtype:=half,transport:=mpi-host,placement:=in"
    read = _csv(PLAIN, columns, Hints(collective="allreduce", per_node=2))
    first = read.samples[0]
    assert (first.size_bytes, first.time_s, first.ranks, first.nodes) == (2**20, 5.5e-3, 4, 2)
    assert (first.dtype, first.transport, first.placement) == ("float16", "mpi-host", "in")
    assert "no bandwidths beside the times: nothing to check them by" in read.notes


def test_csv_parts_and_places() -> None:
    columns = "part=#1,time=#2:us,ranks=#3,nodes:=1"
    read = _csv(PLAIN, columns, Hints(collective="alltoall"))
    assert [s.size_bytes for s in read.samples] == [4096, 8192]


def test_csv_leaves_out_rows_without_a_time() -> None:
    text = made.csv_table() + "all_reduce,float,8,1,4,16,,,\n"
    read = _csv(text)
    assert (read.rows, read.skipped) == (5, 1)
    assert "rows without a time left out: 1" in read.notes


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ("size=msg,time=lat", "--map: time: must have a unit: us, ms or s"),
        ("size=msg,time=lat:parsec", "--map: time: must be a unit: us, ms or s, got 'parsec'"),
        (
            "size=msgs,time=lat:us",
            "--map: size: must be a column that is there, got 'msgs'; did you mean msg",
        ),
        ("sizs=msg", "--map: must be FIELD=COLUMN:UNIT or FIELD:=VALUE, got 'sizs=msg'; did you mean size"),
        ("size=msg,size=lat", "--map: must name each field once, got 'size'"),
        ("time:=5", "--map: time: must name a column, got '5'"),
        ("ranks=np:us", "--map: ranks: has no unit, got 'us'"),
        ("size=#9", "--map: size: must be a column that is there, got '#9'"),
    ],
)
def test_maps_that_are_wrong(columns: str, message: str) -> None:
    with pytest.raises(SpecError) as caught:
        _csv(PLAIN, columns)
    assert str(caught.value).startswith(message)
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("40.97", "41.97", "a.csv:2: algbw: must be 1 x size over time, 24.98"),
        ("1048576", "1048577", "a.csv:2: size: must be count times item: 1048576, got 1048577"),
        ("1048576", "1.5", "a.csv:2: size: must be whole, got '1.5'"),
        ("40.97", "x", "a.csv:2: time: must be a number >= 0, got 'x'"),
        ("40.97", "0", "a.csv:2: time: must be > 0, got '0'"),
        (",8,1,", ",8.5,1,", "a.csv:2: ranks: must be a whole number >= 1, got '8.5'"),
        ("all_reduce", "all_redoce", "a.csv:2: collective: must be a known collective, got 'all_redoce'"),
        ("float,8,1,", "float,8,", "a.csv:2: must have 9 cells like the first line, got 8"),
        ("float,8", '"float,8', "a.csv:2: must be a row of CSV"),
    ],
)
def test_csv_rows_that_are_wrong(old: str, new: str, message: str) -> None:
    text = made.csv_table()
    assert old in text
    with pytest.raises(ContentError) as caught:
        _csv(text.replace(old, new, 1))
    assert str(caught.value).startswith(message)


def test_csv_that_does_not_tell(tmp_path: Path) -> None:
    with pytest.raises(ContentError, match="a.csv:1: must say which columns are size and time: msg, lat, np"):
        _csv(PLAIN)
    with pytest.raises(ContentError, match="does not say how ranks sat on nodes; say --per-node"):
        _csv(PLAIN, "size=msg,time=lat:us,ranks=np", Hints(collective="allreduce"))


def test_a_map_without_a_table(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    log.write_text(made.nccl())
    with pytest.raises(SpecError, match="--map: has no effect without a CSV file"):
        read_all([log], Hints(columns="size=a"))


@pytest.mark.parametrize(
    ("text", "form"),
    [
        (made.nccl(), "nccl-tests"), (made.nccl_json(), "nccl-tests-json"), (made.osu_latency(), "osu"),
        (made.osu_mbw_mr(), "osu"), (made.imb_pingpong(), "imb"), (made.imb_collective(), "imb"),
        (made.all_reduce_bench(), "all-reduce-bench"), (made.csv_table(), "csv"),
    ],
)  # fmt: skip
def test_the_format_is_found(text: str, form: str, tmp_path: Path) -> None:
    """No importer takes the log of another for its own before that one is asked."""
    path = tmp_path / "a.txt"
    path.write_text("\ufeff" + text)
    assert read_measurements(path, Hints(per_node=8)).format == form
    first = next(name for name, (sniff, _) in IMPORTERS.items() if sniff(text))
    assert first == form


@pytest.mark.parametrize("text", ["#xx{xx", "# a,b\n\n", "#", "\n \n"])
def test_comments_alone_are_no_table(text: str) -> None:
    assert not csv_table.sniff(text)
