"""The importer of nccl-tests output: every layout of it, and every way in which it can be broken."""

import contextlib
from pathlib import Path
from typing import Any

import pytest

from nearlinear.calibrate.bundled import BUNDLED
from nearlinear.calibrate.importers import Hints, Imported, nccl_tests, read_measurements
from nearlinear.models.errors import ContentError, SpecError

HEAD = """# nThread 1 nGpus 2 minBytes 1024 maxBytes 4096 step: 2(factor) warmup iters: 5 iters: 20
# Using devices
#   Rank  0 Pid 10 on n1 device  0 [0x00] A100
#   Rank  1 Pid 11 on n1 device  1 [0x00] A100
#
#       size         count    type   redop     time   algbw   busbw  error     time   algbw   busbw  error
#        (B)    (elements)                     (us)  (GB/s)  (GB/s)            (us)  (GB/s)  (GB/s)
"""
SMALL = "    1024   256  float  sum   10.24   0.10   0.10  0e+00   20.48   0.05   0.05    N/A\n"
LARGE = " 1048576 262144  float  sum  104.86  10.00  10.00  0e+00  104.86  10.00  10.00  2e+00\n"
FOOT = "# Out of bounds values : 0 OK\n# Avg bus bandwidth    : 5\n"
NO_HINTS = Hints()


def _parse(text: str, hints: Hints = NO_HINTS) -> Imported:
    assert nccl_tests.sniff(text)
    return nccl_tests.parse(text, "a.log", hints)


def _line(text: str, error: ContentError) -> str:
    """Return the line of a text that an error names."""
    return text.splitlines()[int(str(error).split(":")[1]) - 1]


def test_a_plain_log() -> None:
    read = _parse(HEAD + SMALL + LARGE + FOOT)
    assert read.format == "nccl-tests"
    expected: list[Any] = [
        ("out", 1024, pytest.approx(10.24e-6), True),
        ("in", 1024, pytest.approx(20.48e-6), None),
        ("out", 1048576, pytest.approx(104.86e-6), True),
        ("in", 1048576, pytest.approx(104.86e-6), False),
    ]
    assert [(s.placement, s.size_bytes, s.time_s, s.correct) for s in read.samples] == expected
    first = read.samples[0]
    assert (first.operation, first.ranks, first.nodes, first.dtype) == ("allreduce", 2, 1, "float32")
    assert (first.mode, first.statistic, first.per_rank_s) == ("pipelined", "mean", None)
    assert read.notes == ("collective inferred from its columns: allreduce",)


def test_repeats_are_counted_by_size_and_placement() -> None:
    read = _parse(HEAD + SMALL + SMALL + LARGE + FOOT)
    assert [s.repetition for s in read.samples] == [0, 0, 1, 1, 0, 0]


@pytest.mark.parametrize("prefix", ["[1,0]<stdout>:", "0: ", " 12: ", "node-1:3442:3442 [0] "])
def test_prefixes_of_launchers_are_taken_off(prefix: str) -> None:
    marked = "".join(prefix + line + "\n" for line in (HEAD + SMALL + LARGE + FOOT).splitlines())
    if "node" in prefix:
        marked = HEAD + prefix.replace("[0] ", "[0] NCCL INFO x\n") + SMALL + LARGE + FOOT
    read = _parse(marked)
    assert [(s.size_bytes, s.time_s) for s in read.samples] == [
        (s.size_bytes, s.time_s) for s in _parse(HEAD + SMALL + LARGE + FOOT).samples
    ]


def test_lines_of_other_programs_are_skipped_and_counted() -> None:
    read = _parse(HEAD + "n1: NCCL version 2.18\n" + SMALL + "some warning\n" + LARGE + FOOT)
    assert "lines of other programs skipped: 2" in read.notes
    assert len(read.samples) == 4


def test_a_root_column() -> None:
    rooted = SMALL.replace("  sum ", "  sum  -1 ") + LARGE.replace("  sum ", "  sum  0 ")
    assert len(_parse(HEAD + rooted + FOOT).samples) == 4


GATHERED = " 1048576 131072  float  none  104.86  10.00  5.00  0e+00  104.86  10.00  5.00  2e+00\n"


def test_no_operator_column() -> None:
    text = HEAD + GATHERED.replace("  none ", "       ") + FOOT
    read = _parse(text, Hints(collective="allgather"))
    assert {s.operation for s in read.samples} == {"allgather"}


def test_in_place_only() -> None:
    head = HEAD.replace("error     time   algbw   busbw  error", "error").replace(
        "# Using", "# in-place only\n# Using"
    )
    rows = " 1024 256 float sum 10.24 0.10 0.10 0\n 1048576 262144 float sum 104.86 10.00 10.00 0\n"
    assert [s.placement for s in _parse(head + rows + FOOT).samples] == ["in", "in"]


def test_a_clock_at_the_end_of_rows() -> None:
    stamped = "".join(row.rstrip() + "  2026-11-20 10:11:12\n" for row in (SMALL, LARGE))
    assert len(_parse(HEAD + stamped + FOOT).samples) == 4


def test_rows_of_no_byte_are_left_out() -> None:
    empty = "       0     0  float  sum   35.20   0.00   0.00  N/A   34.05   0.00   0.00  N/A\n"
    read = _parse(HEAD + empty + LARGE + FOOT)
    assert {s.size_bytes for s in read.samples} == {1048576}
    assert "rows of 0 bytes left out: 1" in read.notes


def _of_ranks(ranks: int, size: int = 2**30) -> str:
    """Return rows whose bus bandwidth is that of an allreduce of so many ranks."""
    rows = ""
    for k in range(4):
        bytes_, time_us = size >> k, (size >> k) / 100e3
        bus = 100.0 * 2 * (ranks - 1) / ranks
        side = f"{time_us:.2f} 100.00 {bus:.2f} 0"
        rows += f"{bytes_} {bytes_ // 4} float sum -1 {side} {side}\n"
    return rows


BARE = "\n".join(HEAD.splitlines()[5:]) + "\n"


@pytest.mark.parametrize("ranks", [3, 4, 8, 16, 64, 256])
def test_ranks_inferred_from_bus_over_algorithm_bandwidth(ranks: int) -> None:
    read = _parse(BARE + _of_ranks(ranks) + FOOT)
    assert {s.ranks for s in read.samples} == {ranks}
    assert {s.nodes for s in read.samples} == {-(-ranks // 8)}
    assert any(f"{ranks} ranks inferred" in note for note in read.notes)
    assert any("8 ranks per node assumed (--per-node)" in note for note in read.notes)


def test_what_the_user_says_counts() -> None:
    read = _parse(BARE + _of_ranks(8) + FOOT, Hints(collective="allreduce", ranks=8, per_node=4))
    assert {(s.ranks, s.nodes) for s in read.samples} == {(8, 2)}
    assert "nodes: 2, 4 ranks per node stated" in read.notes


def test_ranks_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ContentError) as caught:
        _parse(BARE + _of_ranks(8) + FOOT, Hints(ranks=4))
    told = "a.log:3: busbw must be 1.5 times algbw for allreduce of 4 ranks, 150.00 GB/s, got 175.0"
    assert str(caught.value).startswith(told)


def test_collective_stated_by_the_command() -> None:
    text = "$ ./build/reduce_scatter_perf -b 1K\n" + HEAD + GATHERED + FOOT
    assert {s.operation for s in _parse(text).samples} == {"reduce-scatter"}


def test_collective_not_told() -> None:
    gather = GATHERED.replace("131072", "65536").replace("10.00  5.00", "10.00  7.50")
    with pytest.raises(ContentError, match="does not say which collective was run; say --collective"):
        _parse(BARE + gather + FOOT)
    read = _parse(BARE + gather + FOOT, Hints(collective="allgather"))
    assert {s.ranks for s in read.samples} == {4}


def test_ranks_not_told() -> None:
    with pytest.raises(ContentError, match="does not say how many ranks took part; say --ranks"):
        _parse(BARE + LARGE + FOOT, Hints(collective="broadcast"))


def test_a_cut_off_row_is_an_error_with_its_line() -> None:
    text = HEAD + SMALL + LARGE[:60]
    with pytest.raises(ContentError) as caught:
        _parse(text)
    assert caught.value.exit_code == 3
    assert str(caught.value).startswith(f"a.log:{len(text.splitlines())}: must have 8 result columns")
    assert "nothing was read" in str(caught.value)


def test_every_cut_of_the_last_row_is_seen_or_whole() -> None:
    """A cut inside the last number cannot be seen in the row itself; the missing footer tells."""
    text = HEAD + SMALL + LARGE.rstrip()
    start = len(HEAD + SMALL)
    seen = 0
    for length in range(start + 10, len(text)):
        with contextlib.suppress(ContentError):
            read = _parse(text[:length])
            seen += 1
            assert any(note.startswith("no footer: the run was cut off") for note in read.notes)
            assert all(s.time_s == pytest.approx(104.86e-6) for s in read.samples[2:])
    assert seen == 2  # what is left of the last number, "2" and "2e+0", is one; all other cuts are errors


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("104.86  10.00", "104.86  11.00", "algbw must be size over time, 10.00 GB/s, got 11.0"),
        ("104.86  10.00", "0.10  10.00", "algbw must be size over time"),
        ("104.86  10.00", "104.x6  10.00", "result columns must be numbers, got '104.x6'"),
        ("262144  float", "262144  flaot", "must be a row of size, count, type and results"),
        ("2e+00", "bad", "result columns must be numbers, got 'bad'"),
        ("10.00  10.00  0e+00", "10.00  0e+00", "must have 8 result columns, got 7"),
    ],
)
def test_a_row_that_does_not_add_up(old: str, new: str, message: str) -> None:
    text = HEAD + SMALL + LARGE.replace(old, new, 1)
    with pytest.raises(ContentError) as caught:
        _parse(text)
    assert message in str(caught.value)
    assert "1048576" in _line(text, caught.value)


def test_a_failed_run() -> None:
    text = HEAD + "n1: Test NCCL failure common.cu:958 'unhandled system error'\n"
    with pytest.raises(ContentError, match=r"has no result rows \(n1: Test NCCL failure common.cu"):
        _parse(text)


def test_a_run_that_found_wrong_values() -> None:
    read = _parse(HEAD + SMALL + LARGE + "# Out of bounds values : 4 FAILED\n")
    assert "the log reports: Out of bounds values : 4 FAILED" in read.notes


def test_no_footer() -> None:
    assert any(note.startswith("no footer") for note in _parse(HEAD + SMALL + LARGE).notes)


@pytest.mark.parametrize("name", ["empty.log", "blank.log"])
def test_an_empty_log(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("" if name == "empty.log" else "\n \n")
    with pytest.raises(ContentError, match="must not be empty; was the run killed before it printed"):
        read_measurements(tmp_path / name, NO_HINTS)


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=r"must be a readable file \(No such file"):
        read_measurements(tmp_path / "none.log", NO_HINTS)
    (tmp_path / "picture").write_bytes(b"\x89PNG\xff\xfe")
    with pytest.raises(ContentError, match="must be UTF-8 text; is this a log"):
        read_measurements(tmp_path / "picture", NO_HINTS)
    (tmp_path / "letter").write_text("Dear reader\n")
    with pytest.raises(ContentError, match="must be of a known format; known are record, nccl-tests"):
        read_measurements(tmp_path / "letter", NO_HINTS)


def test_devices_of_the_list() -> None:
    log = BUNDLED[0].files[0]
    read = read_measurements(log, Hints())
    assert read.header == {"hosts": ["localhost"] * 8, "devices": ["A100-SXM4-40GB"] * 8, "versions": []}
