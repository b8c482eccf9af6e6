"""Blocks of the Intel MPI Benchmarks: a benchmark, its processes, the headings of its columns, its rows."""

import re
from dataclasses import dataclass, field
from itertools import pairwise

from nearlinear.calibrate.importers.lines import bare
from nearlinear.calibrate.importers.participants import Launch, launch_of
from nearlinear.calibrate.importers.printed import decimals, printed, whole
from nearlinear.models.errors import ContentError

BENCHMARK = re.compile(r"#?\s*Benchmarking\s+(\w+)")
PROCESSES = re.compile(r"#\s*\(?\s*#processes = (\d{1,9})")
GROUPS = re.compile(r"\( (\d{1,9}) groups of (\d{1,9}) processes each")
DTYPE = re.compile(r"# MPI_Datatype( for reductions)?\s*:\s*(\w+)")
SUITE = re.compile(r"(Intel\(R\) MPI Benchmark\S*(?: Suite)? \S+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row: its line, benchmark, processes, groups at once, and its other columns by heading."""

    where: str
    benchmark: str
    processes: int
    groups: int
    launch: Launch | None
    cells: dict[str, str]

    @property
    def size_bytes(self) -> int:
        """What ``#bytes`` says; 0 for a benchmark without sizes."""
        return int(self.cells.get("#bytes", "0"))


@dataclass(slots=True, kw_only=True)
class Log:
    """What was read, and where reading is."""

    rows: list[Row] = field(default_factory=list)
    benchmark: str = ""
    processes: int = 0
    groups: int = 1
    columns: list[str] = field(default_factory=list)
    block: int = 0
    launch: Launch | None = None
    types: dict[str, str] = field(default_factory=dict)
    versions: list[str] = field(default_factory=list)
    skipped: int = 0
    complete: bool = False


def read_log(text: str, where: str) -> Log:
    """Return the rows of a log with what the lines above them say.

    Raises
    ------
    ContentError
        A row that is no row of its block; names the line.
    """
    log = Log()
    for number, raw in enumerate(text.splitlines(), start=1):
        line = bare(raw).strip()
        if "#repetitions" in line:
            log.columns, log.block = line.split(), len(log.rows)
        elif BENCHMARK.match(line) and "List of" not in line:
            log.benchmark, log.columns = BENCHMARK.match(line)[1], []  # type: ignore[index]
            log.groups = 1
        elif line.startswith("#"):
            _comment(line, log)
        elif line and log.columns and _is_row(line.split(), log):
            log.rows.append(_row(line.split(), log, f"{where}:{number}"))
        elif line:
            log.launch = launch_of(line) or log.launch
            log.skipped += 1
    return log


def _comment(line: str, log: Log) -> None:
    processes, groups, dtype, suite = (p.search(line) for p in (PROCESSES, GROUPS, DTYPE, SUITE))
    if processes:
        log.processes, log.groups = int(processes[1]), 1
    if groups:
        log.groups, log.processes = int(groups[1]), int(groups[2])
    if dtype:
        log.types["adding" if dtype[1] else "moving"] = dtype[2]
    if suite:
        log.versions.append(suite[1].rstrip(","))
    log.complete |= "entering MPI_Finalize" in line


def _named(log: Log) -> bool:
    """Return whether rows start with the name of their benchmark, as they do in some forms of -multi."""
    return bool(log.columns) and log.columns[0].lstrip("#") in ("Benchmarking", "Benchmark")


def _is_row(tokens: list[str], log: Log) -> bool:
    numbers = tokens[1:] if _named(log) else tokens
    good = sum(printed(token) is not None for token in numbers)
    return good == len(numbers) > 0 or (len(tokens) == len(log.columns) and good >= len(numbers) - 1)


def _row(tokens: list[str], log: Log, place: str) -> Row:
    if len(tokens) != len(log.columns):
        remedy = "cut off? remove the line or run again; nothing was read"
        raise ContentError(place, f"must have {len(log.columns)} columns", got=len(tokens), remedy=remedy)
    cells = dict(zip(log.columns, tokens, strict=True))
    name = cells.pop(log.columns[0]) if _named(log) else log.benchmark
    before = log.rows[-1].cells if len(log.rows) > log.block else {}
    for column, token in cells.items():
        _check_cell(column, token, before.get(column), place)
    row = Row(where=place, benchmark=name, processes=int(cells.get("#procs", log.processes)),
              groups=log.groups, launch=log.launch, cells=cells)  # fmt: skip
    _check_order(row, log)
    return row


def _check_cell(column: str, token: str, before: str | None, place: str) -> None:
    counted = column in ("#bytes", "#repetitions", "#procs", "Group")
    if printed(token) is None or (counted and whole(token) is None):
        raise ContentError(place, "must be a number", field=column, got=token)
    expected = 0 if counted else decimals(before) if before else 2
    if decimals(token) != expected:
        told = f"must have {expected} decimals like the rest of its column"
        raise ContentError(place, told, field=column, got=token)


def _check_order(row: Row, log: Log) -> None:
    spans = [printed(row.cells[n]) for n in ("t_min[usec]", "t_avg[usec]", "t_max[usec]") if n in row.cells]
    known = [span for span in spans if span is not None]
    if any(less.low > more.high for less, more in pairwise(known)):
        raise ContentError(row.where, "must have t_min <= t_avg <= t_max", got=list(row.cells.values()))
    last = log.rows[-1] if len(log.rows) > log.block else None
    rises = not {"Group", "#procs"} & row.cells.keys() and "#bytes" in row.cells
    if last and rises and last.benchmark == row.benchmark and row.size_bytes <= last.size_bytes:
        told = f"must be above {last.size_bytes}"
        raise ContentError(row.where, told, field="#bytes", got=row.size_bytes)
