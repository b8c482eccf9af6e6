"""Runs of nccl-tests in one log: a heading, devices and rows each, amid lines of other programs."""

import re
from dataclasses import dataclass, field

from nearlinear.calibrate.importers.lines import bare
from nearlinear.calibrate.importers.names import collective_named
from nearlinear.calibrate.importers.nccl_rows import (
    Layout,
    Row,
    is_heading,
    layout_of,
    looks_like_row,
    read_row,
)
from nearlinear.calibrate.importers.printed import printed
from nearlinear.models.errors import ContentError

RANK = re.compile(
    r"Rank\s+(\d{1,9})\s+(?:Group\s+(\d{1,9})\s+)?.*?\bon\s+(\S+)\s+device(?:\s+(\d{1,9})\s*(?:\[[^\]]*\])?\s*(.*))?"
)
STARTING = re.compile(r"Collective test starting:\s*(\w+)")
COMMAND = re.compile(r"\b(\w+?)_(?:perf|test)(?:_\w+)?\b")
VERSION = re.compile(r"(nccl-tests version \S+|NCCL version [\d.+\w]+|nccl-library=\d+)")
SHOWN = 80  # characters of a failure


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """One rank as the list of devices has it."""

    rank: int
    group: int
    host: str
    index: int | None
    name: str


@dataclass(slots=True, kw_only=True)
class Run:
    """What was read of one run before it is understood."""

    rows: list[Row] = field(default_factory=list)
    layout: Layout = field(default_factory=Layout)
    devices: list[Device] = field(default_factory=list)
    elided: bool = False
    collectives: list[str] = field(default_factory=list)
    versions: list[str] = field(default_factory=list)
    footer: bool = False
    skipped: int = 0
    failures: list[str] = field(default_factory=list)
    marks: set[str] = field(default_factory=set)


def read_runs(text: str, where: str) -> list[Run]:
    """Return the runs of a log in order; at least one, which may be empty.

    Raises
    ------
    ContentError
        A row with the wrong columns, or with something else than numbers in them; names its line.
    """
    runs, held, held_at = [Run()], "", ""
    for number, raw in enumerate(text.splitlines(), start=1):
        line, place = bare(raw), f"{where}:{number}"
        _turn(_mark(line), runs)
        if held and _only_results(line):
            line, place, held = f"{held} {line}", held_at, ""
        interrupted = _take(line, place, runs[-1])
        if held and interrupted:
            break
        held, held_at = (interrupted, place) if interrupted else (held, held_at)
    if held:
        raise ContentError(
            held_at, "must be a whole row", got=held.strip()[:60], remedy="was the run killed?"
        )
    return runs


def _turn(mark: str, runs: list[Run]) -> None:
    """Begin a new run where the present one has rows already, or the same mark."""
    if mark and (runs[-1].rows or mark in runs[-1].marks):
        runs.append(Run())
    runs[-1].marks |= {mark} if mark else set()


def _mark(line: str) -> str:
    """Return which beginning of a run a line is, if any."""
    if "Collective test starting" in line:
        return "starting"
    if "nThread" in line and "minBytes" in line:
        return "configuration"
    if is_heading(line):
        return "heading"
    command = COMMAND.search(line)
    concluded = "Collective test concluded" in line
    return "command" if command and not concluded and collective_named(command[1]) else ""


def _take(line: str, place: str, run: Run) -> str:
    """Add a line to a run; return it where a row was interrupted by another program."""
    if is_heading(line):
        run.layout = layout_of(line, place)
    elif line.lstrip().startswith("#"):
        _comment(line, run)
    elif looks_like_row(line):
        whole = _uninterrupted(line)
        if whole != line:
            return whole
        row, run.layout = read_row(line, run.layout, place)
        run.rows.append(row)
    elif line.strip():
        _other(line, run)
    return ""


def _only_results(line: str) -> bool:
    tokens = line.split()
    return bool(tokens) and all(token == "N/A" or printed(token.rstrip("*")) is not None for token in tokens)


def _uninterrupted(line: str) -> str:
    """Return a row up to where the message of another program begins: ``NCCL WARN`` and the like."""
    found = re.search(r"\s(?:\S*[A-Za-z]\S*:\d+:\d+|NCCL (?:INFO|WARN))\s", line)
    return line[: found.start()] if found else line


def _comment(line: str, run: Run) -> None:
    rank = RANK.search(line)
    if rank:
        run.devices.append(
            Device(rank=int(rank[1]), group=int(rank[2] or 0), host=rank[3],
                   index=int(rank[4]) if rank[4] else None, name=(rank[5] or "").strip())
        )  # fmt: skip
    elif "..." in line and run.devices and not run.rows:
        run.elided = True
    _told(line, run)
    run.footer |= "Out of bounds values" in line or "Avg bus bandwidth" in line
    if ("Out of bounds" in line and "FAILED" in line) or line.lstrip("# ").startswith("error:"):
        run.failures.append(line.lstrip("# ")[:SHOWN])


def _told(line: str, run: Run) -> None:
    """Take from a line what collective it names, and which versions."""
    for found in (STARTING.search(line), COMMAND.search(line)):
        if found and collective_named(found[1]):
            run.collectives.append(found[1])
    run.versions += VERSION.findall(line)


def _other(line: str, run: Run) -> None:
    stripped = line.strip()
    if stripped.strip(".") == "" and run.devices and not run.rows:
        run.elided = True
    if "failure" in line or "ERROR" in line or "error:" in line:
        run.failures.append(stripped[:SHOWN])
    _told(line, run)
    run.skipped += 1
