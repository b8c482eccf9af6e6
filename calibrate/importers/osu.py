"""OSU micro-benchmarks 5 to 7, and mpi4py's ``demo/osu``.

A latency of two ranks is half of a message there and back; collectives are timed one by one and averaged
over ranks; bandwidths become the time of one message of the window. Sizes are the part of one rank and
become the larger vector of a rank. MB are 1e6 bytes. The output holds no number of ranks and no host.

References
----------
OSU micro-benchmarks, mvapich.cse.ohio-state.edu/benchmarks; mpi4py, demo/osu.
"""

from collections.abc import Iterator

from nearlinear.calibrate.importers.imported import Hints, Imported, numbered, skips, spikes
from nearlinear.calibrate.importers.lines import bare
from nearlinear.calibrate.importers.names import (
    ADDING,
    CUT,
    collective_named,
    larger_buffer,
    type_named,
)
from nearlinear.calibrate.importers.osu_tables import TITLE, VERDICTS, Row, Table, read_tables, used
from nearlinear.calibrate.importers.participants import Participants, participants
from nearlinear.calibrate.importers.printed import Range
from nearlinear.measure.records import Sample
from nearlinear.models.errors import ContentError
from nearlinear.models.units import MB, MICROSECOND

MESSAGES = {
    "latency": "sendrecv", "bandwidth": "bandwidth", "bidirectionalbandwidth": "bidirectional",
    "multiplebandwidthmessagerate": "contention",
}  # fmt: skip
LONG_NAMES = {"alltoallpersonalizedexchange": "alltoall", "alltoallvpersonalizedexchange": "alltoallv"}
RATES = ("bandwidth", "mb/s")
TIMES = ("purecomm", "avglatency", "latency")
COARSE = 0.02  # half a unit of the last digit, relative: said in the notes


def sniff(text: str) -> bool:
    """Return whether a text holds the title of one of these tests."""
    found = (TITLE.match(bare(line).strip()) for line in text.splitlines() if "Test" in line)
    return any(title is not None and _known(title[3]) for title in found)


def parse(text: str, where: str, hints: Hints) -> Imported:
    """Return the samples of a log.

    Raises
    ------
    ContentError
        A row that contradicts itself or its table, no row at all, or a number of ranks or nodes that
        neither the log nor the hints tell.
    """
    tables, skipped, failure = read_tables(text, where)
    measured = [table for table in tables if table.rows and operation_of(table.test)]
    if not measured:
        why = f" ({failure})" if failure else ""
        raise ContentError(where, f"has no result rows{why}", remedy="did the run fail? nothing was read")
    found = [(table, _participants(table, hints)) for table in measured]
    samples = numbered(sample for table, who in found for sample in _samples(table, who))
    if not samples:
        raise ContentError(measured[0].rows[0].where, "must hold a time above 0", remedy="nothing was read")
    rows = sum(len(table.rows) for table in tables)
    return Imported(
        path=where, format="osu", samples=samples, notes=tuple(_notes(tables, found, skipped, failure)),
        header={"versions": sorted({f"osu {table.version}" for table in measured if table.version})},
        rows=len(samples), skipped=rows - len(samples),
        known_from=", ".join(dict.fromkeys(who.known_from for _, who in found)),
    )  # fmt: skip


def operation_of(test: str) -> str:
    """Return the operation of a test's title, empty for one that is not read.

    Examples
    --------
    >>> operation_of("Allreduce Latency"), operation_of("Non-blocking All-to-All Latency")
    ('allreduce', 'ialltoall')
    >>> operation_of("Latency"), operation_of("MPI_Put Latency")
    ('sendrecv', '')
    """
    letters = "".join(c for c in test.lower() if c.isalnum())
    if letters in MESSAGES:
        return MESSAGES[letters]
    blocking = letters.removeprefix("nonblocking")
    name = blocking.removesuffix("latency")
    found = collective_named(LONG_NAMES.get(name, name)) if name != blocking or name == "barrier" else None
    return ("i" if blocking != letters else "") + found if found else ""


def _known(test: str) -> bool:
    return bool(operation_of(test)) or "Latency" in test or "Bandwidth" in test


def _participants(table: Table, hints: Hints) -> Participants:
    if operation_of(table.test) in MESSAGES.values():
        ranks = 2 * table.pairs or 2
        return participants(table.where, hints, table.launch, ranks, "the test" if ranks == 2 else "pairs")
    return participants(table.where, hints, table.launch)


def _samples(table: Table, who: Participants) -> Iterator[Sample]:
    operation = operation_of(table.test)
    blocking = operation[1:] if "Non-blocking" in table.test else operation
    pipelined = operation in ("bandwidth", "bidirectional", "contention")
    for row in table.rows:
        time_s = _time_s(row, table, operation, who.ranks)
        if time_s > 0 and (row.size_bytes or blocking not in (*CUT, *ADDING, "broadcast")):
            yield Sample(
                operation=operation, algorithm="vendor", transport=_transport(table),
                dtype=_dtype(table, blocking), placement="out", ranks=who.ranks, nodes=who.nodes,
                size_bytes=larger_buffer(blocking, row.size_bytes, who.ranks), repetition=0,
                mode="pipelined" if pipelined else "individual", statistic="mean", time_s=time_s,
                correct=VERDICTS.get(row.cells.get("validation", "")),
            )  # fmt: skip


def _time_s(row: Row, table: Table, operation: str, ranks: int) -> float:
    """Return the time of a row, 0 where it has none."""
    name = next((name for name in TIMES if name in row.cells), None)
    if name:
        return float(row.cells[name]) * MICROSECOND
    rate = next((row.range(name) for name in RATES if name in row.cells), None)
    if rate is None or not row.size_bytes:
        return 0.0
    moved = row.size_bytes * {"bidirectional": 2, "contention": ranks // 2}.get(operation, 1)
    messages = row.range("messages/s")
    if messages is not None:
        by_rate = messages.times(row.size_bytes / MB)
        if not rate.meets(by_rate):
            raise ContentError(row.where, f"MB/s must be size times messages/s, {by_rate.middle:.2f}",
                               got=rate.middle)  # fmt: skip
        rate = rate.both(by_rate)
        return rate.under(moved / MB).middle if rate.low > 0 else 0.0
    token = next(row.cells[name] for name in RATES if name in row.cells)
    return moved / (float(token) * MB) if float(token) > 0 else 0.0


def _transport(table: Table) -> str:
    if table.library != "MPI":
        return "nccl"
    return "mpi-cuda" if table.device else "mpi-host"


def _dtype(table: Table, operation: str) -> str:
    """Return the type that is stated, else floats where something is added and bytes elsewhere."""
    return type_named(table.dtype) or ("float32" if operation in ADDING else "int8")


def _notes(
    tables: list[Table], found: list[tuple[Table, Participants]], skipped: int, failure: str
) -> Iterator[str]:
    by_words = [(table.test, who) for table, who in found if "launcher" in who.known_from]
    for test, who in dict.fromkeys(by_words):
        yield f"{test}: {who.ranks} ranks on {who.nodes} nodes by {who.known_from}"
    unread = dict.fromkeys(table.test for table in tables if table.rows and not operation_of(table.test))
    if unread:
        yield f"tests not read: {', '.join(unread)}"
    coarse = sum(_coarse(table) for table, _ in found)
    if coarse:
        yield f"rates printed with one or two digits only: {coarse}"
    gaps = sum(skips([row.size_bytes for row in table.rows]) for table, _ in found)
    if gaps:
        yield f"sizes that are not twice the one before: {gaps}"
    far = sum(spikes(_points(table, who)) for table, who in found)
    if far:
        yield f"doubtful: times far from those of half and twice the size: {far}"
    if any(not table.rows for table in tables):
        yield f"tests without rows: {sum(not table.rows for table in tables)}"
    if failure:
        yield f"the log reports: {failure}"
    if skipped:
        yield f"lines of other programs skipped: {skipped}"


def _points(table: Table, who: Participants) -> list[tuple[int, float]]:
    operation = operation_of(table.test)
    return [(row.size_bytes, _time_s(row, table, operation, who.ranks)) for row in table.rows]


def _coarse(table: Table) -> int:
    name = next((name for name in RATES if name in table.columns), "")
    finer = "messages/s" in table.columns
    return 0 if finer else sum(_is_coarse(span) for _, span in used(table.rows, name))


def _is_coarse(span: Range) -> bool:
    return span.width > COARSE
