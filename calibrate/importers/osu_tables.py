"""Tables of the OSU micro-benchmarks and of mpi4py's ``demo/osu``: title, columns, rows.

Notes
-----
What can be checked: every size is a power of two times the one before, numbers of a column have equally
many decimals, a least is not above the mean, nor the mean above the most, a rate of messages times their
size is the bandwidth, validation says Pass or Fail. A lone latency or bandwidth has no redundancy: a digit
that was changed for another one is not noticed.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from nearlinear.calibrate.importers.lines import bare
from nearlinear.calibrate.importers.participants import Launch, launch_of
from nearlinear.calibrate.importers.printed import Range, decimals, printed, whole
from nearlinear.models.errors import ContentError

TITLE = re.compile(r"^#\s+(?:OSU\s+)?(MPI|NCCL|RCCL|xCCL)(-\w+)?\s+(.+?)\s+Test\b(?:\s+v?([\d.]+))?")
NAME = re.compile(
    r"(?:[A-Za-z_.]+ )*(?:P\d+ )?[A-Za-z_.]+ ?[(\[][^)\]]*[)\]]|Validation|Iterations|MB/s|Messages/s"
)
VERDICTS = {"Pass": True, "Fail": False}
PAIRS = re.compile(r"\[ pairs: (\d{1,9}) \]")
TYPE = re.compile(r"# Datatype: (\w+)")
WHOLE = ("iterations", "validation")  # columns without decimals


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row: its size, and the other columns by name.

    Attributes
    ----------
    where : str
        Its line.
    size_bytes : int
        0 where a table has no sizes.
    cells : dict
        Tokens by the names of columns in small letters: ``latency``, ``avglatency``, ``bandwidth`` …
    """

    where: str
    size_bytes: int
    cells: dict[str, str]

    def range(self, name: str) -> Range | None:
        """Return what a column can stand for, ``None`` where the table has it not."""
        return printed(self.cells[name]) if name in self.cells else None


@dataclass(slots=True, kw_only=True)
class Table:
    """One test as it was printed."""

    where: str
    library: str
    device: bool
    test: str
    version: str
    launch: Launch | None = None
    pairs: int = 0
    dtype: str = ""
    columns: list[str] = field(default_factory=list)
    sized: bool = True
    rows: list[Row] = field(default_factory=list)


def read_tables(text: str, where: str) -> tuple[list[Table], int, str]:
    """Return the tables of a log, how many other lines there are, and the first failure of them.

    Raises
    ------
    ContentError
        A row that is no row of its table; names the line.
    """
    tables: list[Table] = []
    launch, skipped, failure = None, 0, ""
    for number, raw in enumerate(text.splitlines(), start=1):
        line, place = bare(raw).strip(), f"{where}:{number}"
        title = TITLE.match(line)
        if title:
            tables.append(_table(title, place, launch))
        elif line.startswith("#") and tables:
            _comment(line, tables[-1])
        elif line and tables and tables[-1].columns and _is_row(line.split(), tables[-1]):
            tables[-1].rows.append(_row(line.split(), tables[-1], place))
        elif line:
            launch = launch_of(line) or launch
            skipped += 1
            failure = failure or (line[:80] if re.search(r"Signal:|error|ERROR|[Aa]bort", line) else "")
    return tables, skipped, failure


def _table(title: "re.Match[str]", place: str, launch: Launch | None) -> Table:
    library, suffix, test, version = title.groups()
    device = (suffix or "").upper() in ("-CUDA", "-ROCM", "-OPENACC")
    return Table(where=place, library=library, device=device, test=test, version=version or "", launch=launch)


def _comment(line: str, table: Table) -> None:
    pairs, dtype = PAIRS.search(line), TYPE.match(line)
    if pairs:
        table.pairs = int(pairs[1])
    elif dtype:
        table.dtype = dtype[1]
    elif "Send Buffer on HOST" in line and "Receive Buffer on HOST" in line:
        table.device = False
    elif not table.rows and NAME.search(line) and not line.startswith("# Overall ="):
        table.sized = bool(re.match(r"#\s*Size\b", line))
        names = NAME.findall(re.sub(r"^#\s*(?:Size(?: \[B\])?)?", "", line))
        table.columns = [_plain(name) for name in names]


def _plain(name: str) -> str:
    """Return the name of a column without its unit: ``avglatency`` of ``Avg Latency(us)``.

    A bandwidth in other units is another column, which no test has.
    """
    text = re.sub(r"\s*[(\[](us|MB/s|%)[)\]]$", "", name.strip())
    return re.sub(r"[ .]", "", text.lower())


def _is_row(tokens: Sequence[str], table: Table) -> bool:
    """Return whether a line is a row, whole or damaged, and not a line of another program."""
    numbers = [printed(token) is not None or token in VERDICTS for token in tokens]
    expected = len(table.columns) + table.sized
    if len(tokens) == expected and expected > 1:
        return numbers[0] or (any(c.isdigit() for c in tokens[0]) and all(numbers[1:]))
    return all(numbers)


def _row(tokens: Sequence[str], table: Table, place: str) -> Row:
    expected = len(table.columns) + table.sized
    if len(tokens) != expected:
        remedy = "cut off? remove the line or run again; nothing was read"
        raise ContentError(place, f"must have {expected} columns", got=len(tokens), remedy=remedy)
    size = whole(tokens[0]) if table.sized else 0
    if size is None:
        raise ContentError(place, "must start with a size", got=tokens[0])
    cells = dict(zip(table.columns, tokens[table.sized :], strict=True))
    for name, token in cells.items():
        _check_cell(name, token, table, place)
    row = Row(where=place, size_bytes=size, cells=cells)
    _check_size(row, table)
    _check_order(row)
    return row


def _check_cell(name: str, token: str, table: Table, place: str) -> None:
    if name == "validation":
        if token not in VERDICTS:
            raise ContentError(place, "must be Pass or Fail", field=name, got=token)
        return
    if printed(token) is None:
        raise ContentError(place, "must be a number", field=name, got=token)
    expected = 0 if name in WHOLE else decimals(table.rows[0].cells[name]) if table.rows else 2
    if decimals(token) != expected:
        told = f"must have {expected} decimals like the rest of its column"
        raise ContentError(place, told, field=name, got=token)


def _check_size(row: Row, table: Table) -> None:
    """Refuse a size that no sweep reaches: they double, with gaps where somebody took rows out."""
    if not table.rows or not table.sized:
        return
    last = table.rows[-1].size_bytes
    times, rest = divmod(row.size_bytes, last or 1)
    if row.size_bytes <= last or rest or times & (times - 1):
        remedy = "sizes of a table double; are two tables run together?"
        raise ContentError(row.where, f"must be {last} times a power of two", field="size",
                           got=row.size_bytes, remedy=remedy)  # fmt: skip


def _check_order(row: Row) -> None:
    """Refuse a least above the mean, or a mean above the most."""
    spans = [row.range(name) for name in ("minlatency", "avglatency", "maxlatency")]
    known = [span for span in spans if span is not None]
    for less, more in pairwise(known):
        if less.low > more.high:
            raise ContentError(row.where, "must have least <= mean <= most", got=list(row.cells.values()))


def used(rows: Sequence[Row], name: str) -> Iterator[tuple[Row, Range]]:
    """Yield rows with what a column stands for, where that is above 0."""
    for row in rows:
        span = row.range(name)
        if span is not None and span.low > 0:
            yield row, span
