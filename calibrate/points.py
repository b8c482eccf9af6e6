"""Measured points as columns: one row per file, operation, placement, ranks, type and size.

A point is the median over repeats. Rows of one rank or of no byte say nothing about links and are
left out, as are results that were found wrong.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np

from nearlinear.calibrate.importers.imported import Imported
from nearlinear.measure.records import Sample, samples_by
from nearlinear.models.arrays import FloatArray, IntArray

KEY = (
    "operation", "algorithm", "transport", "placement", "ranks", "nodes", "dtype", "wire_dtype", "mode",
    "waiting", "size_bytes",
)  # fmt: skip
KIND = ("operation", "algorithm", "ranks", "nodes", "transport")  # what one closed form reads
RECORD = "record"  # the format of files whose repetitions are samples of one run
TEXTS = ("operation", "algorithm", "transport", "placement", "dtype", "wire_dtype", "mode", "waiting")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Points:
    """Equally long columns.

    Attributes
    ----------
    file : ndarray of int
        Index of the file.
    operation, algorithm, transport, placement, dtype, wire_dtype, mode, waiting : ndarray of str
        As in the samples.
    ranks, nodes : ndarray of int
        Participants and machines.
    size_bytes, time_s : ndarray of float
        Vector in memory, and the median time.
    repeats : ndarray of int
        Samples behind the median.
    bound : ndarray of bool
        Whether half of the samples or more may have been limited by the processors.
    """

    file: IntArray
    operation: np.ndarray
    algorithm: np.ndarray
    transport: np.ndarray
    placement: np.ndarray
    dtype: np.ndarray
    wire_dtype: np.ndarray
    mode: np.ndarray
    waiting: np.ndarray
    ranks: IntArray
    nodes: IntArray
    size_bytes: FloatArray
    time_s: FloatArray
    repeats: IntArray
    bound: np.ndarray

    def __len__(self) -> int:
        return len(self.time_s)

    def __getitem__(self, rows: Any) -> "Points":
        return Points(**{f.name: getattr(self, f.name)[rows] for f in fields(self)})


def medians(files: Sequence[Imported]) -> Points:
    """Return the points of several files."""
    rows = [
        (index, key, group)
        for index, imported in enumerate(files)
        for key, group in samples_by(_usable(imported.samples), *KEY).items()
    ]
    columns = {name: [key[KEY.index(name)] for _, key, _ in rows] for name in KEY}
    text = {name: np.array(columns[name], dtype=str) for name in TEXTS}
    return Points(
        file=np.array([row[0] for row in rows], dtype=np.int64),
        **text,
        ranks=np.array(columns["ranks"], dtype=np.int64),
        nodes=np.array(columns["nodes"], dtype=np.int64),
        size_bytes=np.array(columns["size_bytes"], dtype=float),
        time_s=np.array([np.median([s.time_s for s in group]) for *_, group in rows], dtype=float),
        repeats=np.array([len(group) for *_, group in rows], dtype=np.int64),
        bound=np.array([2 * sum(s.processor_bound for s in group) >= len(group) for *_, group in rows], bool),
    )


def tables_apart(files: Sequence[Imported]) -> list[Imported]:
    """Return the files with repeated tables of a log apart: each is a run. A record is one run."""
    found = []
    for imported in files:
        tables: dict[int, list[Sample]] = {}
        for sample in imported.samples:
            table = 0 if imported.format == RECORD else sample.repetition
            tables.setdefault(table, []).append(sample)
        found += [replace(imported, samples=tuple(samples)) for samples in tables.values()]
    return found


def _usable(samples: Iterable[Sample]) -> Iterable[Sample]:
    return (s for s in samples if s.ranks > 1 and s.size_bytes > 0 and s.correct is not False)


def alike(points: Points, notes: list[str]) -> Points:
    """Return points that mean the same: one mode for each transport, and no narrowed messages.

    Calls timed alone and calls back to back differ by what overlaps, ranks that poll and ranks that
    sleep by their naps; where both are there, calls timed alone and ranks that poll are used. ``notes``
    gets what is left out, and whether the processors may have been the limit.
    """
    left_out = {
        "pipelined, and calls timed alone are there, too": _both(points, "mode", "pipelined"),
        "ranks that slept, and ranks that polled are there, too": _both(points, "waiting", "sleep"),
        "narrower wire": points.wire_dtype != "",
    }
    notes += [f"points left out: {int(rows.sum())} ({why})" for why, rows in left_out.items() if rows.any()]
    kept = points[~np.any(list(left_out.values()), axis=0)]
    if kept.bound.any():
        told = "the processors, not the links, may have been their limit"
        notes.append(f"doubtful: {int(kept.bound.sum())} of {len(kept)} points ({told})")
    return kept


def _both(points: Points, column: str, second: str) -> np.ndarray:
    """Return the points of the second choice, where their transport has points of another one, too."""
    values = getattr(points, column)
    mixed = {t for t in set(points.transport) if len(set(values[points.transport == t])) > 1}
    return np.asarray(np.isin(points.transport, sorted(mixed)) & (values == second))


def groups(points: Points, columns: tuple[str, ...]) -> list[IntArray]:
    """Return the rows of each combination of values, in order of appearance."""
    keys = list(zip(*(getattr(points, name).tolist() for name in columns), strict=True))
    found: dict[tuple[object, ...], list[int]] = {}
    for row, key in enumerate(keys):
        found.setdefault(key, []).append(row)
    return [np.array(rows, dtype=np.int64) for rows in found.values()]
