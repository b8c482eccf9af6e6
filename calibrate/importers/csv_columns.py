"""What the columns of a CSV table mean: told by ``--map``, or by names that carry their unit.

``--map`` is a list of ``FIELD=COLUMN``, ``FIELD=COLUMN:UNIT`` and, for what has no column, ``FIELD:=VALUE``.
A column is its name in the first line, or ``#3`` for the third.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from nearlinear.calibrate.importers.printed import whole
from nearlinear.models.errors import SpecError, nearest
from nearlinear.models.naming import same_name
from nearlinear.models.units import parse_bandwidth, parse_duration, parse_size

UNITS = {"size": parse_size, "part": parse_size, "time": parse_duration, "algbw": parse_bandwidth,
         "busbw": parse_bandwidth}  # fmt: skip
EXAMPLES = {"size": "B, KiB or MB", "part": "B, KiB or MB", "time": "us, ms or s", "algbw": "GB/s or Gbit/s",
            "busbw": "GB/s or Gbit/s"}  # fmt: skip
FIELDS = (*UNITS, "count", "collective", "ranks", "nodes", "per-node", "dtype", "placement", "transport",
          "algorithm", "mode", "statistic", "wrong")  # fmt: skip
KNOWN = {
    "size": (("size_bytes", "B"), ("bytes", "B"), ("size (B)", "B"), ("size [B]", "B")),
    "time": (("time_us", "us"), ("time_s", "s"), ("time_ms", "ms"), ("time (us)", "us"), ("latency_us", "us"),
             ("latency (us)", "us")),
    "algbw": (("algbw_GBs", "GB/s"), ("algbw (GB/s)", "GB/s")),
    "busbw": (("busbw_GBs", "GB/s"), ("busbw (GB/s)", "GB/s")),
    "collective": (("collective", ""), ("operation", "")),
    "ranks": (("ranks", ""), ("nranks", "")),
    "nodes": (("nodes", ""), ("nnodes", "")),
    **{name: ((name, ""),) for name in FIELDS[5:] if name not in ("collective", "ranks", "nodes")},
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """Where every field of a row is.

    Attributes
    ----------
    places : dict
        Index of the column by field.
    factors : dict
        What one unit of a column is in bytes, seconds or bytes per second.
    constants : dict
        Values of fields without a column.
    """

    places: dict[str, int] = field(default_factory=dict)
    factors: dict[str, float] = field(default_factory=dict)
    constants: dict[str, str] = field(default_factory=dict)

    def has(self, name: str) -> bool:
        """Return whether a field is known at all."""
        return name in self.places or name in self.constants

    def text(self, name: str, cells: Sequence[str]) -> str:
        """Return what a row says of a field, empty where nothing does."""
        place = self.places.get(name)
        return cells[place].strip() if place is not None else self.constants.get(name, "")


def columns_of(names: Sequence[str], asked: str) -> Columns:
    """Return the columns of a table by what was asked and by names that are known.

    Parameters
    ----------
    names : sequence of str
        First line of the table.
    asked : str
        The list of ``--map``; empty for none.

    Raises
    ------
    SpecError
        An unknown field, column or unit, or a field twice.

    Examples
    --------
    >>> found = columns_of(["msg", "lat", "nodes"], "size=msg:KiB,time=lat:us,ranks:=8")
    >>> found.places, found.factors["size"], found.constants
    ({'size': 0, 'time': 1, 'nodes': 2}, 1024.0, {'ranks': '8'})
    """
    found = Columns()
    for word in filter(None, (word.strip() for word in asked.split(","))):
        _add(word, names, found)
    for name, spellings in KNOWN.items():
        for spelling, unit in spellings:
            column = next((i for i, one in enumerate(names) if _alike(one, spelling)), None)
            taken = found.has(name) or (name == "size" and found.has("part"))
            if column is not None and not taken and column not in found.places.values():
                found.places[name] = column
                found.factors[name] = _factor(name, unit)
    return found


def _alike(one: str, other: str) -> bool:
    """Return whether two headings are one, case of letters aside, but for units, where it counts."""
    return one.strip() == other or (one.strip().lower() == other.lower() and "B" not in other)


def _add(word: str, names: Sequence[str], found: Columns) -> None:
    left, equals, right = word.partition("=")
    constant = left.endswith(":")
    name = same_name(left.rstrip(": "), FIELDS)
    if not equals or name is None or not right.strip():
        remedy = nearest(left.rstrip(": "), list(FIELDS)) or f"fields are {', '.join(FIELDS)}"
        raise SpecError("--map", "must be FIELD=COLUMN:UNIT or FIELD:=VALUE", got=word, remedy=remedy)
    if found.has(name):
        raise SpecError("--map", "must name each field once", got=name)
    if constant:
        if name in UNITS:
            raise SpecError("--map", "must name a column", field=name, got=right)
        found.constants[name] = right.strip()
        return
    column, unit = _column(right.strip(), names, name)
    found.places[name], found.factors[name] = column, _factor(name, unit)


def _column(text: str, names: Sequence[str], name: str) -> tuple[int, str]:
    """Return the index and the unit that ``COLUMN:UNIT`` names."""
    heads, tail, unit = text.rpartition(":")
    for column, rest in ((text, ""), (heads, unit)) if tail else ((text, ""),):
        place = whole(column[1:]) if column.startswith("#") else None
        if place is not None and 1 <= place <= len(names):
            return place - 1, rest
        spelled = same_name(column, [one.strip() for one in names])
        if spelled is not None:
            return [one.strip() for one in names].index(spelled), rest
    remedy = nearest(heads or text, list(names)) or f"columns are {', '.join(names)}"
    raise SpecError("--map", "must be a column that is there", field=name, got=text, remedy=remedy)


def _factor(name: str, unit: str) -> float:
    if name not in UNITS:
        if unit:
            raise SpecError("--map", "has no unit", field=name, got=unit)
        return 1.0
    if not unit and name not in ("size", "part"):
        raise SpecError("--map", f"must have a unit: {EXAMPLES[name]}", field=name)
    try:
        return float(UNITS[name](f"1{unit or 'B'}"))
    except SpecError:
        raise SpecError("--map", f"must be a unit: {EXAMPLES[name]}", field=name, got=unit) from None
