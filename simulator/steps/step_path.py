"""The critical path of training steps: compute, and exchanges down to their messages."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from nearlinear.models.arrays import IntArray
from nearlinear.simulator.cause import Cause, CriticalPath, PathBuilder
from nearlinear.simulator.rounds.critical_path import follow_back
from nearlinear.simulator.rounds.packing import Packed
from nearlinear.simulator.rounds.replay import Replay
from nearlinear.simulator.steps.compute import Compute


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ExchangeRecord:
    """One exchange of a run: clocks of all participants before and after it, shape (samples, ranks).

    ``packed`` is None for a library's own collective, which begins when the last rank is there; ``copy``,
    shape (samples,), is what each worker copies before and after it.
    """

    bucket: int
    packed: Packed | None
    copy: IntArray
    start: IntArray
    end: IntArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class StepRecord:
    """One step of a run in order *ready*; clocks have shape (samples, devices).

    Attributes
    ----------
    compute : Compute
        What it computed.
    clock, loaded : ndarray of int
        When the step before was over, and when the batch was there.
    begin : ndarray of int
        When backward began.
    exchanges : sequence of ExchangeRecord
        In the order in which they travelled.
    end : ndarray of int
        When the step was over.
    """

    compute: Compute
    clock: IntArray
    loaded: IntArray
    begin: IntArray
    exchanges: Sequence[ExchangeRecord]
    end: IntArray


def step_path(records: Sequence[StepRecord], sample: int) -> CriticalPath:
    """Return the critical path of steps in order *ready*.

    Parameters
    ----------
    records : sequence of StepRecord
        All steps of a run.
    sample : int
        Which sample to explain.

    Raises
    ------
    SelfCheckError
        The path does not sum to the time of the run.
    """
    builder = PathBuilder()
    ends = records[-1].end[sample]
    rank, served = int(np.argmax(ends)), False
    for record in reversed(records):
        rank, served = _Back(builder, record, sample).through(rank, served)
    return builder.path(0, int(ends.max()))


@dataclass(frozen=True, slots=True, eq=False)
class _Back:
    """A step followed backwards from the end of a rank, or of a server that the next step waited for."""

    builder: PathBuilder
    record: StepRecord
    sample: int

    def through(self, rank: int, served: bool) -> tuple[int, bool]:
        """Take in the causes of an end; return the rank at whose begin they begin, and if it is a server."""
        record, sample, compute = self.record, self.sample, self.record.compute
        exchanges = list(record.exchanges)
        if served:
            tick = int(exchanges[-1].end[sample, rank])
        else:
            update = int(compute.optimizer[sample, rank])
            self._took(update, "compute")
            tick = int(record.end[sample, rank]) - update
        devices = record.begin.shape[1]
        while exchanges and exchanges[-1].end[sample, rank] == tick:
            exchange = exchanges.pop()
            rank = self._exchange(exchange, rank, devices)
            tick = int(exchange.start[sample, rank])
            ready = compute.ready[exchange.bucket][sample]
            if rank < devices and record.begin[sample, rank] + ready[rank] == tick:
                break
        if rank >= devices:
            return rank, True
        self._took(tick - int(record.begin[sample, rank]) + int(compute.forward[sample, rank]), "compute")
        waited = int(record.loaded[sample, rank] - record.clock[sample, rank])
        self._took(max(waited, 0), "load")
        return rank, False

    def _exchange(self, exchange: ExchangeRecord, rank: int, devices: int) -> int:
        copied = np.where(np.arange(exchange.start.shape[1]) < devices, exchange.copy[self.sample], 0)
        start, end = exchange.start[self.sample] + copied, exchange.end[self.sample] - copied
        self._took(int(copied[rank]), "copy")
        entered = self._within(exchange.packed, start, end, rank)
        self._took(int(copied[entered]), "copy")
        return entered

    def _within(self, packed: Packed | None, start: IntArray, end: IntArray, rank: int) -> int:
        """Take in the exchange itself; return the rank at whose begin its causes begin."""
        if packed is None:
            last = int(np.argmax(start))
            self._took(int(end[rank] - start[last]), "transfer")
            return last
        entered = follow_back(self.builder, Replay(packed, None, self.sample), start, end, rank)
        return rank if entered is None else entered

    def _took(self, ticks: int, part: str) -> None:
        self.builder.follow(Cause(0).plus(ticks, part))
