"""Rows of one measurement that differ in size alone, and the curve through them."""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import isotonic_regression

from nearlinear.calibrate.points import KEY, Points
from nearlinear.models.arrays import FloatArray
from nearlinear.models.collectives.curve import Curve

WITHOUT_SIZE = ("file", *(name for name in KEY if name != "size_bytes"))
WITHOUT_RANKS = tuple(name for name in WITHOUT_SIZE if name not in ("ranks", "nodes"))
WITHOUT_FILE = tuple(name for name in WITHOUT_SIZE if name != "file")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Series:
    """Sizes of one measurement in rising order, with their times.

    Attributes
    ----------
    size_bytes, time_s : ndarray, shape (sizes,)
        Medians; where several rows share a size, their geometric mean.
    """

    size_bytes: FloatArray
    time_s: FloatArray

    @classmethod
    def of(cls, points: Points) -> "Series":
        """Return the series of rows that mean the same: placements, files or repeats of a size."""
        sizes, which = np.unique(points.size_bytes, return_inverse=True)
        total = np.bincount(which, weights=np.log(points.time_s))
        return cls(size_bytes=sizes, time_s=np.exp(total / np.bincount(which)))

    def curve(self, units: int) -> Curve:
        """Return the curve of non-decreasing times that is nearest in log."""
        rising = isotonic_regression(np.log(self.time_s)).x
        return Curve(units=units, size_bytes=self.size_bytes, time_s=np.exp(rising))


def units_of(points: Points) -> tuple[int, bool]:
    """Return how many units the outermost links of the first row join, and whether they are ranks."""
    ranks, nodes = int(points.ranks[0]), int(points.nodes[0])
    return (ranks, True) if nodes == 1 else (nodes, False)
