"""Tables of a measurement as text: collectives in the columns of nccl-tests, messages, kernels, pairs."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import Any

import numpy as np

from nearlinear.measure.records import Sample
from nearlinear.models.units import format_size
from nearlinear.reports.measured import Summary, summaries

TESTS = {
    "allreduce": "all_reduce_perf", "reduce-scatter": "reduce_scatter_perf", "allgather": "all_gather_perf",
    "alltoall": "alltoall_perf", "broadcast": "broadcast_perf", "reduce": "reduce_perf",
    "barrier": "barrier",
}  # fmt: skip
TYPES = {"float32": "float", "float64": "double", "float16": "half", "bfloat16": "bfloat16"}
ITEM_BYTES = {"float32": 4, "float64": 8, "float16": 2, "bfloat16": 2}
ROOTED, ADDING = ("broadcast", "reduce"), ("allreduce", "reduce-scatter", "reduce")
SIDE = ("time", "algbw", "busbw", "#wrong")
WIDTHS = (12, 12, 9, 7, 6, *(9, 8, 8, 7) * 2)
SPREAD = "#   size (B)  n out   5-95 % out (us)   n in    5-95 % in (us)  limit"
LARGEST_MATRIX = 16


def measured_text(samples: Iterable[Sample]) -> str:
    """Return all tables that a record's samples fill, with what to beware of below."""
    rows = summaries(samples)
    parts = [*_collectives(rows), *_messages(rows), *_pairs(rows), *_kernels(rows), *_remarks(rows)]
    return "\n\n".join(parts)


def _collectives(rows: Sequence[Summary]) -> Iterator[str]:
    def same(row: Summary) -> tuple[Any, ...]:
        return (row.operation, row.algorithm, row.transport, row.dtype, row.wire_dtype, row.ranks, row.nodes,
                row.among or (), row.mode)  # fmt: skip

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
    title = f"# {first.operation} by {way}, {where}, {first.mode}: {taken}"
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
    count = str(size // ITEM_BYTES[first.dtype])
    return _cells([str(size), count, TYPES[first.dtype], redop, root, *_side(sides[0]), *_side(sides[1])])


def _spread_line(size: int, sides: Sequence[Summary | None]) -> str:
    """Return how far the times of a row spread, and whether the processors may have been the limit."""
    there = [side for side in sides if side]
    told = [f"{size:>11d}"]
    for side in sides:
        told += [f"{side.samples:>6d}", f"{_band(side):>17s}"] if side else [f"{'-':>6s}", f"{'-':>17s}"]
    return f"#{' '.join(told)}  {'cpu' if any(side.processor_bound for side in there) else 'ok'}"


def _side(side: Summary | None) -> list[str]:
    if side is None:
        return ["N/A"] * len(SIDE)
    wrong = "N/A" if side.wrong_elements is None else str(side.wrong_elements)
    bandwidths = [_rate(side.algorithm_bandwidth), _rate(side.bus_bandwidth)]
    return [f"{side.time_s * 1e6:.2f}", *bandwidths, wrong]


def _rate(bytes_per_s: float) -> str:
    """Return GB/s with the two digits of nccl-tests, or four where two would hold nothing."""
    value = bytes_per_s / 1e9
    return f"{value:.2f}" if value >= 0.1 or value == 0 else f"{value:.4f}"


def _cells(cells: Sequence[str]) -> str:
    return " ".join(cell.rjust(width) for cell, width in zip(cells, WIDTHS, strict=True)).rstrip()


def _messages(rows: Sequence[Summary]) -> Iterator[str]:
    """Yield the table of messages; those of every pair have a matrix of their own."""
    chosen = [
        row for row in rows if row.operation in ("sendrecv", "bandwidth", "bidirectional", "contention")
    ]
    if chosen:
        heads = ["messages", "transport", "ranks", "nodes", "size", "n", "time us", "5-95% us", "GB/s", "cpu"]
        yield _table(heads, [_message(row) for row in chosen], left=2)


def _message(row: Summary) -> list[str]:
    among = row.among or tuple(range(row.ranks))
    ranks = f"{among[0]}-{among[1]}" if len(among) == 2 else f"{len(among) // 2} pairs"
    pipelined = " (pipelined)" if row.mode == "pipelined" else ""
    return [row.operation + pipelined, row.transport, ranks, str(row.nodes), format_size(row.size_bytes),
            *_times(row), _rate(row.bus_bandwidth), "cpu" if row.processor_bound else "ok"]  # fmt: skip


def _kernels(rows: Sequence[Summary]) -> Iterator[str]:
    chosen = [row for row in rows if row.flop_per_s is not None or row.moved_bytes_per_s is not None]
    if not chosen:
        return
    heads = ["kernel", "library", "type", "ranks", "size", "n", "time us", "5-95% us", "GFLOP/s", "GB/s"]
    yield _table(heads, [_kernel(row) for row in chosen], left=2)
    yield "\n".join(_peaks(chosen))


def _kernel(row: Summary) -> list[str]:
    flops = f"{row.flop_per_s / 1e9:.2f}" if row.flop_per_s else "-"
    moved = f"{row.moved_bytes_per_s / 1e9:.2f}" if row.moved_bytes_per_s else "-"
    return [row.operation, row.algorithm, row.dtype, str(row.ranks), format_size(row.size_bytes),
            *_times(row), flops, moved]  # fmt: skip


def _peaks(rows: Sequence[Summary]) -> Iterator[str]:
    """Yield the roof of each library: the most operations and the most bytes per second seen."""
    plain = [row for row in rows if row.operation in ("gemm", "conv3x3", "copy", "add")]
    for library, dtype in dict.fromkeys((row.algorithm, row.dtype) for row in plain):
        mine = [row for row in rows if (row.algorithm, row.dtype) == (library, dtype)]
        flops = max((row.flop_per_s or 0.0 for row in mine), default=0.0)
        moved = max((row.moved_bytes_per_s or 0.0 for row in mine), default=0.0)
        yield f"seen at most, {library} {dtype}: {flops / 1e9:.4g} GFLOP/s, {moved / 1e9:.4g} GB/s per rank"


def _times(row: Summary) -> list[str]:
    return [str(row.samples), f"{row.time_s * 1e6:.2f}", _band(row)]


def _band(row: Summary) -> str:
    return f"{row.low_s * 1e6:.4g}-{row.high_s * 1e6:.4g}"


def _pairs(rows: Sequence[Summary]) -> Iterator[str]:
    """Yield the time of the smallest and the bandwidth of the largest message between all pairs."""
    chosen = [row for row in rows if row.operation == "pairs"]
    for transport in dict.fromkeys(row.transport for row in chosen):
        mine = [row for row in chosen if row.transport == transport]
        for size, unit in (
            (min(r.size_bytes for r in mine), "us"),
            (max(r.size_bytes for r in mine), "GB/s"),
        ):
            yield _matrix_text(pair_matrix(mine, size, unit), f"{format_size(size)} between pairs, {unit}")


def pair_matrix(rows: Sequence[Summary], size_bytes: int, unit: str) -> Any:
    """Return what every pair of ranks reaches, shape (ranks, ranks); NaN where nothing was measured.

    Parameters
    ----------
    unit : {"us", "GB/s"}
        Time one way, or size over it.
    """
    found = {row.among or (0, 1): row.time_s for row in rows if row.size_bytes == size_bytes}
    ranks = max(max(pair) for pair in found) + 1
    matrix = np.full((ranks, ranks), np.nan)
    for (a, b), time_s in found.items():
        value = time_s * 1e6 if unit == "us" else size_bytes / time_s / 1e9
        matrix[a, b] = matrix[b, a] = value
    return matrix


def _matrix_text(matrix: Any, title: str) -> str:
    ranks = len(matrix)
    if ranks > LARGEST_MATRIX:
        known = matrix[~np.isnan(matrix)]
        low, middle, high = np.percentile(known, [0, 50, 100])
        told = f"least {low:.4g}, median {middle:.4g}, most {high:.4g}"
        return f"{title}: {told}; nearlinear records show FILE --picture pairs.svg draws {ranks} x {ranks}"
    body = [
        [str(row), *("." if np.isnan(value) else f"{value:.4g}" for value in matrix[row])]
        for row in range(ranks)
    ]
    return _table([title, *map(str, range(ranks))], body, left=1)


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]], left: int) -> str:
    widths = [max(map(len, column)) for column in zip(heads, *rows, strict=True)]
    lines = [heads, ["-" * width for width in widths], *rows]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if index < left else cell.rjust(width)
            for index, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )


def _remarks(rows: Sequence[Summary]) -> Iterator[str]:
    bound = sum(row.processor_bound for row in rows)
    if bound:
        yield (
            f"! {bound} of {len(rows)} points are marked cpu: the processors, not the links, may have been"
            " the limit"
        )
    if len({row.mode for row in rows}) > 1:
        yield "! individual and pipelined times are different things: compare each with its like"
