"""Plain CSV: a line of names, then one row a measurement.

What a column means is told by ``--map`` or by its name (``csv_columns``). ``size`` is the larger vector of a
rank, ``part`` what one rank gives, as the OSU benchmarks count.

Notes
-----
A row is checked as far as it says something twice: size is count times item, algbw is size over time, busbw
is algbw times the factor of the collective. A row of size and time alone has no redundancy.
"""

import csv
import re
from collections.abc import Iterator, Sequence

from nearlinear.calibrate.importers.csv_columns import Columns, columns_of
from nearlinear.calibrate.importers.imported import Hints, Imported, numbered
from nearlinear.calibrate.importers.names import (
    CUT,
    ITEM_BYTES,
    asked_collective,
    bus_factor,
    collective_named,
    larger_buffer,
    type_named,
)
from nearlinear.calibrate.importers.printed import printed, whole
from nearlinear.measure.records import MODES, Sample
from nearlinear.models.errors import ContentError

MESSAGES = ("sendrecv", "bandwidth", "bidirectional", "contention", "pairs")
DELIMITERS = (",", ";", "\t")
UNKNOWN = "unknown"
DEFAULTS = {"dtype": UNKNOWN, "placement": "out", "transport": UNKNOWN, "algorithm": "vendor",
            "mode": "individual", "statistic": UNKNOWN}  # fmt: skip
LOOK = 20  # lines that tell whether it is a table
LONGEST = 60  # characters of the name of a column
PLAIN = re.compile(r"^[\w .:+/-]{1,60}$")

Lines = list[tuple[int, list[str]]]


def sniff(text: str) -> bool:
    """Return whether a text starts with a line of names, and most rows have as many cells and a number."""
    shown = [line for line in text.splitlines() if line.strip() and not line.startswith("#")][:LOOK]
    if not shown:
        return False
    first, *lines = shown
    delimiter = _delimiter(first)
    names, *rows = (next(csv.reader([line], delimiter=delimiter)) for line in [first, *lines])
    alike = [row for row in rows if len(row) == len(names) and any(printed(cell.strip()) for cell in row)]
    named = all(cell.strip() and len(cell) <= LONGEST and printed(cell.strip()) is None for cell in names)
    return len(names) > 1 and named and bool(rows) and 2 * len(alike) >= len(rows)


def parse(text: str, where: str, hints: Hints) -> Imported:
    """Return the samples of a table.

    Raises
    ------
    SpecError
        ``--map`` names what is not there.
    ContentError
        A row of other length, without its numbers or with numbers that contradict each other, or none.
    """
    (first, names), *rows = _lines(text, where)
    columns = columns_of(names, hints.columns)
    _check_told(columns, names, f"{where}:{first}")
    blank = [row for row in rows if not columns.text("time", row[1])]
    read = [_sample(cells, columns, hints, f"{where}:{line}") for line, cells in rows
            if columns.text("time", cells)]  # fmt: skip
    samples = numbered(read)
    if not samples:
        raise ContentError(where, "has no rows with a time", remedy="nothing was read")
    return Imported(
        path=where, format="csv", samples=samples, notes=tuple(_notes(columns, len(blank), hints)),
        rows=len(samples), skipped=len(blank),
        known_from="--ranks" if not columns.has("ranks") else "the column of ranks",
    )  # fmt: skip


def _delimiter(line: str) -> str:
    return max(DELIMITERS, key=line.count)


def _lines(text: str, where: str) -> Lines:
    """Return the cells of every line with its number, names first; all lines have as many."""
    kept = [(number, line) for number, line in enumerate(text.splitlines(), start=1)
            if line.strip() and not line.startswith("#")]  # fmt: skip
    delimiter = _delimiter(kept[0][1])
    found: Lines = []
    for number, line in kept:
        try:
            cells = next(csv.reader([line], delimiter=delimiter, strict=True))
        except csv.Error as error:
            raise ContentError(f"{where}:{number}", f"must be a row of CSV ({error})") from None
        if found and len(cells) != len(found[0][1]):
            told = f"must have {len(found[0][1])} cells like the first line"
            raise ContentError(f"{where}:{number}", told, got=len(cells))
        found.append((number, cells))
    return found


def _check_told(columns: Columns, names: Sequence[str], where: str) -> None:
    if not columns.has("time") or not (columns.has("size") or columns.has("part")):
        told = f"must say which columns are size and time: {', '.join(names)[:120]}"
        raise ContentError(where, told, remedy="say --map size=COLUMN:B,time=COLUMN:us")


def _sample(cells: Sequence[str], columns: Columns, hints: Hints, where: str) -> Sample:
    operation = _operation(columns.text("collective", cells), hints, where)
    ranks = hints.ranks or _count("ranks", cells, columns, where)
    name = "part" if columns.has("part") else "size"
    size = round(_number(name, cells, columns, where))
    if name == "part":
        size = larger_buffer(operation, size, ranks)
    time_s = _number("time", cells, columns, where)
    if time_s <= 0:
        raise ContentError(where, "must be > 0", field="time", got=columns.text("time", cells))
    words = {field: columns.text(field, cells) or default for field, default in DEFAULTS.items()}
    words["dtype"] = type_named(words["dtype"]) or words["dtype"]
    _check_words(words, where)
    sample = Sample(
        operation=operation, size_bytes=size, ranks=ranks, nodes=_nodes(cells, columns, ranks, hints, where),
        repetition=0, time_s=time_s, correct=_correct(columns.text("wrong", cells)), dtype=words["dtype"],
        placement=words["placement"], transport=words["transport"], algorithm=words["algorithm"],
        mode=words["mode"], statistic=words["statistic"],
    )  # fmt: skip
    _check(sample, cells, columns, where)
    return sample


def _operation(text: str, hints: Hints, where: str) -> str:
    if hints.collective:
        return asked_collective(hints.collective)
    found = text if text in MESSAGES else collective_named(text)
    if found is None:
        remedy = "say --collective allreduce, or --map collective=COLUMN"
        raise ContentError(where, "must be a known collective", field="collective", got=text, remedy=remedy)
    return found


def _number(name: str, cells: Sequence[str], columns: Columns, where: str) -> float:
    text = columns.text(name, cells)
    if printed(text) is None:
        raise ContentError(where, "must be a number >= 0", field=name, got=text)
    value = float(text) * columns.factors.get(name, 1.0)
    if name in ("size", "part", "count") and (value > 2.0**62 or abs(value - round(value)) > 1e-6):
        raise ContentError(where, "must be whole", field=name, got=text)
    return value


def _count(name: str, cells: Sequence[str], columns: Columns, where: str) -> int:
    text = columns.text(name, cells)
    count = whole(text)
    if count is None or not 1 <= count < 2**31:
        remedy = f"say --{name}, or --map {name}=COLUMN"
        raise ContentError(where, "must be a whole number >= 1", field=name, got=text, remedy=remedy)
    return count


def _nodes(cells: Sequence[str], columns: Columns, ranks: int, hints: Hints, where: str) -> int:
    if hints.per_node or columns.has("per-node"):
        per_node = hints.per_node or _count("per-node", cells, columns, where)
        return -(-ranks // per_node)
    if not columns.has("nodes"):
        raise ContentError(where, "does not say how ranks sat on nodes", remedy="say --per-node 8")
    return _count("nodes", cells, columns, where)


def _check_words(words: dict[str, str], where: str) -> None:
    for name, allowed in (("placement", ("in", "out")), ("mode", MODES)):
        if words[name] not in allowed:
            raise ContentError(where, f"must be one of {', '.join(allowed)}", field=name, got=words[name])
    for name, word in words.items():
        if not PLAIN.match(word):
            raise ContentError(where, "must be a plain word", field=name, got=word[:40])


def _correct(wrong: str) -> bool | None:
    number = printed(wrong.rstrip("*"))
    return None if number is None else "*" not in wrong and float(wrong) < 1


def _check(sample: Sample, cells: Sequence[str], columns: Columns, where: str) -> None:
    """Refuse a row that says two things of one number."""
    if columns.text("count", cells) and sample.dtype in ITEM_BYTES:
        count = _number("count", cells, columns, where)
        expected = count * ITEM_BYTES[sample.dtype] * (sample.ranks if sample.operation in CUT else 1)
        if expected != sample.size_bytes:
            raise ContentError(where, f"must be count times item: {expected:.0f}", field="size",
                               got=sample.size_bytes)  # fmt: skip
    time = printed(columns.text("time", cells))
    by_time = time.times(columns.factors["time"]).under(sample.size_bytes) if time else None
    for name, factor in (("algbw", 1.0), ("busbw", bus_factor(sample.operation, sample.ranks))):
        rate = printed(columns.text(name, cells))
        if rate is None or by_time is None:
            continue
        if not rate.times(columns.factors[name]).meets(by_time.times(factor)):
            expected = by_time.middle * factor / columns.factors[name]
            told = f"must be {factor:.4g} x size over time, {expected:.2f}"
            raise ContentError(where, told, field=name, got=columns.text(name, cells))


def _notes(columns: Columns, blank: int, hints: Hints) -> Iterator[str]:
    unknown = [name for name in ("dtype", "transport", "statistic") if not columns.has(name)]
    if unknown:
        yield f"unknown, --map says them: {', '.join(unknown)}"
    if not (columns.has("algbw") or columns.has("busbw")):
        yield "no bandwidths beside the times: nothing to check them by"
    if blank:
        yield f"rows without a time left out: {blank}"
