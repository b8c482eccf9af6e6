"""Readers of measurements: our own records, and logs of other tools.

An importer is ``sniff(text) -> bool`` and ``parse(text, where, hints) -> Imported``. To add one: write
its file, add a row to ``IMPORTERS`` before those that would take its logs for theirs, a fixture with its
test, and a line in ``docs/files.md``.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

from nearlinear.calibrate.importers import all_reduce_bench, csv_table, imb, nccl_json, nccl_tests, osu
from nearlinear.calibrate.importers.imported import Hints, Imported
from nearlinear.measure.records import Record, is_record, read_record
from nearlinear.models.errors import ContentError, SpecError

IMPORTERS: dict[str, tuple[Callable[[str], bool], Callable[[str, str, Hints], Imported]]] = {
    "nccl-tests-json": (nccl_json.sniff, nccl_json.parse),
    "imb": (imb.sniff, imb.parse),
    "osu": (osu.sniff, osu.parse),
    "all-reduce-bench": (all_reduce_bench.sniff, all_reduce_bench.parse),
    "nccl-tests": (nccl_tests.sniff, nccl_tests.parse),
    "csv": (csv_table.sniff, csv_table.parse),
}

__all__ = ["IMPORTERS", "Hints", "Imported", "read_all", "read_measurements"]


def read_all(paths: Sequence[str | Path], hints: Hints) -> list[Imported]:
    """Return what several files hold.

    Raises
    ------
    SpecError
        A file is not there, or ``--map`` was given and no file is a table.
    ContentError
        A file cannot be read; names the line.
    """
    found = [read_measurements(path, hints) for path in paths]
    if hints.columns and not any(one.format == "csv" for one in found):
        raise SpecError("--map", "has no effect without a CSV file", got=hints.columns)
    return found


def read_measurements(path: str | Path, hints: Hints) -> Imported:
    """Return the samples of a record or of a log, and what was understood.

    Raises
    ------
    SpecError
        The file is not there.
    ContentError
        Empty, of no known format, or wrong; names the line.
    """
    if is_record(path):
        return _of_record(read_record(path))
    text = _text(Path(path))
    for name, (sniff, parse) in IMPORTERS.items():
        if sniff(text) and (name == "csv" or not (hints.columns and csv_table.sniff(text))):
            return parse(text, str(path), hints)
    known = ", ".join(["record", *IMPORTERS])
    raise ContentError(str(path), "must be of a known format", remedy=f"known are {known}")


def _of_record(record: Record) -> Imported:
    """Return a record's samples that sit on nodes evenly; no closed form reads others."""
    counts = record.header.get("ranks_per_node", [1])
    even = [s for s in record.samples if s.nodes == 1 or s.operation == "sendrecv" or len(set(counts)) == 1]
    left_out, notes = len(record.samples) - len(even), record.notes
    if left_out:
        told = ", ".join(str(count) for count in counts)
        notes += (f"samples left out, because nodes hold {told} ranks: {left_out}",)
    return Imported(
        path=record.path, format="record", samples=tuple(even), notes=notes, header=record.header,
        rows=len(even), skipped=left_out, known_from="the record",
    )  # fmt: skip


def _text(path: Path) -> str:
    try:
        text = path.read_text(encoding="utf-8", errors="strict")
    except OSError as error:
        raise SpecError(str(path), f"must be a readable file ({error.strerror})") from None
    except UnicodeDecodeError:
        raise ContentError(str(path), "must be UTF-8 text", remedy="is this a log?") from None
    if not text.strip():
        remedy = "was the run killed before it printed?"
        raise ContentError(str(path), "must not be empty", remedy=remedy)
    return text.removeprefix("\ufeff")
