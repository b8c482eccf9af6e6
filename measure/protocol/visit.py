"""A visit of one cell: a few samples, the check of the result, and what the processors did meanwhile."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import repeat
from typing import Any

import numpy as np

from nearlinear.measure.operations.operation import Operation, Prepared
from nearlinear.measure.protocol.clocks import Clocks, compare
from nearlinear.measure.protocol.load import LoadWatch, is_processor_bound
from nearlinear.measure.protocol.starts import Start
from nearlinear.measure.transports.transport import Transport
from nearlinear.models.arrays import FloatArray

COLUMNS = 3  # seconds, start by the clock of rank 0, whether it was in time
TAIL = 3  # wrong elements, share of cores spent, share of time with a queue


@dataclass(slots=True, kw_only=True, eq=False)
class Crew:
    """All ranks of a run, and how they measure.

    Attributes
    ----------
    control : Transport
        Among all ranks, on host memory; keeps them together between samples.
    start : Start
        How timed calls start.
    clocks : Clocks
        Compared with that of rank 0.
    polls : bool
        Whether ranks wait busily.
    watch : LoadWatch
        Of this rank's machine.
    """

    control: Transport
    start: Start
    clocks: Clocks
    polls: bool = True
    watch: LoadWatch = field(default_factory=LoadWatch)

    @property
    def rank(self) -> int:
        """Number of this rank in the run."""
        return self.control.rank

    def compare_clocks(self) -> None:
        """Compare them anew, because they drift apart; all ranks call this."""
        self.clocks = compare(self.control)
        self.start.clocks = self.clocks


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Outcome:
    """One sample as rank 0 has it; times are seconds per operation."""

    time_s: float
    per_rank_s: tuple[float, ...]
    skew_s: float | None
    wrong: int
    transport: str
    start: str
    waiting: str
    cpu_busy: float | None
    cpu_waiting: float | None
    processor_bound: bool


def visit(
    crew: Crew,
    transport: Transport | None,
    members: Sequence[int],
    operation: Operation,
    prepared: Prepared | None,
    samples: int,
    calls: int,
) -> list[Outcome]:
    """Take samples of one operation and return them on rank 0; all ranks of the run call this.

    Parameters
    ----------
    transport : Transport or None
        Among ``members``, ranks of the run; None on others.
    prepared : Prepared or None
        The call on this rank.
    samples : int
        Samples to take.
    calls : int
        Calls back to back that make one sample.
    """
    own = np.full(samples * COLUMNS + TAIL, np.nan)
    if transport is not None and prepared is not None and transport.rank in operation.participants:
        with np.errstate(over="ignore", invalid="ignore"):  # calls in a row may sum up beyond 16 bits
            own[:] = _part(crew, transport, members, operation, prepared, samples, calls)
    everyone = crew.control.gather(own)
    if everyone is None or transport is None or prepared is None:
        return []
    rows = everyone[[members[rank] for rank in operation.participants]]
    return _outcomes(crew, transport.name, rows, samples, prepared.scale / calls, calls)


def _part(
    crew: Crew,
    transport: Transport,
    members: Sequence[int],
    operation: Operation,
    prepared: Prepared,
    samples: int,
    calls: int,
) -> FloatArray:
    """Return what one participant saw: a row for each sample, then the tail."""
    run, ready, clock = prepared.run, transport.buffers.ready, time.perf_counter  # looked up but once
    finish, on_device = prepared.finish, transport.buffers.name != "host"
    rows = np.empty((samples, COLUMNS))
    offset = float(crew.clocks.offset_s[crew.rank])
    participants = [members[rank] for rank in operation.participants]
    for row in rows:
        prepared.reset()
        transport.buffers.ready()
        row[2] = crew.start.wait(crew.control, participants)
        begin = clock()
        for _ in repeat(None, calls):
            run()
        if finish is not None:
            finish()
        if on_device:
            ready()
        end = clock()
        row[0], row[1] = end - begin, begin - offset
    load = crew.watch.shares()
    if calls > 1:  # calls in a row change their own input
        prepared.reset()
        transport.buffers.ready()
        transport.barrier(operation.participants)
        prepared.run()
        transport.buffers.ready()
    return np.concatenate([rows.ravel(), [float(prepared.wrong())], load])


def _outcomes(
    crew: Crew, name: str, rows: FloatArray, samples: int, scale: float, calls: int
) -> list[Outcome]:
    """Return the samples of a visit that nobody spoiled by being late."""
    table = rows[:, : samples * COLUMNS].reshape(len(rows), samples, COLUMNS)
    wrong, busy, waiting = int(rows[:, -3].sum()), _worst(rows[:, -2]), _worst(rows[:, -1])
    bound = is_processor_bound(_number(busy), _number(waiting), crew.polls)
    found = []
    for index in range(samples):
        per_rank = table[:, index, 0] * scale
        if not table[:, index, 2].all():
            continue
        found.append(
            Outcome(
                time_s=float(per_rank.max() if calls == 1 else per_rank.mean()),
                per_rank_s=tuple(float(t) for t in per_rank),
                skew_s=float(np.ptp(table[:, index, 1])),
                wrong=wrong,
                transport=name,
                start=crew.start.name,
                waiting="poll" if crew.polls else "sleep",
                cpu_busy=busy,
                cpu_waiting=waiting,
                processor_bound=bound,
            )
        )
    return found


def _worst(values: Any) -> float | None:
    known = values[~np.isnan(values)]
    return round(float(known.max()), 4) if len(known) else None


def _number(value: float | None) -> float:
    return 0.0 if value is None else value
