"""Tables of collectives in the columns of nccl-tests; what those do not have stands in comment lines."""

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

from nearlinear.calibrate.importers.names import ADDING, CUT, ITEM_BYTES
from nearlinear.reports.measured import Summary, band_us, rate_text

TESTS = {
    "allreduce": "all_reduce_perf", "reduce-scatter": "reduce_scatter_perf", "allgather": "all_gather_perf",
    "alltoall": "alltoall_perf", "broadcast": "broadcast_perf", "reduce": "reduce_perf",
    "gather": "gather_perf", "scatter": "scatter_perf", "barrier": "barrier",
}  # fmt: skip
TYPES = {"float32": "float", "float64": "double", "float16": "half", "bfloat16": "bfloat16"}
ROOTED = ("broadcast", "reduce", "gather", "scatter")
SIDE = ("time", "algbw", "busbw", "#wrong")
WIDTHS = (12, 12, 9, 7, 6, *(9, 8, 8, 7) * 2)
SPREAD = "#   size (B)  n out   5-95 % out (us)     +-   n in    5-95 % in (us)     +-  limit"


def nccl_tables(rows: Sequence[Summary]) -> Iterator[str]:
    """Yield a table for every operation, way and scale."""

    def same(row: Summary) -> tuple[Any, ...]:
        return (row.operation, row.algorithm, row.transport, row.dtype, row.wire_dtype, row.ranks, row.nodes,
                row.among or (), row.mode, row.waiting)  # fmt: skip

    chosen = [row for row in rows if row.operation in TESTS]
    for _, group in groupby(chosen, key=same):
        yield _nccl_table(list(group))


def _nccl_table(rows: list[Summary]) -> str:
    """Return a table that readers of nccl-tests can read; what they do not know stands in comments."""
    first = rows[0]
    wire = f" ({first.wire_dtype} on the wire)" if first.wire_dtype else ""
    way = f"{first.algorithm}, {first.transport}, {first.dtype}{wire}"
    where = f"{first.ranks} ranks on {first.nodes} {'node' if first.nodes == 1 else 'nodes'}"
    taken = "each call timed alone" if first.mode == "individual" else "calls back to back"
    waits = ", ranks sleep while they wait" if first.waiting == "sleep" else ""
    title = f"# {first.operation} by {way}, {where}, {first.mode}: {taken}{waits}"
    found = {(row.size_bytes, row.placement): row for row in rows}
    sides = {size: [found.get((size, place)) for place in ("out", "in")] for size in
             sorted({row.size_bytes for row in rows})}  # fmt: skip
    lines = [_line(first, size, pair) for size, pair in sides.items()]
    spread = [_spread_line(size, pair) for size, pair in sides.items()]
    return "\n".join(
        [f"# Collective test starting: {TESTS[first.operation]}", title, *_heads(), *lines, SPREAD, *spread]
    )


def _heads() -> list[str]:
    blanks = [""] * len(WIDTHS)
    names, units, over = list(blanks), list(blanks), list(blanks)
    names[:5] = ["size", "count", "type", "redop", "root"]
    units[:2] = ["(B)", "(elements)"]
    for start in (5, 9):
        names[start : start + 4] = SIDE
        units[start : start + 3] = ["(us)", "(GB/s)", "(GB/s)"]
    over[6], over[10] = "out-of-place", "in-place"
    return ["#" + _cells(line)[1:] for line in (over, names, units)]


def _line(first: Summary, size: int, sides: Sequence[Summary | None]) -> str:
    redop = "sum" if first.operation in ADDING else "none"
    root = "0" if first.operation in ROOTED else "-1"
    parts = first.ranks if first.operation in CUT else 1  # nccl-tests counts a rank's part
    count = str(size // ITEM_BYTES[first.dtype] // parts) if first.dtype in ITEM_BYTES else "-"
    return _cells(
        [
            str(size),
            count,
            TYPES.get(first.dtype, first.dtype),
            redop,
            root,
            *_side(sides[0]),
            *_side(sides[1]),
        ]
    )


def _spread_line(size: int, sides: Sequence[Summary | None]) -> str:
    """Return how far the times of a row spread, and whether the processors may have been the limit."""
    told = [f"{size:>11d}"]
    for side in sides:
        known = (str(side.samples), band_us(side), f"{side.half_width:.1%}") if side else ("-", "-", "-")
        told += [f"{known[0]:>6s}", f"{known[1]:>17s}", f"{known[2]:>6s}"]
    limits = [side.limit for side in sides if side]
    return f"#{' '.join(told)}  {'cpu' if 'cpu' in limits else limits[0]}"


def _side(side: Summary | None) -> list[str]:
    if side is None:
        return ["N/A"] * len(SIDE)
    wrong = "N/A" if side.wrong_elements is None else str(side.wrong_elements)
    bandwidths = [rate_text(side.algorithm_bandwidth), rate_text(side.bus_bandwidth)]
    return [f"{side.time_s * 1e6:.2f}", *bandwidths, wrong]


def _cells(cells: Sequence[str]) -> str:
    return " ".join(cell.rjust(width) for cell, width in zip(cells, WIDTHS, strict=True)).rstrip()
