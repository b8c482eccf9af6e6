"""Several records as one."""

import uuid
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from nearlinear.measure.records.reader import Record
from nearlinear.measure.records.sample import Sample
from nearlinear.measure.records.writer import RecordWriter
from nearlinear.models.errors import ContentError, SpecError

OWN_LINES = ("kind", "schema", "version")


def merge(records: Sequence[Record], out: Path) -> int:
    """Write the samples of several records of one kind of machine into a new one; return how many.

    The header is that of the largest run and holds those of all; repetitions are counted anew.

    Raises
    ------
    SpecError
        Fewer than two records, or one of them twice.
    ContentError
        Other devices, a training run, or an output that cannot be written.
    """
    if len(records) < 2:
        raise SpecError("FILE", "must be two records or more", got=len(records))
    for place, record in enumerate(records):
        _check_fits(record, records[0])
        if _runs(record) & {run for other in records[:place] for run in _runs(other)}:
            raise SpecError("FILE", "must hold another run than the others", got=record.path)
    writer = RecordWriter(out, _header(records))
    try:
        for sample in _counted_anew(records):
            writer.add(sample)
        writer.end(complete=all(record.complete for record in records), reason="merged")
    except ContentError:
        writer.discard()
        raise
    return writer.count


def _runs(record: Record) -> set[str]:
    """Return the runs that a record holds: its own, or those it was merged from."""
    merged = record.header.get("merged_from", [])
    return {str(header.get("run_id")) for header in merged or [record.header]}


def _check_fits(record: Record, first: Record) -> None:
    if record.steps:
        raise ContentError(record.path, "must be a measurement", got="a training run",
                           remedy="training runs are read one by one")  # fmt: skip
    devices, wanted = (sorted(set(r.header.get("devices", []))) for r in (record, first))
    if devices != wanted:
        remedy = f"{first.path} is of {', '.join(wanted)}; calibrate takes both files side by side"
        raise ContentError(record.path, "must be of the same devices", got=", ".join(devices), remedy=remedy)


def _header(records: Sequence[Record]) -> dict[str, Any]:
    largest = max(records, key=lambda record: int(record.header.get("ranks", 0)))
    return _without_marks(largest.header) | {
        "run_id": uuid.uuid4().hex,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "merged_from": [_without_marks(record.header) for record in records],
    }


def _without_marks(header: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in header.items() if name not in OWN_LINES}


def _counted_anew(records: Sequence[Record]) -> list[Sample]:
    count: dict[tuple[Any, ...], int] = defaultdict(int)
    found = []
    for record in records:
        for sample in record.samples:
            cell = (sample.operation, sample.algorithm, sample.transport, sample.dtype, sample.wire_dtype,
                    sample.placement, sample.size_bytes, sample.ranks, sample.nodes, sample.among,
                    sample.mode)  # fmt: skip
            found.append(replace(sample, repetition=count[cell]))
            count[cell] += 1
    return found
