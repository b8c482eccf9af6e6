"""Text output of nccl-tests since 1.0, and of rccl-tests.

Prefixes of launchers are taken off, lines of other programs between the rows are skipped; a row that does
not add up is an error with its line, never a number. ``nccl_ranks`` says what is checked, and where a row
has no redundancy.

References
----------
NVIDIA/nccl-tests, src/common.cu, src/util.cu and doc/PERFORMANCE.md (definitions of algbw and busbw).
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from nearlinear.calibrate.importers.imported import Hints, Imported, numbered
from nearlinear.calibrate.importers.names import bus_factor
from nearlinear.calibrate.importers.nccl_ranks import FULL_NODE, check_rows, collective_of, ranks_of
from nearlinear.calibrate.importers.nccl_rows import MISSING, Row, Side
from nearlinear.calibrate.importers.nccl_runs import Device, Run, read_runs
from nearlinear.measure.records import Sample
from nearlinear.models.errors import ContentError
from nearlinear.models.units import GB

MARKS = re.compile(
    r"\(elements\)|\balgbw +busbw\b|# nThread|nThread \d+ nGpus|Test (?:NCCL|CUDA) failure|nccl-tests version"
    r"|Out of bounds values :|\b[a-z_]+_perf(?:_mpi)?\b"
)
COARSE = 0.02  # a time from bandwidth that is known worse than this is no time


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """A run as it is understood."""

    run: Run
    operation: str
    ranks: int
    nodes: int
    known_from: str
    notes: tuple[str, ...]
    samples: tuple[Sample, ...]


def sniff(text: str) -> bool:
    """Return whether a text looks like the output of nccl-tests, whole or failed."""
    return MARKS.search(text) is not None


def parse(text: str, where: str, hints: Hints) -> Imported:
    """Return the samples of a log.

    Raises
    ------
    ContentError
        A row with the wrong columns or with numbers that contradict each other; no row at all; a
        collective or rank count that neither the log nor the hints tell.
    """
    return imported(read_runs(text, where), where, hints, "nccl-tests", footers=True)


def imported(runs: list[Run], where: str, hints: Hints, form: str, footers: bool) -> Imported:
    """Return what runs hold, whatever form they were read from."""
    failures = sorted((failure for run in runs for failure in run.failures), key=_gravity)
    measured = [run for run in runs if run.rows]
    if not measured:
        why = f" ({failures[0]})" if failures else ""
        raise ContentError(where, f"has no result rows{why}", remedy="did the run fail? nothing was read")
    found = [_read(run, where, hints) for run in measured]
    samples = numbered(sample for one in found for sample in one.samples)
    if not samples:
        raise ContentError(measured[0].rows[0].where, "must hold a time of some bytes",
                           remedy="all rows are of 0 bytes or without a time")  # fmt: skip
    notes = list(dict.fromkeys(note for one in found for note in one.notes))
    notes += _doubts(runs, measured, failures, footers)
    rows = [row for run in measured for row in run.rows]
    used = sum(1 for row in rows if row.size_bytes and row.sides)
    return Imported(
        path=where, format=form, samples=samples, notes=tuple(notes), header=_header(measured), rows=used,
        skipped=len(rows) - used, known_from=", ".join(dict.fromkeys(one.known_from for one in found)),
    )  # fmt: skip


def _gravity(failure: str) -> bool:
    """Return what puts failures of the test itself before those of other programs."""
    return "failure" not in failure and "Out of bounds" not in failure


def _read(run: Run, where: str, hints: Hints) -> Read:
    notes = []
    operation, inferred = collective_of(run, hints, where)
    notes += [inferred] if inferred else []
    ranks, known_from = ranks_of(run, operation, hints, where)
    if known_from not in ("--ranks", "list of devices"):
        notes.append(f"{ranks} ranks inferred from {known_from}")
    older = check_rows(run.rows, operation, ranks)
    notes += [older] if older else []
    nodes, more = _nodes(run, ranks, hints)
    notes += more
    if ranks == 1:
        notes.append("one rank: such rows say nothing of links, calibrations leave them out")
    samples = tuple(_samples(run, operation, ranks, nodes))
    coarse = sum(len(row.sides) for row in run.rows if row.size_bytes) - len(samples)
    if coarse:
        notes.append(f"times left out, because bandwidths do not tell them well: {coarse}")
    return Read(run=run, operation=operation, ranks=ranks, nodes=nodes, known_from=known_from,
                notes=tuple(notes), samples=samples)  # fmt: skip


def _nodes(run: Run, ranks: int, hints: Hints) -> tuple[int, list[str]]:
    """Return how many nodes, and how that is known where the list of devices does not say it."""
    groups = len({device.group for device in run.devices}) or 1
    first = [device for device in run.devices if device.group == run.devices[0].group]
    hosts = {device.host for device in first}
    notes = [f"groups at once: {groups}, of {ranks} ranks each"] if groups > 1 else []
    if len(first) == ranks and hosts and hints.per_node is None:
        return len(hosts), notes
    per_node, known = hints.per_node, "stated"
    if per_node is None:
        per_node, known = _per_node(run.devices, ranks), "inferred from the last device"
    if not per_node:
        per_node, known = FULL_NODE, "assumed (--per-node)"
    nodes = max(1, -(-ranks // per_node))
    return nodes, [*notes, f"nodes: {nodes}, {per_node} ranks per node {known}"]


def _per_node(devices: list[Device], ranks: int) -> int:
    """Return how many devices a node has where the last rank is listed; 0 where it does not tell."""
    last = next((d.index + 1 for d in devices if d.rank == ranks - 1 and d.index), 0)
    return last if last and ranks % last == 0 else 0


def _samples(run: Run, operation: str, ranks: int, nodes: int) -> Iterator[Sample]:
    for row in run.rows:
        for side in row.sides:
            time_s = _time_s(row, side, operation, ranks)
            if row.size_bytes and time_s > 0:
                yield Sample(
                    operation=operation, algorithm="vendor", transport="nccl", dtype=row.dtype,
                    placement=side.placement, size_bytes=row.size_bytes, ranks=ranks, nodes=nodes,
                    repetition=0, mode="pipelined", statistic="mean", time_s=time_s,
                    correct=_correct(side.wrong),
                )  # fmt: skip


def _time_s(row: Row, side: Side, operation: str, ranks: int) -> float:
    """Return the time as printed, or from bandwidths where it is not there or lost its digits; or 0."""
    if side.printed_s:
        return side.printed_s
    factor = bus_factor(operation, ranks)
    best = side.algbw
    by_bus = side.busbw.times(1 / factor) if factor else best
    best = best.both(by_bus) if best.meets(by_bus) else best
    seconds = best.under(row.size_bytes / GB)
    if seconds.meets(side.time_s):
        seconds = seconds.both(side.time_s)
    return seconds.middle if seconds.low > 0 and seconds.width <= COARSE else 0.0


def _correct(wrong: str) -> bool | None:
    """Return whether a result was right; an asterisk marks an error beyond the threshold of rccl-tests."""
    return None if wrong == MISSING else "*" not in wrong and float(wrong) < 1


def _header(runs: list[Run]) -> dict[str, list[str]]:
    """Return hosts and devices of every rank of the largest run, and the versions that are named."""
    largest = max(runs, key=lambda run: len(run.devices))
    devices = sorted(largest.devices, key=lambda device: device.rank)
    versions = dict.fromkeys(version for run in runs for version in run.versions)
    return {
        "hosts": [device.host for device in devices],
        "devices": [device.name for device in devices if device.name],
        "versions": list(versions),
    }


def _doubts(runs: list[Run], measured: list[Run], failures: list[str], footers: bool) -> Iterator[str]:
    rows = [row for run in measured for row in run.rows]
    empty = sum(row.size_bytes == 0 for row in rows)
    if empty:
        yield f"rows of 0 bytes left out: {empty}"
    blank = sum(not row.sides for row in rows)
    if blank:
        yield f"rows without results left out: {blank}"
    skipped = sum(run.skipped for run in runs)
    if skipped:
        yield f"lines of other programs skipped: {skipped}"
    for run in measured if footers else ():
        if not run.footer:
            line = run.rows[-1].where.rpartition(":")[2]
            yield f"no footer: the run was cut off or edited after line {line}"
    if len(runs) > len(measured) and any("configuration" in run.marks for run in runs if not run.rows):
        yield "runs without rows left out"
    yield from (f"the log reports: {failure}" for failure in failures[:1])
