"""The record contract: what is written is read back, whatever way the run ended."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nearlinear.measure.records import Record, RecordWriter, Sample, is_record, read_record, samples_by
from nearlinear.models.errors import ContentError, SpecError


def _sample(repetition: int = 0, **changes: Any) -> Sample:
    values: dict[str, Any] = {
        "operation": "allreduce", "algorithm": "ring", "transport": "mpi-host", "dtype": "float32",
        "placement": "in", "size_bytes": 1024, "ranks": 2, "nodes": 1, "repetition": repetition,
        "mode": "individual", "statistic": "max", "time_s": 1e-4, "per_rank_s": (9e-5, 1e-4), "correct": True,
    }  # fmt: skip
    return Sample(**values | changes)


@pytest.fixture
def finished(tmp_path: Path) -> Path:
    path = tmp_path / "run.jsonl"
    writer = RecordWriter(path, {"run_id": "a", "hosts": ["n1", "n2"]})
    writer.add(_sample(0))
    writer.add(_sample(1, per_rank_s=None, correct=None))
    writer.end(complete=True, reason="done")
    return path


def test_what_is_written_is_read_back(finished: Path) -> None:
    record = read_record(finished)
    assert record.samples == (_sample(0), _sample(1, per_rank_s=None, correct=None))
    assert record.complete
    assert record.notes == ()
    assert record.header["hosts"] == ["n1", "n2"]
    assert record.times_s().tolist() == [1e-4, 1e-4]
    assert is_record(finished)


def test_every_sample_is_on_disk_before_the_next(tmp_path: Path) -> None:
    writer = RecordWriter(tmp_path / "run.jsonl", {})
    for count in range(3):
        writer.add(_sample(count))
        assert len(read_record(tmp_path / "run.jsonl").samples) == count + 1
    writer.end(complete=True, reason="done")


def test_a_killed_run_is_read_as_far_as_it_came(finished: Path) -> None:
    finished.write_text("".join(finished.read_text().splitlines(keepends=True)[:-1]))
    record = read_record(finished)
    assert (len(record.samples), record.complete) == (2, False)
    assert record.notes == (f"{finished}: the run did not come to its end; 2 samples are there",)


def test_a_run_that_was_interrupted_says_so(tmp_path: Path) -> None:
    writer = RecordWriter(tmp_path / "run.jsonl", {})
    writer.end(complete=False, reason="interrupted")
    assert not read_record(tmp_path / "run.jsonl").complete


def test_cut_anywhere_it_stays_readable(finished: Path, tmp_path: Path) -> None:
    whole, part = finished.read_bytes(), tmp_path / "part.jsonl"
    header = whole.index(b"\n") + 1
    for length in range(header, len(whole)):
        part.write_bytes(whole[:length])
        record = read_record(part)
        assert len(record.samples) == min(whole[:length].count(b"\n") - 1 + _whole_last(whole[:length]), 2)
        assert any("cut off" in note for note in record.notes) == _is_cut(whole[:length])


def _last(text: bytes) -> bytes:
    return text.rsplit(b"\n", 1)[-1]


def _whole_last(text: bytes) -> bool:
    """Whether only the line end is missing."""
    return b"sample" in _last(text)[:20] and _last(text).endswith(b"}")


def _is_cut(text: bytes) -> bool:
    return bool(_last(text)) and not _last(text).endswith(b"}")


def test_zeros_at_the_end_after_a_power_cut(finished: Path) -> None:
    with finished.open("ab") as file:
        file.write(b"\0" * 64)
    record = read_record(finished)
    assert len(record.samples) == 2
    assert "cut off" in record.notes[0]


def test_records_are_never_overwritten(finished: Path) -> None:
    before = finished.read_bytes()
    with pytest.raises(ContentError, match="must be a new file"):
        RecordWriter(finished, {})
    assert finished.read_bytes() == before


def test_no_folder(tmp_path: Path) -> None:
    with pytest.raises(ContentError, match=r"--out: cannot be written \(No such file or directory\)"):
        RecordWriter(tmp_path / "none" / "run.jsonl", {})


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full, which fails like a full disk")
def test_disk_full(tmp_path: Path) -> None:
    writer = RecordWriter(tmp_path / "run.jsonl", {})
    writer.add(_sample())
    writer._file.close()
    writer._file = Path("/dev/full").open("wb", buffering=0)  # noqa: SIM115
    with pytest.raises(ContentError, match=r"run.jsonl: cannot be written \(No space left on device\)"):
        writer.add(_sample())
    writer._file.close()
    assert len(read_record(tmp_path / "run.jsonl").samples) == 1


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"size_bytes": -1}, "size_bytes: must be a whole number >= 0, got -1"),
        ({"ranks": 0}, "ranks: must be a whole number >= 1, got 0"),
        ({"ranks": 2.5}, "ranks: must be a whole number >= 1, got 2.5"),
        ({"nodes": True}, "nodes: must be a whole number >= 1, got True"),
        ({"time_s": 0}, "time_s: must be > 0, got 0"),
        ({"time_s": "1"}, "time_s: must be > 0, got '1'"),
        ({"time_s": float("nan")}, "time_s: must be > 0, got nan"),
        ({"mode": "loop"}, "mode: must be one of individual, pipelined, got 'loop'"),
        ({"operation": 5}, "operation: must be text, got 5"),
        ({"per_rank_s": "fast"}, "must be a whole sample"),
        ({"time_s": True}, "time_s: must be > 0, got True"),
        ({"flop": "x"}, "flop: must be a number >= 0, or null, got 'x'"),
        ({"cpu_busy": -1}, "cpu_busy: must be a number >= 0, or null, got -1"),
        ({"among": [0]}, "among: must name all 2 ranks, got [0]"),
        ({"wire_dtype": 3}, "wire_dtype: must be text, got 3"),
    ],
)
def test_a_sample_that_cannot_be(finished: Path, change: dict[str, Any], rule: str) -> None:
    lines = finished.read_text().splitlines()
    lines[1] = json.dumps(json.loads(lines[1]) | change)
    finished.write_text("\n".join(lines))
    with pytest.raises(ContentError) as caught:
        read_record(finished)
    assert str(caught.value).startswith(f"{finished}:2: {rule}")


def test_a_sample_with_a_field_missing(finished: Path) -> None:
    lines = finished.read_text().splitlines()
    content = json.loads(lines[2])
    del content["time_s"]
    finished.write_text("\n".join([*lines[:2], json.dumps(content), lines[3]]))
    with pytest.raises(ContentError, match=r":3: must be a whole sample \(.*time_s"):
        read_record(finished)


def test_a_broken_line_in_the_middle_is_an_error(finished: Path) -> None:
    lines = finished.read_text().splitlines()
    finished.write_text("\n".join([lines[0], lines[1][:30], *lines[2:]]))
    with pytest.raises(ContentError, match=r":2: must be a JSON object"):
        read_record(finished)


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("", "must be a nearlinear/record, got None"),
        ('{"schema": "other"}\n', "must be a nearlinear/record, got 'other'"),
        ('{"schema": "nearlinear/record", "version": 99}\n', "must be of version 1, got 99"),
        ("[1]\n", "must be a JSON object, got '[1]'"),
    ],
)
def test_not_a_record(tmp_path: Path, text: str, rule: str) -> None:
    path = tmp_path / "run.jsonl"
    path.write_text(text)
    with pytest.raises(ContentError) as caught:
        read_record(path)
    assert rule in str(caught.value)


def test_not_there_and_not_text(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=r"must be a readable file \(No such file or directory\)"):
        read_record(tmp_path / "none.jsonl")
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ContentError, match="must be UTF-8 text"):
        read_record(tmp_path / "binary")
    assert not is_record(tmp_path / "binary")
    assert not is_record(tmp_path / "none.jsonl")


def test_grouping_keeps_the_order() -> None:
    samples = [_sample(0, size_bytes=8), _sample(0, size_bytes=4), _sample(1, size_bytes=8)]
    groups = samples_by(samples, "size_bytes", "ranks")
    assert list(groups) == [(8, 2), (4, 2)]
    assert groups[(8, 2)] == [samples[0], samples[2]]


def test_times_of_no_samples() -> None:
    record = Record(path="", header={}, samples=(), complete=True)
    assert record.times_s().shape == (0,)
    assert np.issubdtype(record.times_s().dtype, np.floating)


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"hosts": 5}, "hosts: must be a list, got 5"),
        ({"devices": None}, "devices: must be a list, got None"),
        ({"environment": None}, "environment: must be an object, got None"),
        ({"ranks": "many"}, "ranks: must be a whole number, got 'many'"),
        ({"training": 3}, "training: must be an object, got 3"),
    ],
)
def test_a_header_that_cannot_be(finished: Path, change: dict[str, Any], rule: str) -> None:
    lines = finished.read_text().splitlines()
    lines[0] = json.dumps(json.loads(lines[0]) | change)
    finished.write_text("\n".join(lines))
    with pytest.raises(ContentError) as caught:
        read_record(finished)
    assert str(caught.value).startswith(f"{finished}:1: {rule}")
