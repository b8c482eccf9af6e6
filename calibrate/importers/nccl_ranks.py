"""Which collective a run of nccl-tests is, on how many ranks and nodes, and whether its rows agree with it.

Every row says the same several times: size = count x item (x ranks for gather-like collectives), algbw =
size / time, busbw = algbw x factor. So ranks and mostly the collective follow from the rows where nothing
names them, and a row that says two things is found.

Notes
-----
A number is checked as far as digits are printed: where a small size has ``algbw`` 0.00, only times that
would give more than 0.005 GB/s are noticed to be wrong.
"""

from collections.abc import Iterable, Sequence

from nearlinear.calibrate.importers.imported import Hints
from nearlinear.calibrate.importers.names import (
    ADDING,
    CUT,
    ITEM_BYTES,
    asked_collective,
    bus_factor,
    collective_named,
)
from nearlinear.calibrate.importers.nccl_rows import Row, Side
from nearlinear.calibrate.importers.nccl_runs import Run
from nearlinear.calibrate.importers.printed import Range
from nearlinear.models.errors import ContentError
from nearlinear.models.units import GB

OLD = "bandwidths as nccl-tests defined them until 2020: algbw counts the parts of other ranks only"
FULL_NODE = 8  # GPUs of a DGX, HGX or cloud node
FITTING = 60  # numbers of ranks that a row may fit and still tell something


def collective_of(run: Run, hints: Hints, where: str) -> tuple[str, str]:
    """Return the collective and, where it was inferred, how.

    Raises
    ------
    ContentError
        Nothing tells.
    """
    if hints.collective:
        return asked_collective(hints.collective), ""
    stated = next((collective_named(name) for name in run.collectives), None)
    if stated:
        return stated, ""
    adds = any(row.operator not in ("", "none") for row in run.rows)
    rooted = any(row.root >= 0 for row in run.rows)
    parts = _parts(run.rows) > 1
    found = {(True, False, False): "allreduce", (True, True, False): "reduce",
             (True, False, True): "reduce-scatter", (False, True, False): "broadcast"}.get(
        (adds, rooted, parts))  # fmt: skip
    if found is None:
        remedy = "say --collective allgather, alltoall or whatever it was"
        raise ContentError(where, "the log does not say which collective was run", remedy=remedy)
    return found, f"collective inferred from its columns: {found}"


def ranks_of(run: Run, operation: str, hints: Hints, where: str) -> tuple[int, str]:
    """Return the number of ranks and what says it.

    Raises
    ------
    ContentError
        Nothing tells, or several numbers fit.
    """
    listed = {device.rank for device in run.devices}
    groups = len({device.group for device in run.devices})
    if hints.ranks:
        return hints.ranks, "--ranks"
    if listed and listed == set(range(len(listed))) and not run.elided:
        return len(listed) // groups, "list of devices"
    if operation in CUT and _parts(run.rows) > 1:
        return _parts(run.rows), "size over count"
    found = _fitting(run.rows, operation)
    last = max(listed, default=-1) + 1
    if last and last in (found or [last]):
        return last, "last rank listed"
    full = [count for count in found if count % (hints.per_node or FULL_NODE) == 0]
    if len(found) > 1 and len(full) == 1:
        return full[0], f"busbw / algbw, which {found[0]} to {found[-1]} fit, with full nodes"
    if len(found) != 1:
        told = f", {found[0]} to {found[-1]} fit" if found else ""
        remedy = "say --ranks 8"
        raise ContentError(where, f"the log does not say how many ranks took part{told}", remedy=remedy)
    return found[0], "busbw / algbw"


def check_rows(rows: Sequence[Row], operation: str, ranks: int) -> str:
    """Return a note where bandwidths have their old meaning; refuse rows that contradict themselves.

    Raises
    ------
    ContentError
        Names the first row that does not fit, and what would.
    """
    base = (ranks - 1) / ranks
    error = _first(rows, operation, ranks, 1.0)
    if error is None:
        return ""
    older = operation in CUT and _first(rows, operation, ranks, base) is None
    if operation == "hypercube" and older:
        return ""
    if older:
        return OLD
    raise error


def _parts(rows: Iterable[Row]) -> int:
    """Return how often the count goes into the size in most rows; 1 where there is no count."""
    found = [row.size_bytes // (row.count * ITEM_BYTES[row.dtype]) for row in rows if row.count]
    return max(set(found), key=found.count, default=1)


def _fitting(rows: Iterable[Row], operation: str) -> list[int]:
    """Return the numbers of ranks that fit most rows, by busbw over algbw."""
    sides = [(row, side) for row in rows for side in row.sides if side.algbw.low > 0]
    if operation == "allreduce":
        spans = [_span(row, side) for row, side in sides]
    else:
        spans = [_span(row, side).times(2.0) for row, side in sides] if bus_factor(operation, 2) < 1 else []
    spans = [span for span in spans if 0 < span.high < 2.0]
    if not spans:
        return []
    sharpest = sorted(spans, key=lambda span: span.high - span.low)[:5]
    tried = {n for span in sharpest for n in _counts(span)}
    votes = {n: sum(span.meets(Range(f, f)) for span in spans) for n in tried for f in [2 * (n - 1) / n]}
    most = max(votes.values(), default=0)
    return sorted(n for n, count in votes.items() if count == most)


def _span(row: Row, side: Side) -> Range:
    """Return busbw over algbw as far as it is printed; time tells algbw best."""
    algbw = side.algbw
    by_time = side.time_s.under(row.size_bytes / GB)
    algbw = algbw.both(by_time) if algbw.meets(by_time) else algbw
    return Range(side.busbw.low / algbw.high, side.busbw.high / algbw.low)


def _counts(span: Range) -> list[int]:
    """Return the n whose 2(n-1)/n lies in a range, some beyond them, too."""
    least = max(int(2 / (2 - span.low)), 1)
    return list(range(least, min(round(2 / (2 - span.high)) + 2, least + FITTING)))


def _first(rows: Iterable[Row], operation: str, ranks: int, base: float) -> ContentError | None:
    for row in rows:
        error = _size(row, operation, ranks)
        for side in row.sides if row.size_bytes else ():
            error = error or _bandwidths(row, side, operation, ranks, base)
        if error:
            return error
    return None


def _size(row: Row, operation: str, ranks: int) -> ContentError | None:
    parts = ranks if operation in CUT else 1
    expected = row.count * ITEM_BYTES[row.dtype] * parts
    if operation == "alltoallv" or row.size_bytes == expected:
        return None
    each = f", once for each of {ranks} ranks" if parts > 1 else ""
    return ContentError(row.where, f"size must be count times {row.dtype}{each}: {expected}",
                        got=row.size_bytes, remedy=f"was it {operation}?")  # fmt: skip


def _bandwidths(row: Row, side: Side, operation: str, ranks: int, base: float) -> ContentError | None:
    by_time = side.time_s.under(row.size_bytes * base / GB)
    if not side.algbw.meets(by_time):
        told = f"algbw must be size over time, {by_time.middle:.2f} GB/s"
        remedy = "is this a log of nccl-tests?"
        return ContentError(row.where, told, got=side.algbw.middle, remedy=remedy)
    algbw = side.algbw.both(by_time)
    factor = bus_factor(operation, ranks) if base == 1.0 else 1.0
    if side.busbw.meets(algbw.times(factor)):
        return None
    rule = f"busbw must be {factor:.4g} times algbw for {operation} of {ranks} ranks, "
    what = "--ranks or --collective" if operation not in ADDING else "--ranks"
    return ContentError(row.where, f"{rule}{algbw.middle * factor:.2f} GB/s", got=side.busbw.middle,
                        remedy=f"does {what} say what was run?")  # fmt: skip
