"""What is held out of a fit to check it: sizes, rank counts, or runs.

All repeats, placements and files of one size fall on one side. The smallest and the largest size are never
held out, so that held-out sizes lie inside the fitted range; rank counts and runs are held out in turn.
"""

from collections.abc import Iterable
from zlib import crc32

import numpy as np

from nearlinear.calibrate.points import KIND, Points, groups
from nearlinear.models.arrays import FloatArray

WAYS = ("sizes", "ranks", "runs")


def splits(points: Points, by: str, fraction: float, seed: int) -> list[np.ndarray]:
    """Return masks of the points that are held out at once; none where there is nothing to hold out.

    Parameters
    ----------
    by : {"sizes", "ranks", "runs"}
        What is held out.
    fraction : float
        Of the sizes.
    seed : int
        Of the draw of sizes.
    """
    if by == "sizes":
        held = hold_out_sizes(points, fraction, seed)
        return [held] if held.any() else []
    return _in_turn(_scales(points) if by == "ranks" else points.file.tolist())


def hold_out_sizes(points: Points, fraction: float, seed: int) -> np.ndarray:
    """Return which points are held out: sizes drawn at random within each kind of operation.

    Parameters
    ----------
    fraction : float
        Of all sizes; drawn from those between the smallest and the largest.
    seed : int
        Of the draw.
    """
    held = np.zeros(len(points), dtype=bool)
    for kind in groups(points, KIND):
        rng = np.random.default_rng([seed, _number(points[kind[:1]])])
        sizes = np.unique(points.size_bytes[kind])
        held[kind] = np.isin(points.size_bytes[kind], inner_sizes(sizes, fraction, rng))
    return held


def inner_sizes(sizes: FloatArray, fraction: float, rng: np.random.Generator) -> FloatArray:
    """Return a fraction of rising sizes, drawn from all but the outermost."""
    return np.asarray(rng.permutation(sizes[1:-1])[: round(fraction * len(sizes))])


def _number(first: Points) -> int:
    """Return a number that tells a kind, so that its draw does not depend on what else is there."""
    return crc32(" ".join(str(getattr(first, name)[0]) for name in KIND).encode())


def _scales(points: Points) -> list[tuple[int, int]]:
    return list(zip(points.ranks.tolist(), points.nodes.tolist(), strict=True))


def _in_turn(values: Iterable[object]) -> list[np.ndarray]:
    """Return a mask for each value, where there are two or more."""
    listed = list(values)
    different = list(dict.fromkeys(listed))
    if len(different) < 2:
        return []
    return [np.array([value == one for value in listed]) for one in different]
