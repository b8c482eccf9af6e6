"""A run as a timeline that Chrome and Perfetto show: gzipped JSON of trace events.

References
----------
Google, "Trace Event Format" (complete events ``X``, metadata events ``M``; times in microseconds).
"""

import gzip
import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from nearlinear.models.arrays import IntArray
from nearlinear.models.whole_file import write_whole
from nearlinear.simulator.asynchronous.course import Course
from nearlinear.simulator.asynchronous.watch import STATES
from nearlinear.simulator.programs.execution import Execution
from nearlinear.simulator.programs.program import COMPUTE, Program
from nearlinear.simulator.rounds.replay import Replay

TICKS_PER_MICROSECOND = 10**6
REPRESENTATIVE = 8  # ranks that are shown where nobody says which


def representative_ranks(ends: IntArray, most: int = REPRESENTATIVE) -> list[int]:
    """Return ranks to show: first, last, and those that end at evenly spread places among all ends.

    Parameters
    ----------
    ends : ndarray of int, shape (ranks,)
        When every rank ended.
    most : int
        How many at the most.

    Examples
    --------
    >>> representative_ranks(np.array([5, 1, 9, 7]), most=2)
    [1, 2]
    """
    order = np.argsort(ends, kind="stable")
    picked = np.unique(np.linspace(0, len(ends) - 1, min(most, len(ends))).round().astype(int))
    return sorted(int(order[i]) for i in picked)


def program_events(program: Program, execution: Execution, ranks: list[int]) -> Iterator[dict[str, Any]]:
    """Yield the operations of some ranks, a thread per stream."""
    for stream, rank in enumerate(program.stream_rank.tolist()):
        first, last = int(program.first[stream]), int(program.first[stream + 1])
        if rank not in ranks or first == last:
            continue
        yield from _named(rank, stream)
        for operation in range(first, last):
            begin, end = int(execution.begin_ticks[operation]), int(execution.done_ticks[operation])
            if end > begin or program.kind[operation] != COMPUTE:
                yield _complete(rank, stream, program.name_of(operation), begin, end)


def round_events(replay: Replay, start: IntArray, ranks: list[int]) -> Iterator[dict[str, Any]]:
    """Yield the rounds of some ranks of a schedule: from when a rank reached each to when it left it."""
    for rank in ranks:
        yield from _named(rank, 0)
    for number, (before, after) in enumerate(replay.clocks(start)):
        for rank in ranks:
            if after[rank] > before[rank]:
                yield _complete(rank, 0, f"round {number}", int(before[rank]), int(after[rank]))


def span_events(
    process: str, threads: Sequence[str], spans: Iterable[tuple[int, str, float, float]]
) -> Iterator[dict[str, Any]]:
    """Yield spans ``(thread, name, begin_s, end_s)`` of one process whose threads have names."""
    yield {"ph": "M", "name": "process_name", "pid": 0, "tid": 0, "args": {"name": process}}
    for thread, name in enumerate(threads):
        yield {"ph": "M", "name": "thread_name", "pid": 0, "tid": thread, "args": {"name": name}}
    for thread, name, begin_s, end_s in spans:
        yield {
            "ph": "X", "name": name, "pid": 0, "tid": thread, "ts": begin_s * 1e6,
            "dur": (end_s - begin_s) * 1e6,
        }  # fmt: skip


def _named(rank: int, stream: int) -> Iterator[dict[str, Any]]:
    yield {"ph": "M", "name": "process_name", "pid": rank, "tid": 0, "args": {"name": f"rank {rank}"}}
    yield {"ph": "M", "name": "thread_name", "pid": rank, "tid": stream, "args": {"name": f"stream {stream}"}}


def _complete(rank: int, stream: int, name: str, begin: int, end: int) -> dict[str, Any]:
    return {
        "ph": "X", "name": name, "pid": rank, "tid": stream,
        "ts": begin / TICKS_PER_MICROSECOND, "dur": (end - begin) / TICKS_PER_MICROSECOND,
    }  # fmt: skip


def course_events(course: Course, workers: list[int]) -> Iterator[dict[str, Any]]:
    """Yield what some workers, and all servers or the links out of those workers, do while steps count."""
    count, served = course.crew.workers, course.crew.visits is not None
    others = range(count, len(course.spent)) if served else [count + worker for worker in workers]
    names = {worker: f"worker {worker}" for worker in workers}
    if served:
        names |= {track: f"server {track - count}" for track in others}
    elif course.crew.links is not None:
        names |= {track: f"pushes of worker {track - count}" for track in others}
    for track, name in names.items():
        yield {"ph": "M", "name": "process_name", "pid": track, "tid": 0, "args": {"name": name}}
    for span in course.spans:
        if span.track in names:
            yield _complete(
                span.track, 0, STATES[span.state], span.begin - course.begin, span.end - course.begin
            )


def write_timeline(events: Iterator[dict[str, Any]], path: Path) -> int:
    """Write events as ``.json.gz`` or ``.json``, whole or not at all; return how many."""
    content = list(events)
    text = json.dumps({"displayTimeUnit": "ns", "traceEvents": content}, separators=(",", ":")).encode()
    packed = gzip.compress(text, mtime=0) if path.suffix == ".gz" else text
    write_whole(path, lambda file: file.write(packed))
    return len(content)
