"""A part of a packed schedule as the arrays that kernels take."""

from dataclasses import dataclass
from itertools import accumulate

import numpy as np

from nearlinear.models.arrays import IntArray
from nearlinear.simulator.kernels import table as column
from nearlinear.simulator.kernels.table import PERMUTATION
from nearlinear.simulator.rounds.packed_phase import PackedPhase
from nearlinear.simulator.rounds.packing import Part

NO_INDEX = np.empty(0, dtype=np.int32)
NO_RUN = np.empty((0, 4), dtype=np.int64)
LEAST_RUN = 32  # mean length from which contiguous runs are faster than single indices


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Flat:
    """Arrays of a part; ``table`` has a row per phase, with offsets into the others."""

    table: IntArray
    source: IntArray
    destination: IntArray
    group: IntArray
    incoming: IntArray
    runs: IntArray
    chunk: IntArray
    base: IntArray
    longer: IntArray
    absent: IntArray

    @classmethod
    def of(cls, part: Part) -> "Flat":
        """Return the arrays of a part."""
        phases = part.phases
        incoming = [_incoming(phase) for phase in phases]
        runs = [_runs(phase, came) for phase, came in zip(phases, incoming, strict=True)]
        bases = [(phase.source_base, phase.destination_base, phase.chunk_base) for phase in phases]
        table = np.zeros((len(phases), column.COLUMNS), dtype=np.int64)
        for row, phase in zip(table, phases, strict=True):
            _describe(row, phase)
        table[:, column.FIRST] = _offsets(phase.source for phase in phases)
        table[:, column.INCOMING] = _offsets(incoming)
        table[:, column.RUNS] = _offsets(runs)
        table[:, column.RUN_COUNT] = [len(run) for run in runs]
        long = [phase.longer for phase in phases]
        table[:, column.LONGER] = _offsets(long)
        moving = np.array([len(phase.chunk) > 0 for phase in phases])
        table[:, column.CHUNK] = np.where(moving, _offsets(phase.chunk for phase in phases), -1)
        flat_bases = [base for three in bases for base in three]
        starts = np.array(_offsets(flat_bases)).reshape(-1, 3)
        table[:, column.SOURCE_BASE], table[:, column.DESTINATION_BASE] = starts[:, 0], starts[:, 1]
        table[:, column.CHUNK_BASE] = starts[:, 2]
        return cls(
            table=table,
            source=_joined([phase.source for phase in phases]),
            destination=_joined([phase.destination for phase in phases]),
            group=_joined([p.group + o if o else p.group for p, o in zip(phases, part.offsets, strict=True)]),
            incoming=_joined(incoming),
            runs=np.concatenate([NO_RUN, *runs]),
            chunk=_joined([phase.chunk for phase in phases]),
            base=_joined(flat_bases),
            longer=np.concatenate([np.empty(0, np.uint8), *long]),
            absent=(part.classes.elements == 0).astype(np.uint8),
        )

    @property
    def arrays(self) -> tuple[IntArray, ...]:
        """All arrays in the order in which kernels take them."""
        return (
            self.table, self.source, self.destination, self.group, self.incoming, self.runs, self.chunk,
            self.base, self.longer, self.absent,
        )  # fmt: skip

    @property
    def longest_list(self) -> int:
        """Transfers of the longest phase."""
        return int(self.table[:, column.COUNT].max(initial=1))


def _describe(row: IntArray, phase: PackedPhase) -> None:
    row[column.KIND], row[column.ROUNDS], row[column.COUNT] = phase.kind, phase.rounds, len(phase.source)
    row[column.EVEN] = int((phase.group == phase.group[0]).all()) if len(phase.group) else 1
    row[column.SOURCE_SHIFT], row[column.SOURCE_CYCLE] = phase.source_turn
    row[column.DESTINATION_SHIFT], row[column.DESTINATION_CYCLE] = phase.destination_turn
    row[column.CHUNK_SHIFT], row[column.CHUNK_CYCLE] = phase.chunk_turn


def _incoming(phase: PackedPhase) -> IntArray:
    """Return for every rank of a permutation who sends to it."""
    if phase.kind != PERMUTATION:
        return np.empty(0, dtype=np.int64)
    incoming = np.empty(len(phase.source), dtype=np.int64)
    incoming[phase.destination] = phase.source
    return incoming


def _runs(phase: PackedPhase, incoming: IntArray) -> IntArray:
    """Return (first, count, first sender, first receiver) of contiguous runs, none where they are short."""
    if phase.kind != PERMUTATION or phase.rounds == 1:
        return NO_RUN
    breaks = (np.diff(phase.destination) != 1) | (np.diff(incoming) != 1)
    first = np.concatenate(([0], np.flatnonzero(breaks) + 1))
    if len(incoming) < LEAST_RUN * len(first):
        return NO_RUN
    count = np.diff(first, append=len(incoming))
    return np.stack([first, count, incoming[first], phase.destination[first]], axis=1)


def _offsets(arrays: object) -> list[int]:
    return list(accumulate((len(a) for a in arrays), initial=0))[:-1]  # type: ignore[attr-defined]


def _joined(arrays: list[IntArray]) -> IntArray:
    """Return the arrays one after another, narrow: what moves through caches is half."""
    return np.concatenate([NO_INDEX, *arrays], dtype=np.int32, casting="same_kind")
