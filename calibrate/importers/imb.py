"""Intel MPI Benchmarks (IMB-MPI1 and IMB-NBC): blocks of one benchmark and number of processes.

Times are ``t_avg``, the mean over ranks, or ``t`` of two ranks; of non-blocking collectives ``t_pure``.
Sizes are the part of one rank and become the larger vector of a rank. Mbytes are 1e6 or, until version 4,
2**20 bytes, and the same for all rows.

Notes
-----
What can be checked: ``t_min <= t_avg <= t_max``, Mbytes/sec is size over time where it stands there, sizes
rise, numbers of a column have equally many decimals. A mean that stays between least and most and has no
rate beside it has no redundancy, nor has the time of a message of 0 bytes. Time and rate that changed
places still fit each other, but stand far from those of half and twice the size, which a note tells.

References
----------
intel/mpi-benchmarks, src_cpp and the user guide.
"""

from collections.abc import Iterator
from typing import Any

from nearlinear.calibrate.importers.imb_blocks import Log, Row, read_log
from nearlinear.calibrate.importers.imported import Hints, Imported, numbered, skips, spikes
from nearlinear.calibrate.importers.names import ADDING, collective_named, larger_buffer, type_named
from nearlinear.calibrate.importers.participants import participants
from nearlinear.calibrate.importers.printed import printed
from nearlinear.measure.records import Sample
from nearlinear.models.errors import ContentError
from nearlinear.models.units import MB, MIB, MICROSECOND

# Messages that a rank has in flight while t passes: what Mbytes/sec counts
MESSAGES = {"pingpong": ("sendrecv", 1), "pingping": ("pingping", 1), "sendrecv": ("sendrecv-ring", 2),
            "exchange": ("exchange", 4)}  # fmt: skip
TIME_COLUMNS = ("t_pure[usec]", "t_avg[usec]", "t[usec]")
RATE = "Mbytes/sec"


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
    log = read_log(text, where)
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


def _points(rows: list[Row]) -> list[tuple[int, float]]:
    return [
        (row.size_bytes, float(row.cells[name])) for row in rows for name in TIME_COLUMNS if name in row.cells
    ]


def _blocks(rows: list[Row]) -> Iterator[list[Row]]:
    """Yield rows of one benchmark, number of processes and group."""

    def block(row: Row) -> tuple[Any, ...]:
        return row.benchmark, row.processes, row.groups, row.cells.get("Group", "")

    for key in dict.fromkeys(map(block, rows)):
        yield [row for row in rows if block(row) == key]


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
    gaps = sum(
        skips([row.size_bytes for row in block if row.size_bytes])
        for block in _blocks(known)
        if "#bytes" in block[0].cells
    )
    if gaps:
        yield f"sizes that are not twice the one before: {gaps}"
    far = sum(spikes(_points(block)) for block in _blocks(known))
    if far:
        yield f"doubtful: times far from those of half and twice the size: {far}"
    once = sum(row.cells.get("#repetitions") == "1" for row in known)
    if once:
        yield f"rows of one repetition: {once}"
    if any(row.groups > 1 for row in known):
        yield "groups at once are operations of their own: contention, multi-…"
    if not log.complete:
        yield f"no footer: the run was cut off or edited after line {known[-1].where.rpartition(':')[2]}"
    if log.skipped:
        yield f"lines of other programs skipped: {log.skipped}"
