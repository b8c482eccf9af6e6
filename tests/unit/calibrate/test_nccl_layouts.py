"""Layouts of nccl-tests from 1.0 on, its JSON, and logs that somebody published."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nearlinear.calibrate.importers import Hints, Imported, nccl_json, nccl_tests, read_measurements
from nearlinear.models.errors import ContentError
from tests.unit.calibrate import lookalikes as made
from tests.unit.calibrate.lookalikes import FOOT, NAMES, SIZES, TIMES_US, nccl_rows, side

LOGS = Path(__file__).parent / "logs"
NO_HINTS = Hints()
FACTOR = 1.75  # of an allreduce of 8
OLD_NAMES = NAMES.replace("redop    root", "redop").replace("#wrong", " error")


def _parse(text: str, hints: Hints = NO_HINTS) -> Imported:
    assert nccl_tests.sniff(text)
    return nccl_tests.parse(text, "a.log", hints)


def _times_us(read: Imported, placement: str = "out") -> list[float]:
    return [round(s.time_s * 1e6, 2) for s in read.samples if s.placement == placement]


EXPECTED = [round(TIMES_US[size], 2) for size in SIZES]
SLOWER = [round(TIMES_US[size] + 1, 2) for size in SIZES]


def test_a_whole_log() -> None:
    read = _parse(made.nccl())
    assert (_times_us(read), _times_us(read, "in")) == (EXPECTED, SLOWER)
    assert {(s.operation, s.ranks, s.nodes, s.dtype) for s in read.samples} == {
        ("allreduce", 8, 1, "float32")
    }
    assert (read.rows, read.skipped, read.known_from, read.notes) == (5, 0, "list of devices", ())
    assert read.header["devices"] == ["NVIDIA A100"] * 8
    assert "nccl-library=22803" in read.header["versions"]


def test_version_1_counts_milliseconds() -> None:
    heading = "#  bytes  N    type      op     time  algbw  busbw      res     time  algbw  busbw   res\n"
    rows = "".join(
        f"{size} {size // 4} float sum {side(size, TIMES_US[size], FACTOR, '0e+00', 1000.0)}"
        f" {side(size, TIMES_US[size] + 1, FACTOR, 'N/A', 1000.0)}\n"
        for size in SIZES
    )
    read = _parse("nThread 1 nGpus 8 minBytes 1 maxBytes 1 step: 2(factor)\n" + heading + rows)
    assert [s.time_s for s in read.samples if s.placement == "out"] == pytest.approx(
        [time_us * 1e-6 for time_us in EXPECTED], abs=0.6e-6
    )
    assert {(s.ranks, s.correct) for s in read.samples} == {(8, True), (8, None)}


@pytest.mark.parametrize(
    ("heading", "middle", "operation"),
    [
        (OLD_NAMES, "float     sum ", "allreduce"),
        (OLD_NAMES.replace("redop", "root"), "float       0 ", "broadcast"),
        (NAMES.replace("#wrong", "error"), "float     sum       0", "reduce"),
        ("", "float     sum ", "allreduce"),
    ],
)
def test_11_12_and_13_columns(heading: str, middle: str, operation: str) -> None:
    factor = FACTOR if operation == "allreduce" else 1.0
    head = made.CONFIGURATION + made.devices(8, group=False)
    read = _parse(head + heading + nccl_rows(factor, middle=middle) + FOOT)
    assert {s.operation for s in read.samples} == {operation}
    assert _times_us(read) == EXPECTED


def test_an_allgather_tells_its_ranks_by_size_over_count() -> None:
    blank = nccl_rows(0.75, parts=4, middle="float             ")
    heading = NAMES.replace("    root", "        ")
    read = _parse(heading + blank + FOOT, Hints(collective="allgather", per_node=4))
    assert {(s.ranks, s.nodes) for s in read.samples} == {(4, 1)}
    assert "4 ranks inferred from size over count" in read.notes
    with pytest.raises(ContentError, match="does not say which collective was run"):
        _parse(heading + blank + FOOT)


def test_bandwidths_as_they_were_defined_until_2020() -> None:
    """Two ranks: both bandwidths count the half of the vector that is the other rank's."""
    rows = "".join(
        f"{2 * size} {size // 4} float {side(size, TIMES_US[size], 1.0)} {side(size, TIMES_US[size], 1.0)}\n"
        for size in SIZES
    )
    read = _parse(rows + FOOT, Hints(collective="allgather"))
    assert any("until 2020" in note for note in read.notes)
    assert [(s.size_bytes, s.ranks) for s in read.samples][::2] == [(2 * size, 2) for size in SIZES]
    assert _times_us(read) == EXPECTED


def test_timestamps_and_columns_of_each_iteration() -> None:
    stamped = nccl_rows(FACTOR, tail="  2026-11-20 10:11:12")
    assert _times_us(_parse(NAMES + stamped + FOOT)) == EXPECTED
    rows = ""
    for size in SIZES:
        more = "   20.00   30.00   29.00    4.10"
        rows += f"{size} {size // 4} float sum -1 {side(size, TIMES_US[size], FACTOR)}{more}"
        rows += f" {side(size, TIMES_US[size] + 1, FACTOR)}{more}  2026-11-20 10:11:12\n"
    wide = NAMES.replace("#wrong", "#wrong   i_min   i_max   i_p99   i_cv%")
    for heading in (wide, NAMES):
        read = _parse(heading + rows + FOOT)
        assert (_times_us(read), _times_us(read, "in")) == (EXPECTED, SLOWER)


def test_processor_time_is_not_the_time_of_the_collective() -> None:
    """With -C the first column is the processor's; bandwidths tell the time."""
    rows = ""
    for size in SIZES:
        cells = side(size, TIMES_US[size], FACTOR).split()
        rows += f"{size} {size // 4} float sum -1 {' '.join(['3.21', *cells[1:]] * 2)}\n"
    read = _parse(NAMES.replace("   time", "cputime") + rows + FOOT)
    assert _times_us(read) == pytest.approx(EXPECTED, rel=1e-3)


def test_in_place_alone_stands_below_its_heading() -> None:
    rows = [
        f"{size:>12}  {size // 4:>12}     float     sum      -1" + " " * 32 + _body(size) + "\n"
        for size in SIZES
    ]
    read = _parse(NAMES + "".join(rows) + FOOT)
    assert {s.placement for s in read.samples} == {"in"}
    assert _times_us(read, "in") == EXPECTED
    cut = rows[0].replace(" " * 32, "")
    with pytest.raises(ContentError, match="must have 8 result columns, got 4; cut off"):
        _parse(NAMES + cut + FOOT)


def _body(size: int) -> str:
    time, algbw, busbw, wrong = side(size, TIMES_US[size], FACTOR).split()
    return f"  {time:>7}  {algbw:>6}  {busbw:>6}  {wrong:>5}"


def test_a_time_that_lost_its_digits_comes_from_bandwidths() -> None:
    """2 GiB at 0.15 GB/s take 14.3 s: printed as 1.4e+07 us."""
    size, time_us = 2**31, 14_316_557.0
    cells = f"1.4e+07 {size / time_us / 1e3:.2f} {FACTOR * size / time_us / 1e3:.2f} 0"
    rows = nccl_rows(FACTOR) + f"{size} {size // 4} float sum -1 {cells} {cells}\n"
    read = _parse(NAMES + rows + FOOT)
    assert read.samples[-1].time_s == pytest.approx(14.3, rel=0.03)
    assert _times_us(read)[:-1] == EXPECTED


def test_rows_interrupted_by_other_programs() -> None:
    first, *others = nccl_rows(FACTOR).splitlines(keepends=True)
    place = first.index(side(SIZES[0], TIMES_US[SIZES[0]], FACTOR))
    broken = first[:place] + " n1:34:56 [0] NCCL WARN something\n" + first[place:]
    read = _parse(NAMES + broken + "".join(others) + FOOT)
    assert _times_us(read) == EXPECTED
    with pytest.raises(ContentError, match="a.log:3: must be a whole row"):
        _parse(NAMES + broken.splitlines()[0] + "\n" + "".join(others) + FOOT)


def test_prefixes_in_the_middle_of_rows() -> None:
    """MPICH puts its prefix wherever output was flushed."""
    rows = nccl_rows(FACTOR).replace("-1 ", "-1[0] ")
    marked = "".join(f"[0] {line}\n" for line in (NAMES + rows + FOOT).splitlines())
    assert _times_us(_parse(marked)) == EXPECTED


@pytest.mark.parametrize("prefix", ["2026-01-02T03:04:05.678901Z ", "[1,0]<stdout>:", " 0: "])
def test_prefixes_of_every_line(prefix: str) -> None:
    read = _parse("".join(f"{prefix}{line}\n" for line in made.nccl().splitlines()))
    assert (_times_us(read), read.known_from) == (EXPECTED, "list of devices")


def test_several_collectives_in_one_file() -> None:
    read = _parse(made.nccl() + made.nccl("all_gather", ranks=4))
    assert [(s.operation, s.ranks) for s in read.samples[::10]] == [("allreduce", 8), ("allgather", 4)]
    assert len(read.samples) == 20


def test_the_same_run_twice_is_two_repetitions() -> None:
    read = _parse(made.nccl() + made.nccl())
    assert sorted({s.repetition for s in read.samples}) == [0, 1]


def test_a_failed_run_among_others() -> None:
    failed = made.START.format("broadcast") + made.CONFIGURATION + "n1: Test NCCL failure common.cu:1 'x'\n"
    read = _parse(failed + made.nccl())
    assert {s.operation for s in read.samples} == {"allreduce"}
    assert "runs without rows left out" in read.notes
    assert any("the log reports: n1: Test NCCL failure" in note for note in read.notes)


def test_a_list_of_devices_that_was_cut() -> None:
    lines = made.devices(16).splitlines(keepends=True)
    head = made.CONFIGURATION + "".join(lines[:3]) + "...\n" + NAMES
    read = _parse(head + nccl_rows(2 * 15 / 16) + FOOT, Hints(per_node=8))
    assert {(s.ranks, s.nodes) for s in read.samples} == {(16, 2)}
    last = made.CONFIGURATION + lines[-1].replace("device  7", "device  3") + NAMES
    read = _parse(last + nccl_rows(2 * 15 / 16) + FOOT)
    assert {(s.ranks, s.nodes) for s in read.samples} == {(16, 4)}
    assert "nodes: 4, 4 ranks per node inferred from the last device" in read.notes


def test_groups_at_once() -> None:
    listed = made.devices(8).replace("Group  0 Pid 101", "Group  1 Pid 101")
    listed = "".join(
        line.replace("Group  0", f"Group  {rank % 2}") + "\n" for rank, line in enumerate(listed.splitlines())
    ).replace("Group  1 Pid 100", "Group  0 Pid 100")
    read = _parse(made.CONFIGURATION + listed + NAMES + nccl_rows(1.5) + FOOT)
    assert {s.ranks for s in read.samples} == {4}
    assert "groups at once: 2, of 4 ranks each" in read.notes


def test_processes_that_do_not_know_each_other() -> None:
    """An mpirun of another MPI: eight times rank 0, busbw 0."""
    listed = made.devices(1) * 8
    read = _parse(made.CONFIGURATION + listed + NAMES + nccl_rows(0.0) + FOOT)
    assert {s.ranks for s in read.samples} == {1}
    assert any(note.startswith("one rank") for note in read.notes)
    with pytest.raises(ContentError, match="busbw must be 1.75 times algbw"):
        _parse(made.CONFIGURATION + listed + NAMES + nccl_rows(0.0) + FOOT, Hints(ranks=8))


def test_errors_beyond_the_threshold_of_rccl_tests() -> None:
    rows = nccl_rows(FACTOR).splitlines(keepends=True)
    rows[0] = rows[0].rstrip()[:-1] + "4e-02*\n"
    read = _parse("rccl-tests: Version develop:448c4c7\n" + NAMES + "".join(rows) + FOOT)
    assert [s.correct for s in read.samples][:3] == [True, False, True]


def test_placements_that_were_not_measured() -> None:
    missing = "     N/A     N/A     N/A    N/A"
    rows = "".join(
        f"{size} {size // 4} float sum -1 {side(size, TIMES_US[size], FACTOR)} {missing}\n" for size in SIZES
    )
    assert {s.placement for s in _parse(NAMES + rows + FOOT).samples} == {"out"}


def test_a_column_too_many() -> None:
    heading = " nodes " + NAMES.replace("#", " ")
    rows = "".join(f"  1 {row}\n" for row in nccl_rows(FACTOR).splitlines())
    with pytest.raises(ContentError, match="a.log:1: must start with the size, got 'nodes'"):
        _parse(heading + rows)
    with pytest.raises(ContentError, match="a.log:1: must be a row of size, count, type and results"):
        _parse(rows + FOOT)


@pytest.mark.parametrize(
    ("old", "new"),
    [("1048576", "1048577"), (" 262144", " 262145"), ("float", "half"), ("  44.00", "  44.01")],
)
def test_what_says_the_same_twice_must_agree(old: str, new: str) -> None:
    """SIZES[1] takes 61.94 us; its first bandwidth is then 33.86 GB/s and not 33.87."""
    text = made.nccl()
    old = old if old in text else f"{SIZES[1] / TIMES_US[SIZES[1]] / 1e3:.2f}"
    new = new if old != f"{SIZES[1] / TIMES_US[SIZES[1]] / 1e3:.2f}" else f"{float(old) + 0.02:.2f}"
    start = text.index("(elements)")
    with pytest.raises(ContentError):
        _parse(text[:start] + text[start:].replace(old, new, 1))


def test_ranks_by_the_only_full_nodes_that_fit() -> None:
    """At 256 ranks two decimals cannot tell 255 from 256; somebody must say it, or nodes are full."""
    factor = 2 * 255 / 256
    read = _parse(NAMES + nccl_rows(factor) + FOOT)
    assert {s.ranks for s in read.samples} == {256}
    assert any("ranks inferred from busbw / algbw, which" in note for note in read.notes)
    with pytest.raises(ContentError, match="does not say how many ranks took part, 255 to 25. fit"):
        _parse(NAMES + nccl_rows(factor) + FOOT, Hints(per_node=11))


@pytest.mark.parametrize(
    ("name", "hints", "count", "found"),
    [
        ("a100x8_allgather.log", Hints(collective="allgather"), 58, ("allgather", 8, 1, 36.34e-6)),
        ("h100x16_tcpx_allgather.log", Hints(collective="allgather"), 20, ("allgather", 16, 2, 996.7e-6)),
        ("rtx5090_2r_allreduce.log", NO_HINTS, 8, ("allreduce", 2, 1, 279568e-6)),
    ],
)
def test_published_logs(name: str, hints: Hints, count: int, found: tuple[Any, ...]) -> None:
    read = read_measurements(LOGS / name, hints)
    assert len(read.samples) == count
    assert any(
        (s.operation, s.ranks, s.nodes) == found[:3] and s.time_s == pytest.approx(found[3])
        for s in read.samples
    )


def _json(change: Callable[[dict[str, Any]], None] = lambda content: None) -> Imported:
    content = json.loads(made.nccl_json())
    change(content)
    text = json.dumps(content)
    assert nccl_json.sniff(text)
    return nccl_json.parse(text, "a.json", NO_HINTS)


def test_json() -> None:
    read = _json()
    assert (_times_us(read), _times_us(read, "in")) == (EXPECTED, SLOWER)
    assert {(s.operation, s.ranks, s.nodes) for s in read.samples} == {("allreduce", 8, 2)}
    assert "hunter2" not in repr(read)


def test_json_without_one_placement_or_with_nan() -> None:
    def change(content: dict[str, Any]) -> None:
        content["results"][0]["out_of_place"] = None
        content["results"][1]["in_place"]["time"] = "nan"
        content["results"][2]["in_place"]["nwrong"] = 7.0
        content["errors"] = ["something"]

    read = _json(change)
    assert len(read.samples) == 8
    assert [s.correct for s in read.samples].count(False) == 1
    assert "the log reports: something" in read.notes


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (("results", 0, "in_place", "alg_bw"), 99.0, "results[0]: algbw must be size over time"),
        (("results", 0, "in_place", "time"), -1.0, "results[0].in_place: must be a time > 0"),
        (("results", 0, "in_place"), 5, "results[0].in_place: must be an object"),
        (("results", 0, "size"), "big", "results[0]: size: must be a whole number >= 0, got 'big'"),
        (("results", 0, "type"), "flaot", "results[0]: type: must be a known type"),
        (("results",), 5, "a.json: results: must be a list"),
        (("results",), [], "a.json: has no result rows"),
        (("config", "devices"), [5], "config.devices: must be devices with a rank"),
    ],
)
def test_json_that_is_wrong(path: tuple[Any, ...], value: Any, message: str) -> None:
    def change(content: dict[str, Any]) -> None:
        *parents, last = path
        for step in parents:
            content = content[step]
        content[last] = value

    with pytest.raises(ContentError) as caught:
        _json(change)
    assert message in str(caught.value)


def test_json_that_was_cut_off() -> None:
    with pytest.raises(ContentError, match="a.json:1: must be whole JSON .*; was the run killed"):
        nccl_json.parse(made.nccl_json()[:-200], "a.json", NO_HINTS)


def test_attribution_names_every_log() -> None:
    text = (LOGS / "ATTRIBUTION.md").read_text(encoding="utf-8")
    for log in LOGS.glob("*.log"):
        assert log.name in text
