"""Text output of nccl-tests (and rccl-tests) since 2.0.

Rank prefixes of launchers are taken off, lines of other programs between the rows are skipped, columns
are told apart by their count; a row that does not add up is an error with its line, never a number.

References
----------
NVIDIA/nccl-tests, src/common.cu and doc/PERFORMANCE.md (definitions of algbw and busbw).
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from statistics import median

from nearlinear.calibrate.importers.imported import Hints, Imported
from nearlinear.measure.records import Sample
from nearlinear.models.errors import ContentError, SpecError, nearest
from nearlinear.models.naming import same_name
from nearlinear.models.units import GB, MICROSECOND

PREFIXES = (
    re.compile(r"^\s*\[\d+,\d+\]<std(?:out|err)>:"),
    re.compile(r"^\s*\d+: "),
    re.compile(r"\[\d+\] "),
)
TYPES = (
    "float", "half", "double", "bfloat16", "float8", "f8e4m3", "f8e5m2", "int8", "uint8", "char",
    "int32", "uint32", "int64", "uint64", "int", "fp8_e4m3", "fp8_e5m2",
)  # fmt: skip
OPERATORS = ("sum", "prod", "max", "min", "avg", "none", "all", "mulsum")
COLLECTIVES = {
    "allreduce": "allreduce", "allgather": "allgather", "reducescatter": "reduce-scatter",
    "broadcast": "broadcast", "reduce": "reduce", "alltoall": "alltoall", "sendrecv": "sendrecv",
}  # fmt: skip
RANK = re.compile(r"Rank\s+(\d+)\s.*?\bon\s+(\S+)\s+device(?:\s+\d+\s*(?:\[[^\]]*\])?\s*(.*))?")
STARTING = re.compile(r"Collective test starting:\s*(\w+)")
COMMAND = re.compile(r"\b(\w+)_perf\b")
NUMBER = re.compile(r"^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$", re.IGNORECASE)
CLOCK = re.compile(r"^\d\d:\d\d:\d\d$")
SIDE = 4  # time, algbw, busbw, wrong
ROUNDING = 0.006  # two printed decimals
AGREES = 0.02
DEFAULT_PER_NODE = 8  # GPUs of a DGX, HGX or cloud node; said in the notes where it is assumed


@dataclass(slots=True)
class _Row:
    """One data row: where it stands and what it says."""

    line: int
    size_bytes: int
    dtype: str
    operator: str
    sides: list[tuple[float, float, float, str]]


@dataclass(slots=True)
class _Log:
    """What was read before it is understood."""

    rows: list[_Row] = field(default_factory=list)
    ranks: dict[int, str] = field(default_factory=dict)
    devices: set[str] = field(default_factory=set)
    collectives: list[str] = field(default_factory=list)
    in_place_only: bool = False
    footer: bool = False
    skipped: int = 0
    failures: list[str] = field(default_factory=list)


def sniff(text: str) -> bool:
    """Return whether a text looks like the output of nccl-tests, whole or failed."""
    return any(
        mark in text for mark in ("(elements)", "algbw", "# nThread", "Test NCCL failure", "nccl-tests")
    )


def parse(text: str, where: str, hints: Hints) -> Imported:
    """Return the samples of a log.

    Raises
    ------
    ContentError
        A row with the wrong columns or with numbers that contradict each other; no row at all; a
        collective or rank count that neither the log nor the hints tell.
    """
    log = _read(text, where)
    if not log.rows:
        why = f" ({log.failures[0]})" if log.failures else ""
        raise ContentError(where, f"has no result rows{why}", remedy="did the run fail? nothing was read")
    collective, ranks, notes = _understand(log, where, hints)
    nodes, more = _nodes(log, ranks, hints)
    samples = tuple(_samples(log, collective, ranks, nodes))
    notes += [*more, *_doubts(log)]
    header = {"hosts": sorted(set(log.ranks.values())), "devices": sorted(log.devices)}
    return Imported(path=where, format="nccl-tests", samples=samples, notes=tuple(notes), header=header)


def _read(text: str, where: str) -> _Log:
    log = _Log()
    for number, raw in enumerate(text.splitlines(), start=1):
        line = _bare(raw)
        first = line.split(maxsplit=1)[0] if line else ""
        if line.startswith("#"):
            _comment(line, log)
        elif first.isdigit():
            log.rows.append(_row(line.split(), f"{where}:{number}", number, log))
        elif line:
            _other(line, log)
    return log


def _bare(line: str) -> str:
    for prefix in PREFIXES:
        line = prefix.sub("", line)
    return line.strip()


def _comment(line: str, log: _Log) -> None:
    rank = RANK.search(line)
    if rank:
        log.ranks[int(rank[1])] = rank[2]
        log.devices |= {rank[3].strip()} if rank[3] else set()
    starting = STARTING.search(line)
    if starting:
        log.collectives.append(starting[1])
    if "in-place" in line and "out-of-place" not in line:
        log.in_place_only = True
    log.footer |= "Out of bounds values" in line
    if "Out of bounds" in line and "FAILED" in line:
        log.failures.append(line.lstrip("# "))


def _other(line: str, log: _Log) -> None:
    if "failure" in line or "ERROR" in line:
        log.failures.append(line[:80])
    command = COMMAND.search(line)
    if command:
        log.collectives.append(command[1])
    log.skipped += 1


def _row(tokens: list[str], where: str, line: int, log: _Log) -> _Row:
    """Return the row of its tokens: size, count, type, [operator], [root], four columns per side."""
    if len(tokens) < 3 or not tokens[1].isdigit() or tokens[2] not in TYPES:
        raise ContentError(where, "must be a row of size, count, type and results", got=" ".join(tokens)[:60])
    rest = tokens[3:]
    operator = rest.pop(0) if rest and rest[0] in OPERATORS else ""
    if rest and CLOCK.match(rest[-1]):
        rest = rest[:-2]
    sides = 1 if log.in_place_only else 2
    per_iteration = len(rest) > 2 * sides * SIDE
    wide = 2 * SIDE if per_iteration else SIDE
    if len(rest) == sides * wide + 1:
        rest = rest[1:]  # root
    if len(rest) != sides * wide:
        remedy = "cut off? remove the line or run again; nothing was read"
        raise ContentError(where, f"must have {sides * SIDE} result columns", got=len(rest), remedy=remedy)
    read = [_side(rest[i * wide : i * wide + SIDE], int(tokens[0]), where) for i in range(sides)]
    return _Row(line=line, size_bytes=int(tokens[0]), dtype=tokens[2], operator=operator, sides=read)


def _side(tokens: list[str], size_bytes: int, where: str) -> tuple[float, float, float, str]:
    bad = [token for token in tokens[:3] if not NUMBER.match(token)]
    if bad or not (NUMBER.match(tokens[3].rstrip("*")) or tokens[3] == "N/A"):
        raise ContentError(where, "result columns must be numbers", got=(bad or tokens[3:])[0])
    time_us, algbw, busbw = (float(token) for token in tokens[:3])
    expected = size_bytes / (time_us * MICROSECOND) / GB if time_us > 0 else 0.0
    if size_bytes and abs(algbw - expected) > AGREES * expected + ROUNDING:
        raise ContentError(
            where,
            f"algbw must be size over time, {expected:.2f} GB/s",
            got=algbw,
            remedy="is this a log of nccl-tests 2.0 or later, in microseconds?",
        )
    return time_us * MICROSECOND, algbw, busbw, tokens[3]


def _understand(log: _Log, where: str, hints: Hints) -> tuple[str, int, list[str]]:
    """Return collective, ranks, and how they are known."""
    notes: list[str] = []
    factor = _bus_factor(log)
    collective = _known(hints.collective) if hints.collective else _stated_collective(log)
    if collective is None:
        collective = _inferred_collective(log, factor, where)
        notes.append(f"collective inferred from its columns: {collective}")
    if collective != "allreduce" and factor > 1.0 + AGREES:
        told = f"must be an allreduce, which alone has busbw / algbw = {factor:.4f}"
        raise ContentError(where, told, got=collective, remedy="leave out --collective")
    ranks = hints.ranks or (max(log.ranks) + 1 if log.ranks else None)
    if ranks is None:
        ranks = _inferred_ranks(collective, factor, where)
        notes.append(f"{ranks} ranks inferred from busbw / algbw = {factor:.4f}")
    elif collective == "allreduce" and factor and abs(factor - 2 * (ranks - 1) / ranks) > ROUNDING:
        notes.append(f"doubtful: busbw / algbw = {factor:.4f} does not fit {ranks} ranks")
    if ranks < 2:
        raise ContentError(where, "must have been run on 2 ranks or more", got=ranks)
    return collective, ranks, notes


def _bus_factor(log: _Log) -> float:
    """Return busbw over algbw of the rows with the most digits, 0 where all are zero."""
    ratios = [(bus, bus / alg) for row in log.rows for _, alg, bus, _ in row.sides if alg > 1.0]
    largest = sorted(ratios)[-max(len(ratios) // 3, 1) :]
    return median(ratio for _, ratio in largest) if largest else 0.0


def _known(collective: str) -> str:
    known = sorted(set(COLLECTIVES.values()))
    found = same_name(collective, known)
    if found is None:
        remedy = nearest(collective, known) or f"known are {', '.join(known)}"
        raise SpecError("--collective", "must be known", got=collective, remedy=remedy)
    return found


def _stated_collective(log: _Log) -> str | None:
    for name in log.collectives:
        known = COLLECTIVES.get(name.lower().replace("_", ""))
        if known:
            return known
    return None


def _inferred_collective(log: _Log, factor: float, where: str) -> str:
    if factor > 1.0 + AGREES:
        return "allreduce"
    operators = {row.operator for row in log.rows}
    two_ranks = "sum" in operators and len(log.ranks) == 2 and abs(factor - 1.0) < AGREES
    if two_ranks:
        return "allreduce"
    remedy = "say --collective allreduce, allgather or reduce-scatter"
    raise ContentError(where, "the log does not say which collective was run", remedy=remedy)


def _inferred_ranks(collective: str, factor: float, where: str) -> int:
    """Return n of busbw/algbw = 2(n-1)/n (allreduce) or (n-1)/n (gather-like)."""
    full = 2.0 if collective == "allreduce" else 1.0
    if collective in ("broadcast", "reduce", "sendrecv") or not 0 < factor < full:
        raise ContentError(where, "the log does not say how many ranks took part", remedy="say --ranks 8")
    return round(full / (full - factor))


def _nodes(log: _Log, ranks: int, hints: Hints) -> tuple[int, list[str]]:
    hosts = set(log.ranks.values())
    if len(log.ranks) == ranks and hosts and hints.per_node is None:
        return len(hosts), []
    per_node = hints.per_node or DEFAULT_PER_NODE
    nodes = max(1, -(-ranks // per_node))
    known = "stated" if hints.per_node else "assumed (--per-node)"
    return nodes, [f"nodes: {nodes}, {per_node} ranks per node {known}"]


def _samples(log: _Log, collective: str, ranks: int, nodes: int) -> Iterator[Sample]:
    seen: dict[tuple[int, str], int] = {}
    for row in log.rows:
        names = ("in",) if log.in_place_only else ("out", "in")
        for placement, (time_s, _, _, wrong) in zip(names, row.sides, strict=True):
            if row.size_bytes == 0 or time_s <= 0:
                continue
            key = (row.size_bytes, placement)
            seen[key] = seen.get(key, -1) + 1
            yield Sample(
                operation=collective, algorithm="vendor", transport="nccl", dtype=row.dtype,
                placement=placement, size_bytes=row.size_bytes, ranks=ranks, nodes=nodes,
                repetition=seen[key], mode="pipelined", statistic="mean", time_s=time_s,
                correct=None if wrong == "N/A" else float(wrong.rstrip("*")) < 1,
            )  # fmt: skip


def _doubts(log: _Log) -> Iterator[str]:
    empty = sum(row.size_bytes == 0 for row in log.rows)
    if empty:
        yield f"rows of 0 bytes left out: {empty}"
    if log.skipped:
        yield f"lines of other programs skipped: {log.skipped}"
    if not log.footer:
        yield f"no footer: the run was cut off or edited after line {log.rows[-1].line}"
    yield from (f"the log reports: {failure}" for failure in log.failures[:1])
