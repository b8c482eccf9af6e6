"""Rows of the catalogue: SI units in JSON, readable units in the table for people."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from nearlinear.models.units import GB, MICROSECOND, TERA

SUFFIXES = (  # longest first: a rate ends like a time
    ("_bytes_per_s", GB, "GB/s"),
    ("_flop_per_s", TERA, "TFLOP/s"),
    ("_bytes", GB, "GB"),
    ("_s", MICROSECOND, "us"),
)


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its key in JSON with the unit in its name, its label, and one label's unit in SI."""

    key: str
    label: str
    unit: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """A table of the catalogue.

    Attributes
    ----------
    title : str
        What stands above the table, empty for none.
    columns : tuple of Column
        Left-aligned are the first and the last.
    rows : sequence of sequences
        Values in SI units, one for each column; None where there is no such number.
    """

    title: str
    columns: tuple[Column, ...]
    rows: Sequence[Sequence[Any]]

    def document(self) -> list[dict[str, Any]]:
        """Return the rows as objects with SI values."""
        return [{c.key: v for c, v in zip(self.columns, row, strict=True)} for row in self.rows]

    def cells(self) -> list[list[str]]:
        """Return the rows as text in the units of the labels."""
        return [[_text(v, c.unit) for c, v in zip(self.columns, row, strict=True)] for row in self.rows]


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """The numbers of one entry, each with its source; documents and cells like a :class:`Listing`.

    Attributes
    ----------
    title : str
        What stands above the table.
    facts : tuple of (str, Fact)
        Names with the unit at their end, and what is known.
    """

    title: str
    facts: tuple[tuple[str, Any], ...]
    columns = tuple(Column(label, label) for label in ("number", "value", "unit", "status", "date", "source"))

    def document(self) -> list[dict[str, Any]]:
        """Return the facts as objects with SI values."""
        return [
            {"name": name, "value": f.value, "status": f.status, "date": f.source.date,
             "source": f.source.citation}
            for name, f in self.facts
        ]  # fmt: skip

    def cells(self) -> list[list[str]]:
        """Return the facts as text, values in the unit that people use."""
        return [
            [*_readable(name, f.value), f.status, f.source.date, f.source.citation] for name, f in self.facts
        ]


def _readable(name: str, value: float) -> tuple[str, str, str]:
    """Return words, number and unit of a quantity whose name ends in its SI unit."""
    for suffix, factor, unit in SUFFIXES:
        if name.endswith(suffix):
            return name.removesuffix(suffix).replace("_", " "), _text(value, factor), unit
    return name, _text(value, 1.0), ""


def _text(value: Any, unit: float) -> str:
    if value is None:
        return ""
    if isinstance(value, float) or (isinstance(value, int) and unit != 1.0):
        return f"{value / unit:,.4g}"
    return f"{value:,}" if isinstance(value, int) else str(value)
