"""What importers take and give."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

from nearlinear.measure.records import Sample

SPIKE = 4.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Hints:
    """What a user knows about a log that the log may not say.

    Attributes
    ----------
    collective : str or None
        ``allreduce``, ``allgather``, ``reduce-scatter`` …
    ranks, per_node : int or None
        Ranks of the run, and how many of them share a node.
    nics : int or None
        Network adapters of each node.
    columns : str
        What the columns of a CSV table mean, as ``csv_columns`` reads it.
    """

    collective: str | None = None
    ranks: int | None = None
    per_node: int | None = None
    nics: int | None = None
    columns: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """Samples of one file, and what was understood of it.

    Attributes
    ----------
    path, format : str
        The file and its format.
    samples : tuple of Sample
        In the order of the file.
    notes : tuple of str
        What was inferred, skipped or doubtful.
    header : mapping
        What the file says about its run: ``hosts``, ``devices``, ``versions``.
    rows, skipped : int
        Rows of results that were used, and that were not.
    known_from : str
        What says how many ranks there were.
    """

    path: str
    format: str
    samples: tuple[Sample, ...]
    notes: tuple[str, ...] = ()
    header: Mapping[str, Any] = field(default_factory=dict)
    rows: int = 0
    skipped: int = 0
    known_from: str = ""


def numbered(samples: Iterable[Sample]) -> tuple[Sample, ...]:
    """Return samples with their repetitions counted from 0 within what was measured alike."""
    seen: dict[tuple[Any, ...], int] = {}
    found = []
    for sample in samples:
        cell = (sample.operation, sample.algorithm, sample.transport, sample.dtype, sample.wire_dtype,
                sample.placement, sample.size_bytes, sample.ranks, sample.nodes, sample.among,
                sample.mode)  # fmt: skip
        seen[cell] = seen.get(cell, -1) + 1
        found.append(replace(sample, repetition=seen[cell]))
    return tuple(found)


def skips(sizes: Sequence[int]) -> int:
    """Return how many sizes of a sweep are not twice the one before: rows taken out, or a wrong digit.

    Examples
    --------
    >>> skips([0, 1, 2, 4, 16])
    1
    """
    return sum(after != max(2 * before, 1) for before, after in pairwise(sizes))


def spikes(points: Sequence[tuple[int, float]]) -> int:
    """Return how many times of a sweep are four times above, or below a quarter of, all their neighbours.

    Neighbours are half and twice the size. Such a time may be real; it may as well be a wrong digit.

    Examples
    --------
    >>> spikes([(1024, 5.0), (2048, 6.0), (4096, 60.0), (8192, 8.0), (16384, 9.0)])
    1
    """
    found = 0
    for place, (size, time_s) in enumerate(points):
        beside = [*points[max(place - 1, 0) : place], *points[place + 1 : place + 2]]
        near = [other for other_size, other in beside if max(size, other_size) == 2 * min(size, other_size)]
        found += bool(near) and not min(near) / SPIKE <= time_s <= max(near) * SPIKE
    return found
