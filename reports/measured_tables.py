"""All tables of a measurement as text: collectives, messages, kernels, pairs, and what to beware of."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from nearlinear.measure.records import Sample
from nearlinear.models.units import format_size
from nearlinear.reports.measured import Summary, band_us, rate_text, summaries
from nearlinear.reports.nccl_table import TESTS, nccl_tables

MESSAGES = ("sendrecv", "bandwidth", "bidirectional", "contention")
LARGEST_MATRIX = 16
SKEWED = 0.5  # of the time: a start so ragged says more of the start than of the operation


def measured_text(samples: Iterable[Sample]) -> str:
    """Return all tables that a record's samples fill, with what to beware of below."""
    rows = summaries(samples)
    parts = [*nccl_tables(rows), *_messages(rows), *_pairs(rows), *_kernels(rows)]
    parts += [*_side_by_side(rows), *_remarks(rows)]
    return "\n\n".join(parts)


def _messages(rows: Sequence[Summary]) -> Iterator[str]:
    """Yield the table of messages, and of what has no other; those of every pair have a matrix."""
    chosen = [
        row for row in rows
        if row.operation in MESSAGES or not (row.operation in (*TESTS, "pairs") or _is_kernel(row))
    ]  # fmt: skip
    if chosen:
        heads = [
            "messages",
            "transport",
            "ranks",
            "nodes",
            "size",
            "n",
            "time us",
            "5-95% us",
            "GB/s",
            "limit",
        ]
        yield _table(heads, [_message(row) for row in chosen], left=2)


def _message(row: Summary) -> list[str]:
    among = row.among or tuple(range(row.ranks))
    ranks = f"{among[0]}-{among[1]}" if len(among) == 2 else f"{len(among) // 2} pairs"
    ranks = ranks if row.operation in MESSAGES else f"{row.ranks} ranks"
    pipelined = " (pipelined)" if row.mode == "pipelined" else ""
    return [row.operation + pipelined, row.transport, ranks, str(row.nodes), format_size(row.size_bytes),
            *_times(row), rate_text(row.bus_bandwidth), row.limit]  # fmt: skip


def _is_kernel(row: Summary) -> bool:
    return row.flop_per_s is not None or row.moved_bytes_per_s is not None


def _kernels(rows: Sequence[Summary]) -> Iterator[str]:
    chosen = [row for row in rows if _is_kernel(row)]
    if not chosen:
        return
    heads = [
        "kernel",
        "library",
        "type",
        "ranks",
        "size",
        "shape",
        "n",
        "time us",
        "5-95% us",
        "GFLOP/s",
        "GB/s",
        "limit",
    ]
    yield _table(heads, [_kernel(row) for row in chosen], left=2)
    yield "\n".join(_peaks(chosen))


def _kernel(row: Summary) -> list[str]:
    flops = f"{row.flop_per_s / 1e9:.2f}" if row.flop_per_s else "-"
    moved = f"{row.moved_bytes_per_s / 1e9:.2f}" if row.moved_bytes_per_s else "-"
    return [row.operation, row.algorithm, row.dtype, str(row.ranks), format_size(row.size_bytes),
            _shape(row), *_times(row), flops, moved, row.limit]  # fmt: skip


def _shape(row: Summary) -> str:
    """Return what a product or a convolution is of: n x n matrices, a picture of h x h pixels."""
    work = (row.flop_per_s or 0.0) * row.time_s
    if row.operation == "gemm":
        return f"{round((work / 2) ** (1 / 3))}^3"
    return f"{round((work / (2 * 64**2 * 9)) ** 0.5)}^2 px" if row.operation == "conv3x3" else ""


def _peaks(rows: Sequence[Summary]) -> Iterator[str]:
    """Yield the roof of each library: the most operations per second, and the bytes of the largest copy.

    Small vectors stay in caches, so the most bytes per second seen would not be memory's.
    """
    plain = [row for row in rows if row.operation in ("gemm", "conv3x3", "copy", "add")]
    for library, dtype in dict.fromkeys((row.algorithm, row.dtype) for row in plain):
        mine = [row for row in plain if (row.algorithm, row.dtype) == (library, dtype)]
        flops = max((row.flop_per_s or 0.0 for row in mine), default=0.0)
        told = [f"{flops / 1e9:.4g} GFLOP/s at most"] if flops else []
        copies = [row for row in mine if row.operation in ("copy", "add")]
        if copies:
            largest = max(copies, key=lambda row: (row.size_bytes, row.moved_bytes_per_s or 0.0))
            rate = (largest.moved_bytes_per_s or 0.0) / 1e9
            told.append(f"{rate:.4g} GB/s at {format_size(largest.size_bytes)} (sweep beyond the caches)")
        yield f"seen per rank, {library} {dtype}: {', '.join(told)}"


def _times(row: Summary) -> list[str]:
    return [str(row.samples), f"{row.time_s * 1e6:.2f}", band_us(row)]


def _pairs(rows: Sequence[Summary]) -> Iterator[str]:
    """Yield the time of the smallest and the bandwidth of the largest message between all pairs."""
    for kind, mine in pair_kinds(rows).items():
        sizes = [row.size_bytes for row in mine]
        for size, unit in ((min(sizes), "us"), (max(sizes), "GB/s")):
            title = f"{format_size(size)} between pairs, {unit} ({', '.join(kind)})"
            yield _matrix_text(pair_matrix(mine, size, unit), title)


def pair_kinds(rows: Sequence[Summary]) -> dict[tuple[str, ...], list[Summary]]:
    """Return the rows of pairs by transport, type and mode: a matrix holds one kind."""
    found: dict[tuple[str, ...], list[Summary]] = {}
    for row in rows:
        if row.operation == "pairs":
            found.setdefault((row.transport, row.dtype, row.mode), []).append(row)
    return found


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
    links = [row for row in rows if not _is_kernel(row)]
    bound, known = sum(row.limit == "cpu" for row in links), sum(row.limit != "-" for row in links)
    if bound:
        yield (
            f"! {bound} of the {known} points whose load is known are marked cpu: the processors, not the "
            "links, may have been the limit"
        )
    skewed = sum((row.skew_s or 0.0) > SKEWED * row.time_s for row in rows)
    if skewed:
        yield f"! at {skewed} of {len(rows)} points ranks started apart by more than half of the time itself"
    if len({row.mode for row in rows}) > 1:
        yield "! individual and pipelined times are different things: compare each with its like"
    if len({row.waiting for row in rows if row.waiting}) > 1:
        yield "! some ranks polled and some slept while they waited: compare each with its like"


def _side_by_side(rows: Sequence[Summary]) -> Iterator[str]:
    """Yield the allreduce by size and algorithm where there are several, the fastest marked."""

    def same(row: Summary) -> tuple[Any, ...]:
        return row.transport, row.dtype, row.ranks, row.nodes, row.among or (), row.mode, row.waiting

    chosen = [row for row in rows if row.operation == "allreduce"]
    for key in dict.fromkeys(same(row) for row in chosen):
        mine = [row for row in chosen if same(row) == key]
        names = list(dict.fromkeys(_named(row) for row in mine))
        if len({row.algorithm for row in mine}) > 1:
            yield _table([f"allreduce, {mine[0].ranks} ranks, us", *names], _fastest(mine, names), left=1)


def _fastest(rows: Sequence[Summary], names: Sequence[str]) -> list[list[str]]:
    lines = []
    for size in sorted({row.size_bytes for row in rows}):
        times = {_named(row): row.time_s for row in rows if row.size_bytes == size}
        best = min(times.values())
        marked = [
            f"{times[n] * 1e6:.2f}{'*' if times[n] == best else ' '}" if n in times else "-" for n in names
        ]
        lines.append([format_size(size), *marked])
    return lines


def _marked(time_s: float | None, best_s: float) -> str:
    if time_s is None:
        return "-"
    return f"{time_s * 1e6:.2f}{'*' if time_s == best_s else ' '}"


def _named(row: Summary) -> str:
    """Return the algorithm, with what tells its rows apart."""
    wire = f" {row.wire_dtype}" if row.wire_dtype else ""
    return f"{row.algorithm}{wire}" + (f" {row.placement}" if row.algorithm == "vendor" else "")
