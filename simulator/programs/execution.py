"""What came of a program: when every operation began and was done, or who waits for whom."""

from dataclasses import dataclass

import numpy as np

from nearlinear.models.arrays import IntArray
from nearlinear.models.errors import ContentError
from nearlinear.simulator.programs.program import RECEIVE, SEND, Program

NEVER = -1
SHOWN = 4  # waiting ranks that a deadlock names


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Execution:
    """Ticks of all operations.

    Attributes
    ----------
    begin_ticks, done_ticks : ndarray of int, shape (operations,)
        When each began and was done.
    """

    begin_ticks: IntArray
    done_ticks: IntArray

    @property
    def makespan_ticks(self) -> int:
        """When the last operation is done."""
        return int(self.done_ticks.max(initial=0))

    def rank_ends(self, program: Program) -> IntArray:
        """Return when every rank has done all its operations, shape (ranks,)."""
        ends = np.zeros(program.ranks, dtype=np.int64)
        np.maximum.at(ends, program.stream_rank, program.begin_ticks)
        rank = np.repeat(program.stream_rank, np.diff(program.first))
        np.maximum.at(ends, rank, self.done_ticks)
        return ends


def finished(program: Program, begin: IntArray, done: IntArray, where: str) -> Execution:
    """Return the execution, if every operation is done.

    Raises
    ------
    ContentError
        Some ranks wait for ever; the message says who waits for whom.
    """
    if (done >= 0).all():
        return Execution(begin_ticks=begin, done_ticks=done)
    stuck = [
        operation
        for stream in range(program.streams)
        if (operation := _stuck(program, stream, begin, done)) is not None
    ]
    waits = [_reason(program, operation, begin, done) for operation in stuck]
    more = f" and {len(waits) - SHOWN} more streams" if len(waits) > SHOWN else ""
    raise ContentError(where, f"deadlock: {'; '.join(waits[:SHOWN])}{more}")


def _stuck(program: Program, stream: int, begin: IntArray, done: IntArray) -> int | None:
    """Return the first operation of a stream that cannot go on."""
    first, last = int(program.first[stream]), int(program.first[stream + 1])
    held = (begin[first:last] == NEVER) | ((done[first:last] == NEVER) & (program.kind[first:last] != SEND))
    if held.any():
        return first + int(np.argmax(held))
    open_sends = np.flatnonzero(done[first:last] == NEVER)
    return first + int(open_sends[0]) if len(open_sends) else None


def _reason(program: Program, operation: int, begin: IntArray, done: IntArray) -> str:
    me = f"rank {program.rank_of(operation)} waits in {program.name_of(operation)}"
    if begin[operation] != NEVER:
        return me
    first = int(program.first[program.stream_of(operation)])
    if program.fence[operation]:
        open_sends = first + np.flatnonzero(
            (program.kind[first:operation] == SEND) & (done[first:operation] == NEVER)
        )
        if len(open_sends):
            return f"{me} until its {program.name_of(int(open_sends[0]))} is done"
    for waited in program.wait[program.wait_first[operation] : program.wait_first[operation + 1]]:
        known = done[waited] if waited >= 0 else begin[~waited]
        if known == NEVER:
            return f"{me} for its {program.name_of(int(waited if waited >= 0 else ~waited))}"
    return me


def posted_group(program: Program, operation: int) -> range:
    """Return the receives that are posted when this one begins; empty unless it leads its group."""
    if program.kind[operation] != RECEIVE or program.post[operation] != operation:
        return range(0)
    end = operation
    while end < len(program) and program.post[end] == operation and program.kind[end] == RECEIVE:
        end += 1
    return range(operation, end)
