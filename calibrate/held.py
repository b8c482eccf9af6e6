"""Held-out points beside what a fit to the others says of them."""

from dataclasses import dataclass

import numpy as np

from nearlinear.calibrate.points import Points
from nearlinear.models.arrays import FloatArray
from nearlinear.models.link_profile import Holdout


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Held:
    """Predictions of held-out points.

    Attributes
    ----------
    points : Points
        All points that were looked at.
    held : ndarray of bool, shape (points,)
        Which were held out and predicted.
    median_s, low_s, high_s : ndarray, shape (held-out points,)
        Predicted band.
    outside : ndarray of bool, shape (points,)
        Held out, but outside the range of the others: not predicted.
    """

    points: Points
    held: np.ndarray
    median_s: FloatArray
    low_s: FloatArray
    high_s: FloatArray
    outside: np.ndarray

    @property
    def measured_s(self) -> FloatArray:
        """What was measured."""
        return np.asarray(self.points.time_s[self.held])

    @property
    def summary(self) -> Holdout:
        """Errors and coverage; at least one point must be predicted."""
        return summarise(self.measured_s, self.median_s, self.low_s, self.high_s)


def summarise(measured_s: FloatArray, median_s: FloatArray, low_s: FloatArray, high_s: FloatArray) -> Holdout:
    """Return errors and coverage of predictions."""
    error = np.abs(median_s / measured_s - 1.0)
    inside = (low_s <= measured_s) & (measured_s <= high_s)
    return Holdout(
        median_ape=float(np.median(error)),
        p95_ape=float(np.quantile(error, 0.95)),
        coverage_90=float(inside.mean()),
        points=len(measured_s),
    )
