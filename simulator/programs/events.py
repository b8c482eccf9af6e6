"""The event engine: any program of operations, with links shared by *flow* or rates held by *round*.

Three loops serve it. Where nothing depends on who comes first, a sweep without a queue follows the graph;
where messages share links by flow, or streams of a rank share an adapter under LogGOPS, an event loop
decides per tick. Large programs run compiled, small ones as they are written.
"""

from dataclasses import dataclass

import numpy as np

from nearlinear.models.arrays import FloatArray, IntArray, Integers
from nearlinear.models.hardware.loggops import LogGOPS
from nearlinear.simulator.compiled import Kernel, compiled
from nearlinear.simulator.fabrics.sharing import full_rates
from nearlinear.simulator.kernels import (
    adapters,
    columns,
    dataflow,
    ends,
    flows,
    heap,
    levels,
    links,
    waiters,
)  # fmt: skip
from nearlinear.simulator.pricing import asking, price_loggops, stretched
from nearlinear.simulator.programs.execution import NEVER, Execution, finished
from nearlinear.simulator.programs.program import Program

WORTH_COMPILING = 60_000  # operations from which loading numba pays
WORTH_COMPILING_FLOWS = 6_000  # the same where links are shared: each operation costs more


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowCounts:
    """What the event loop did: flows started and ended, rate solutions, flows in them."""

    events: int
    solutions: int
    solved: int


def run_events(
    program: Program, capacity: FloatArray | None = None, where: str = "schedule", compile: bool | None = None
) -> Execution:
    """Return the execution of a program.

    Parameters
    ----------
    program : Program
        What ranks do.
    capacity : ndarray, shape (links,), optional
        Share links by *flow*; without it every message takes its own ``slowdown`` (*round*).
    where : str
        What an error names.
    compile : bool, optional
        Compiled or as written; by size where None. The ticks are the same.

    Raises
    ------
    ContentError
        Deadlock.
    """
    if capacity is not None:
        return run_flows(program, capacity, where, compile)[0]
    messages = program.messages
    duration = messages.latency + stretched(messages.work, messages.slowdown)
    begin, done = _unknown(program)
    sweep = _chosen(program, compile, dataflow.run_dataflow, waiters.wake)
    sweep(*_columns(program)[2:], *_messages(program), duration, messages.handling, begin, done)
    return finished(program, begin, done, where)


def run_flows(
    program: Program, capacity: FloatArray, where: str = "schedule", compile: bool | None = None
) -> tuple[Execution, FlowCounts]:
    """Return the execution with links shared by *flow*, and what that took."""
    messages = program.messages
    begin, done = _unknown(program)
    counts = np.zeros(3, dtype=np.int64)
    share = None if messages.whole else messages.share
    alone = np.minimum(full_rates(messages.links, capacity, share), messages.limit)
    widest = np.zeros(len(capacity))
    for link in messages.links.T:
        used = link >= 0
        np.maximum.at(widest, link[used], alone[used])
    large = len(program) >= WORTH_COMPILING_FLOWS
    kernel = _chosen(
        program, large if compile is None else compile, flows.run_flows, links.join, links.leave,
        links.reach, levels.fill_links, levels.start_filling, levels.lowest_level, levels.freeze,
        levels.take, ends.settle, ends.sink, ends.order, waiters.wake, heap.push, heap.pop,
    )  # fmt: skip
    word = columns.operation_words(
        program.kind, program.message, program.fence, program.post, program.wait_first
    )
    row = columns.message_rows(
        messages.send, program.senders, messages.latency, messages.work, messages.handling
    )
    kernel(
        program.first, program.begin_ticks, word, program.ticks, program.post, program.wait_first,
        program.wait, row, messages.links, messages.share, alone, capacity, widest, begin, done, counts,
    )  # fmt: skip
    events, solutions, solved = counts.tolist()
    effort = FlowCounts(events=events, solutions=solutions, solved=solved)
    return finished(program, begin, done, where), effort


def run_events_loggops(
    program: Program, loggops: LogGOPS, where: str = "schedule", compile: bool | None = None
) -> Execution:
    """Return the execution of a program, messages priced by LogGOPS."""
    even = np.ones((2, 1, 1))
    sizes, which = program.sizes
    costs = price_loggops(sizes.astype(float), loggops, even, even)[:, :, 0]
    asks = asking(sizes.astype(float), loggops)
    begin, done = _unknown(program)
    if not asks.any() and len(np.unique(program.stream_rank)) == program.streams:
        by_size = np.ascontiguousarray(costs.T) if len(sizes) else np.zeros((1, 6), dtype=np.int64)
        sweep = _chosen(program, compile, dataflow.run_overheads, waiters.wake)
        sweep(
            program.ranks, program.stream_rank, program.first, program.begin_ticks, program.kind,
            program.ticks, program.message, program.wait_first, program.wait, program.messages.send, by_size,
            which, begin, done,
        )  # fmt: skip
    else:
        cost = np.ascontiguousarray(costs[:, which])
        kernel = _chosen(program, compile, adapters.run_adapters, waiters.wake, heap.push, heap.pop)
        kernel(*_columns(program), *_messages(program), program.receivers, asks[which], cost, begin, done)
    return finished(program, begin, done, where)


def _unknown(program: Program) -> tuple[IntArray, IntArray]:
    return np.full(len(program), NEVER, dtype=np.int64), np.full(len(program), NEVER, dtype=np.int64)


def _columns(program: Program) -> tuple[int | Integers, ...]:
    return (
        program.ranks, program.stream_rank, program.first, program.begin_ticks, program.kind, program.ticks,
        program.message, program.fence, program.post, program.wait_first, program.wait,
    )  # fmt: skip


def _messages(program: Program) -> tuple[IntArray, IntArray]:
    """Return each message's send, and the stream of it."""
    return program.messages.send, program.senders


def _alone(program: Program, capacity: FloatArray) -> FloatArray:
    """Return the rate of every message when nobody shares its links."""
    links, share = program.messages.links, program.messages.share
    part = np.where(share > 0, share, 1.0)
    wide = np.where(links >= 0, capacity[links] / part, np.inf)
    return np.asarray(np.minimum(wide.min(axis=1, initial=np.inf), program.messages.limit))


def _chosen(program: Program, compile: bool | None, kernel: Kernel, *helpers: Kernel) -> Kernel:
    large = len(program) >= WORTH_COMPILING
    return compiled(kernel, *helpers) if (large if compile is None else compile) else kernel
