"""Rows of nccl-tests text: which columns there are, and what they hold.

Columns are told by the heading where there is one, else by their count, which is then the same for all
rows. Layouts: ``bytes N type`` in milliseconds (1.0); 11, 12 or 13 columns (2.0 to 2.12); 13 (2.13 on),
with a date behind (``-S``), four more per side (``-I``), or the in-place side alone below its heading.
"""

import math
import re
from dataclasses import dataclass

from nearlinear.calibrate.importers.names import type_named
from nearlinear.calibrate.importers.printed import Range, printed, whole
from nearlinear.models.errors import ContentError
from nearlinear.models.units import MICROSECOND

OPERATORS = ("sum", "prod", "max", "min", "avg", "none", "all", "mulsum")
MISSING = "N/A"
SIDE, LONG_SIDE = 4, 8  # time, algbw, busbw, wrong; and four of each iteration
MILLISECOND = 1e-3
ANY_TIME = Range(0.0, math.inf)
NEAR = 4  # characters between the ends of a heading and of its numbers
CLOCK = re.compile(r"\s+\d{4}-\d\d-\d\d\s+\d\d:\d\d:\d\d$")
ROOT = re.compile(r"^-?\d{1,5}$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """The columns behind size, count and type.

    Attributes
    ----------
    root : bool or None
        Whether there is a root; None until a row shows it.
    sides, width : int
        How many times results are printed, and in how many columns each; 0 until a row shows it.
    unit_s : float
        Seconds of a unit of time.
    processor : bool
        Whether the time is that of the processor that calls (``-C``), not of the collective.
    ends : tuple of int
        Where the headings of times end.
    """

    root: bool | None = None
    sides: int = 0
    width: int = 0
    unit_s: float = MICROSECOND
    processor: bool = False
    ends: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """Results of one placement.

    Attributes
    ----------
    placement : {"in", "out"}
        Whether the result replaced the input.
    time_s, algbw, busbw : Range
        Seconds and GB/s as printed; any time where that of the collective is not.
    printed_s : float
        The time as it stands there; 0 where that is not the time of the collective, or has an exponent.
    wrong : str
        Number of wrong elements or largest error, or ``N/A``.
    """

    placement: str
    time_s: Range
    algbw: Range
    busbw: Range
    printed_s: float
    wrong: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row: where it stands, what was run, and its sides, without those that were not measured."""

    where: str
    size_bytes: int
    count: int
    dtype: str
    operator: str
    root: int
    sides: tuple[Side, ...]


def is_heading(line: str) -> bool:
    """Return whether a line names the columns."""
    words = line.replace("#", " ").split()
    return "algbw" in words and "busbw" in words


def layout_of(heading: str, where: str) -> Layout:
    """Return the columns that a heading names.

    Raises
    ------
    ContentError
        It starts with columns of another tool.
    """
    words = heading.replace("#wrong", " wrong").replace("#", " ").split()
    first = next((i for i, word in enumerate(words) if word in ("size", "bytes")), 0)
    if first:
        remedy = "take that column out, and say --ranks where rows differ in it"
        raise ContentError(where, "must start with the size", got=words[0], remedy=remedy)
    times = [i for i, word in enumerate(words) if word in ("time", "cputime")]
    widths = {b - a for a, b in zip(times, [*times[1:], len(words)], strict=False)}
    if len(times) > 2:
        raise ContentError(where, "must name the time of one or two placements", got=len(times))
    return Layout(
        root="root" in words,
        sides=len(times),
        width=widths.pop() if len(widths) == 1 else 0,
        unit_s=MILLISECOND if words[0] == "bytes" else MICROSECOND,
        processor="cputime" in words,
        ends=tuple(match.end() for match in re.finditer(r"\b(?:cpu)?time\b", heading)),
    )


def looks_like_row(line: str) -> bool:
    """Return whether a line can only be a row of results, whole or damaged."""
    tokens = line.split()
    if len(tokens) > 1 and None not in (whole(tokens[0]), whole(tokens[1])):
        return True
    results = sum(token == MISSING or printed(token) is not None for token in tokens)
    return results >= 2 * SIDE - 1 and len(tokens) - results <= SIDE


def read_row(line: str, layout: Layout, where: str) -> tuple[Row, Layout]:
    """Return the row of a line, and the layout that it shows.

    Raises
    ------
    ContentError
        Not the columns of the layout, or no numbers in them.
    """
    tokens = CLOCK.sub("", line).split()
    dtype = type_named(tokens[2]) if len(tokens) > 2 else None
    size, count = (whole(token) for token in tokens[:2]) if len(tokens) > 1 else (None, None)
    if dtype is None or size is None or count is None:
        raise ContentError(where, "must be a row of size, count, type and results", got=" ".join(tokens)[:60])
    rest = tokens[3:]
    operator = rest.pop(0) if rest and rest[0] in OPERATORS else ""
    root, rest, seen = _apart(rest, layout, where)
    placements = ("out", "in") if seen.sides == 2 else (_only(line, layout, seen, where),)
    parts = [rest[i * seen.width :][:SIDE] for i in range(seen.sides)]
    sides = tuple(
        _side(part, placement, layout, where)
        for part, placement in zip(parts, placements, strict=True)
        if part[:3] != [MISSING] * 3
    )
    row = Row(where=where, size_bytes=size, count=count, dtype=dtype, operator=operator,
              root=root, sides=sides)  # fmt: skip
    return row, seen if layout.sides == 0 else layout


def _apart(rest: list[str], layout: Layout, where: str) -> tuple[int, list[str], Layout]:
    """Return root, results and their layout; without a heading, the count of columns tells it."""
    shown = bool(rest) and ROOT.match(rest[0]) is not None
    rooted = layout.root or (len(rest) % SIDE == 1 and shown)
    if rooted and rest and not shown:
        raise ContentError(where, "must have a root before the times", got=rest[0])
    root, results = (int(rest[0]), rest[1:]) if rooted and rest else (-1, rest)
    sides = layout.sides or 2
    widths = [layout.width] if layout.width else [SIDE, LONG_SIDE]
    if layout.width == SIDE and len(results) == sides * LONG_SIDE:
        widths = [LONG_SIDE]  # a heading that somebody shortened
    for count in dict.fromkeys((sides, 1)):
        for width in widths:
            if len(results) == count * width:
                return root, results, Layout(root=rooted, sides=count, width=width)
    remedy = "cut off? remove the line or run again; nothing was read"
    raise ContentError(
        where, f"must have {sides * widths[0]} result columns", got=len(results), remedy=remedy
    )


def _only(line: str, layout: Layout, seen: Layout, where: str) -> str:
    """Return the placement of a row with one side: where its time ends tells it."""
    if len(layout.ends) == 1:
        return "in"
    ends = [match.end() for match in re.finditer(r"\S+", CLOCK.sub("", line))]
    if len(layout.ends) == 2 and abs(ends[-seen.width] - layout.ends[1]) <= NEAR:
        return "in"
    remedy = "cut off? remove the line or run again; nothing was read"
    raise ContentError(where, f"must have {2 * seen.width} result columns", got=seen.width, remedy=remedy)


def _side(tokens: list[str], placement: str, layout: Layout, where: str) -> Side:
    numbers = [printed(token) for token in tokens[:3]]
    wrong = tokens[3].rstrip("*")
    if None in numbers or (wrong != MISSING and printed(wrong) is None):
        bad = [token for token, number in zip(tokens, numbers, strict=False) if number is None]
        raise ContentError(where, "result columns must be numbers", got=(bad or tokens[3:])[0])
    time, algbw, busbw = (number for number in numbers if number is not None)
    exact = not layout.processor and "e" not in tokens[0].lower()
    if exact and float(tokens[0]) <= 0:
        raise ContentError(where, "times must be > 0", got=tokens[0])
    return Side(
        placement=placement, time_s=ANY_TIME if layout.processor else time.times(layout.unit_s), algbw=algbw,
        busbw=busbw, printed_s=float(tokens[0]) * layout.unit_s if exact else 0.0, wrong=tokens[3],
    )  # fmt: skip
