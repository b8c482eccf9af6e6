"""A record as columns of equal length, for spreadsheets and data frames: one row a line, one value a cell."""

from dataclasses import fields
from typing import Any

from nearlinear.measure.records.reader import Record
from nearlinear.measure.records.sample import Epoch, Sample, Step

LISTS = ("per_rank_s", "among")


def columns(record: Record, lists: bool = False) -> dict[str, list[Any]]:
    """Return the samples of a measurement, or the steps of a training run, by column.

    A row says in ``run_id`` which run it is from. Epochs are not in it; a training run without a step
    gives its epochs. Values of several ranks are text with blanks between, or ``lists``.
    """
    kind, lines = _lines(record)
    found: dict[str, list[Any]] = {"run_id": [record.header.get("run_id", "")] * len(lines)}
    for field in fields(kind):
        values = [getattr(line, field.name) for line in lines]
        found[field.name] = [_plain(v) for v in values] if field.name in LISTS and not lists else values
    return found


def _lines(record: Record) -> tuple[Any, tuple[Any, ...]]:
    if record.steps:
        return Step, record.steps
    return (Epoch, record.epochs) if record.epochs else (Sample, record.samples)


def _plain(value: tuple[float, ...] | None) -> str | None:
    return None if value is None else " ".join(f"{number:.9g}" for number in value)
