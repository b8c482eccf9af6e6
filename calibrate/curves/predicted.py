"""Held-out points of a library's own collectives, predicted from the others with a band."""

from collections.abc import Container, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from nearlinear.calibrate.curves.half_width import FLOOR, Widths, half_width
from nearlinear.calibrate.curves.rank_width import bands, rank_half_width
from nearlinear.calibrate.curves.reference import NCCL
from nearlinear.calibrate.curves.series import (
    WITHOUT_FILE,
    WITHOUT_RANKS,
    WITHOUT_SIZE,
    Series,
    units_of,
)
from nearlinear.calibrate.curves.surface_fit import carried, surface_of
from nearlinear.calibrate.points import Points, groups
from nearlinear.models.arrays import FloatArray, IntArray
from nearlinear.models.collectives.curve import Curve, between

COVERED = 0.9
SEVERAL_RUNS = 3  # other runs that tell by themselves how runs differ
ACROSS_FILES = tuple(name for name in WITHOUT_RANKS if name != "file")


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """What held-out points are judged by, beside their own measurement: shipped coefficients by default.

    Attributes
    ----------
    widths : Widths or None
        Of bands between sizes.
    ranks : dict or None
        Half-widths across rank counts.
    without : container of str
        Systems of the reference not to look at.
    """

    widths: Widths | None = None
    ranks: dict[str, Any] | None = None
    without: Container[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Predicted:
    """Predictions of some rows.

    Attributes
    ----------
    rows : ndarray of int
        Of the points.
    median_s, half_width : ndarray
        Times, and half the 90 % band in log time.
    """

    rows: IntArray
    median_s: FloatArray
    half_width: FloatArray


def predict_held(points: Points, held: np.ndarray, by: str, judged: Judged | None = None) -> Predicted:
    """Return predictions of held-out points that lie inside the sizes of the others.

    Parameters
    ----------
    points : Points
        Held-out ones and others.
    held : ndarray of bool, shape (points,)
        Which are held out.
    by : {"sizes", "ranks", "runs"}
        What was held out.
    """
    way = {"sizes": _sizes, "ranks": _ranks, "runs": _runs}[by]
    found = list(way(points, held, judged or Judged()))
    if not found:
        return Predicted(rows=np.empty(0, dtype=np.int64), median_s=np.empty(0), half_width=np.empty(0))
    return Predicted(
        rows=np.concatenate([one.rows for one in found]),
        median_s=np.concatenate([one.median_s for one in found]),
        half_width=np.concatenate([one.half_width for one in found]),
    )


def _sizes(points: Points, held: np.ndarray, judged: Judged) -> Iterator[Predicted]:
    for rows in groups(points, WITHOUT_SIZE):
        seen = points[rows[~held[rows]]]
        if len(seen) < 2:
            continue
        curve = Series.of(seen).curve(2)
        asked = _inside(points, rows[held[rows]], curve)
        query = points.size_bytes[asked]
        yield Predicted(
            rows=asked,
            median_s=between(curve.size_bytes, curve.time_s, query),
            half_width=half_width(curve.size_bytes, curve.time_s, query, judged.widths),
        )


def _ranks(points: Points, held: np.ndarray, judged: Judged) -> Iterator[Predicted]:
    for rows in groups(points, ACROSS_FILES):
        asked = rows[held[rows]]
        if not len(asked):
            continue
        units, chain = units_of(points[asked])
        curves = other_counts(
            points, rows[~held[rows]], chain, points.ranks[asked[0]] // points.nodes[asked[0]]
        )
        if not curves:
            continue
        operation = str(points.operation[asked[0]])
        surface = surface_of(curves, operation, chain)
        of_nccl = points.transport[asked[0]] == NCCL
        curve = carried(surface, operation, units, judged.without) if of_nccl else surface.curve(units)
        inside = _inside(points, asked, curve)
        width = rank_half_width(surface, operation, units, judged.ranks)
        yield Predicted(
            rows=inside,
            median_s=curve.at(points.size_bytes[inside], surface.growth),
            half_width=np.full(len(inside), width),
        )


def other_counts(points: Points, rows: IntArray, chain: bool, per_node: int) -> list[Curve]:
    """Return the curves of other rank counts on the same level: within a node, or of as full nodes.

    Parameters
    ----------
    rows : ndarray of int
        Points that are known.
    chain, per_node : bool, int
        Whether the level is the node, and how many ranks a node has where it is not.
    """
    mine = points[rows]
    alike = mine.nodes == 1 if chain else (mine.nodes > 1) & (mine.ranks // mine.nodes == per_node)
    mine = mine[alike]
    counts = mine.ranks if chain else mine.nodes
    return [Series.of(mine[counts == count]).curve(int(count)) for count in np.unique(counts)]


def _runs(points: Points, held: np.ndarray, judged: Judged) -> Iterator[Predicted]:
    for rows in groups(points, WITHOUT_FILE):
        asked, others = rows[held[rows]], rows[~held[rows]]
        if not len(asked) or not len(others):
            continue
        curve = Series.of(points[others]).curve(2)
        inside = _inside(points, asked, curve)
        yield Predicted(
            rows=inside,
            median_s=between(curve.size_bytes, curve.time_s, points.size_bytes[inside]),
            half_width=np.full(len(inside), _run_half_width(points[others])),
        )


def _run_half_width(others: Points) -> float:
    """Return how far a run lies from others: as these differ among each other, or as runs do elsewhere."""
    files = np.unique(others.file)
    if len(files) < SEVERAL_RUNS:
        return float(bands()["runs"]["half_width"])
    errors = [_apart(others, others.file == file) for file in files]
    return max(float(np.quantile(np.concatenate(errors), COVERED)), FLOOR)


def _apart(points: Points, mine: np.ndarray) -> FloatArray:
    """Return |log| of one run over the mean of the others at the sizes of both."""
    one, rest = Series.of(points[mine]), Series.of(points[~mine])
    _, left, right = np.intersect1d(one.size_bytes, rest.size_bytes, return_indices=True)
    return np.abs(np.log(one.time_s[left] / rest.time_s[right]))


def _inside(points: Points, rows: IntArray, curve: Curve) -> IntArray:
    sizes = points.size_bytes[rows]
    return np.asarray(rows[(sizes >= curve.size_bytes[0]) & (sizes <= curve.size_bytes[-1])])
