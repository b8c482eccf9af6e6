"""Intel MPI Benchmarks (IMB-MPI1 and IMB-NBC): blocks of one benchmark and number of processes.

Times are ``t_avg``, the mean over ranks, or ``t`` of two ranks; of non-blocking collectives ``t_pure``.
Sizes are the part of one rank and become the larger vector of a rank. Mbytes are 1e6 or, until version 4,
2**20 bytes, and the same for all rows.

Notes
-----
What can be checked: ``t_min <= t_avg <= t_max``, Mbytes/sec is size over time where it stands there, sizes
rise, numbers of a column have equally many decimals. A mean that stays between least and most and has no
rate beside it has no redundancy.

References
----------
intel/mpi-benchmarks, src_cpp and the user guide.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise

from nearlinear.calibrate.importers.imported import Hints, Imported, numbered
from nearlinear.calibrate.importers.lines import bare
from nearlinear.calibrate.importers.names import ADDING, collective_named, larger_buffer, type_named
from nearlinear.calibrate.importers.participants import Launch, launch_of, participants
from nearlinear.calibrate.importers.printed import decimals, printed
from nearlinear.measure.records import Sample
from nearlinear.models.errors import ContentError
from nearlinear.models.units import MB, MIB, MICROSECOND

BENCHMARK = re.compile(r"#?\s*Benchmarking\s+(\w+)")
PROCESSES = re.compile(r"#\s*\(?\s*#processes = (\d+)")
GROUPS = re.compile(r"\( (\d+) groups of (\d+) processes each")
DTYPE = re.compile(r"# MPI_Datatype( for reductions)?\s*:\s*(\w+)")
SUITE = re.compile(r"(Intel\(R\) MPI Benchmark\S*(?: Suite)? \S+)")
# Messages that a rank has in flight while t passes: what Mbytes/sec counts
MESSAGES = {"pingpong": ("sendrecv", 1), "pingping": ("pingping", 1), "sendrecv": ("sendrecv-ring", 2),
            "exchange": ("exchange", 4)}  # fmt: skip
TIME_COLUMNS = ("t_pure[usec]", "t_avg[usec]", "t[usec]")
RATE = "Mbytes/sec"


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


def sniff(text: str) -> bool:
    """Return whether a text holds a heading of these benchmarks."""
    return "#repetitions" in text and "[usec]" in text


def parse(text: str, where: str, hints: Hints) -> Imported:
    """Return the samples of a log.

    Raises
    ------
    ContentError
        A row that contradicts itself, no row at all, or ranks that neither the log nor the hints tell.
    """
    log = _read(text, where)
    known = [row for row in log.rows if operation_of(row)]
    if not known:
        raise ContentError(where, "has no result rows", remedy="did the run fail? nothing was read")
    _check_rates(known)
    samples = numbered(_samples(known, log, hints))
    if not samples:
        raise ContentError(known[0].where, "must hold a time of some bytes", remedy="nothing was read")
    return Imported(
        path=where, format="imb", samples=samples, notes=tuple(_notes(log, known, len(samples))),
        header={"versions": log.versions}, rows=len(samples), skipped=len(log.rows) - len(samples),
        known_from="#processes" if not hints.ranks else "--ranks",
    )  # fmt: skip


def operation_of(row: Row) -> str:
    """Return the operation of a row, empty for a benchmark that is not read.

    Benchmarks of several groups at once are operations of their own: they share links.
    """
    name = row.benchmark.lower()
    if not any(column in row.cells for column in TIME_COLUMNS):
        return ""
    alone = MESSAGES[name][0] if name in MESSAGES else collective_named(name) or ""
    if "t_pure[usec]" in row.cells:
        found = collective_named(name.removeprefix("i").removesuffix("_pure"))
        alone = f"i{found}" if found else ""
    if row.groups == 1 or not alone:
        return alone
    return "contention" if alone == "sendrecv" else f"multi-{alone}"


def _read(text: str, where: str) -> Log:
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
    whole = column in ("#bytes", "#repetitions", "#procs", "Group")
    if printed(token) is None or (whole and not token.isdigit()):
        raise ContentError(place, "must be a number", field=column, got=token)
    expected = 0 if whole else decimals(before) if before else 2
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


def _check_rates(rows: list[Row]) -> None:
    """Refuse a row whose Mbytes/sec is not size over time, in the unit of the others."""
    units = {float(MB), float(MIB)}
    for row in rows:
        rate = printed(row.cells.get(RATE, ""))
        count = MESSAGES.get(row.benchmark.lower(), ("", 0))[1]
        time = printed(row.cells.get("t_max[usec]", row.cells.get("t[usec]", "")))
        if rate is None or time is None or not count:
            continue
        moved = time.times(MICROSECOND).under(count * row.size_bytes)
        units = {unit for unit in units if rate.meets(moved.times(1 / unit))}
        if not units:
            told = f"Mbytes/sec must be {count} x size over time, {moved.middle / MB:.2f}"
            raise ContentError(row.where, told, got=rate.middle)


def _samples(rows: list[Row], log: Log, hints: Hints) -> Iterator[Sample]:
    for row in rows:
        operation, whole = operation_of(row), row.benchmark.lower() in (*MESSAGES, "barrier", "ibarrier")
        ranks = row.processes * (row.groups if operation == "contention" else 1)
        who = participants(row.where, hints, row.launch, ranks, "#processes")
        column = next(column for column in TIME_COLUMNS if column in row.cells)
        time_s = float(row.cells[column]) * MICROSECOND
        if time_s > 0 and (row.size_bytes or whole):
            plain = operation.removeprefix("multi-").removeprefix("i")
            yield Sample(
                operation=operation, algorithm="vendor", transport="mpi-host", dtype=_dtype(plain, log),
                placement="out", size_bytes=larger_buffer(plain, row.size_bytes, row.processes),
                ranks=who.ranks, nodes=who.nodes, repetition=0, mode="individual", statistic="mean",
                time_s=time_s,
            )  # fmt: skip


def _dtype(operation: str, log: Log) -> str:
    adds = operation in ADDING
    stated = type_named(log.types.get("adding" if adds else "moving", ""))
    return stated or ("float32" if adds else "int8")


def _notes(log: Log, known: list[Row], count: int) -> Iterator[str]:
    unread = dict.fromkeys(row.benchmark for row in log.rows if not operation_of(row))
    if unread:
        yield f"benchmarks not read: {', '.join(unread)}"
    if len(known) > count:
        yield f"rows of 0 bytes or no time left out: {len(known) - count}"
    once = sum(row.cells.get("#repetitions") == "1" for row in known)
    if once:
        yield f"rows of one repetition: {once}"
    if any(row.groups > 1 for row in known):
        yield "groups at once are operations of their own: contention, multi-…"
    if not log.complete:
        yield f"no footer: the run was cut off or edited after line {known[-1].where.rpartition(':')[2]}"
    if log.skipped:
        yield f"lines of other programs skipped: {log.skipped}"
