"""Writing GOAL line by line; ``goal`` describes how streams are put."""

from collections.abc import Iterator

import numpy as np

from nearlinear.models.arrays import IntArray
from nearlinear.models.errors import ContentError
from nearlinear.simulator.formats.goal_reader import TICKS_PER_NANOSECOND
from nearlinear.simulator.programs.program import COMPUTE, RECEIVE, SEND, Program


def check(program: Program, where: str) -> None:
    """Refuse a program that GOAL cannot say.

    Raises
    ------
    ContentError
        An operation waits for another rank, or waits although it is expected with the receive before it.
    """
    stream = np.repeat(np.arange(program.streams), np.diff(program.first))
    rank = program.stream_rank[stream]
    operation = np.repeat(np.arange(len(program)), np.diff(program.wait_first))
    target = np.where(program.wait < 0, ~program.wait, program.wait)
    far = np.flatnonzero(rank[operation] != rank[target])
    if len(far):
        raise _refusal(program, int(operation[far[0]]), where, "must wait within its rank")
    follows = np.flatnonzero(program.post != np.arange(len(program)))
    before = follows - 1
    alike = (program.post[before] == program.post[follows]) & (stream[before] == stream[follows])
    held = (program.fence[follows] > 0) | (np.diff(program.wait_first)[follows] > 0)
    receives = (program.kind[follows] == RECEIVE) & (program.kind[before] == RECEIVE)
    odd = np.flatnonzero(~alike | held | ~receives)
    if len(odd):
        rule = "must follow the receives that it is expected with, and wait for nothing else"
        raise _refusal(program, int(follows[odd[0]]), where, rule)


def _refusal(program: Program, operation: int, where: str, rule: str) -> ContentError:
    name = f"rank {program.rank_of(operation)}, {program.name_of(operation)}"
    return ContentError(where, rule, field=name, remedy="GOAL cannot say this")


def lines(program: Program) -> Iterator[str]:
    """Yield the lines of a program, rank by rank."""
    yield f"num_ranks {program.ranks}\n"
    order = np.argsort(program.stream_rank, kind="stable")
    bounds = np.searchsorted(program.stream_rank[order], np.arange(program.ranks + 1))
    tags = _tags(program)
    for rank in range(program.ranks):
        yield f"rank {rank} {{\n"
        waits: list[str] = []
        for cpu, stream in enumerate(order[bounds[rank] : bounds[rank + 1]].tolist()):
            yield from _operations(program, stream, cpu, tags)
            waits += _requirements(program, stream)
        yield from waits
        yield "}\n"


def _tags(program: Program) -> IntArray:
    """Return which message of its pair of ranks each one is, counted from 0."""
    pair = program.messages.source * program.ranks + program.messages.destination
    order = np.argsort(pair, kind="stable")
    number = np.empty(len(order), dtype=np.int64)
    number[order] = np.arange(len(order)) - np.searchsorted(pair[order], pair[order])
    return number


def _operations(program: Program, stream: int, cpu: int, tags: IntArray) -> Iterator[str]:
    on = f" cpu {cpu}" if cpu else ""
    first, last = program.first[stream : stream + 2].tolist()
    if program.begin_ticks[stream]:
        yield f"s{stream}: calc {_nanoseconds(program.begin_ticks[stream])}{on}\n"
    messages = program.messages
    kinds, whose = program.kind[first:last].tolist(), program.message[first:last].tolist()
    for operation, kind, message in zip(range(first, last), kinds, whose, strict=True):
        if kind == COMPUTE:
            yield f"l{operation}: calc {_nanoseconds(program.ticks[operation])}{on}\n"
            continue
        size, tag = messages.size_bytes[message], tags[message]
        if kind == SEND:
            what = f"send {size}b to {messages.destination[message]}"
        else:
            what = f"recv {size}b from {messages.source[message]}"
        yield f"l{operation}: {what} tag {tag}{on}\n"


def _nanoseconds(ticks: int) -> int:
    return round(int(ticks) / TICKS_PER_NANOSECOND)


def _requirements(program: Program, stream: int) -> Iterator[str]:
    first, last = program.first[stream : stream + 2].tolist()
    sends: list[int] = []
    if program.begin_ticks[stream] and last > first:
        yield f"l{first} requires s{stream}\n"
    for operation in range(first, last):
        if operation > first:
            yield from _after(program, operation)
        if program.fence[operation]:
            yield from (f"l{operation} requires l{send}\n" for send in sends)
            sends = []
        if program.kind[operation] == SEND:
            sends.append(operation)
        for wait in program.wait[program.wait_first[operation] : program.wait_first[operation + 1]].tolist():
            yield f"l{operation} irequires l{~wait}\n" if wait < 0 else f"l{operation} requires l{wait}\n"


def _after(program: Program, operation: int) -> Iterator[str]:
    """Yield what puts an operation behind the one before it in its stream."""
    before = operation - 1
    kind, lead = program.kind[before], int(program.post[before])
    if kind == SEND:
        yield f"l{operation} irequires l{before}\n"
    elif kind == COMPUTE:
        yield f"l{operation} requires l{before}\n"
    elif program.kind[operation] == RECEIVE and program.post[operation] == lead:
        yield f"l{operation} irequires l{lead}\n"
    else:
        yield from (f"l{operation} requires l{one}\n" for one in range(lead, operation))
