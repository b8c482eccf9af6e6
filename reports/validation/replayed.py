"""What a replay of a curve and one of a log share: judged points beside predictions with bands."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nearlinear.models.arrays import FloatArray, IntArray

Predicted = list[FloatArray]  # one array per replay, a quantity per second at its judged points
Baselines = Mapping[str, Callable[[Sequence[Any]], Predicted]]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Replayed(ABC):
    """Judged points; arrays have the shape (judged points,).

    Attributes
    ----------
    devices : ndarray of int
        Devices or ranks of each point.
    published, median, low, high : ndarray
        Samples or bytes per second: measured by others, and predicted.
    """

    devices: IntArray
    published: FloatArray
    median: FloatArray
    low: FloatArray
    high: FloatArray

    @property
    def error(self) -> FloatArray:
        """Predicted over published, minus one."""
        return np.asarray(self.median / self.published - 1.0)

    @property
    def covered(self) -> np.ndarray:
        """Whether the band holds what was published."""
        return np.asarray((self.low <= self.published) & (self.published <= self.high))

    @property
    def median_error(self) -> float:
        """Median of |error|."""
        return float(np.median(np.abs(self.error)))

    @property
    def worst_error(self) -> float:
        """Largest |error|."""
        return float(np.abs(self.error).max())

    @property
    @abstractmethod
    def baselines(self) -> Baselines:
        """Naive predictors by name, which take replays of one kind; none where nothing was known."""

    @abstractmethod
    def efficiency(self, rate: FloatArray) -> FloatArray:
        """Return quantities of the points as shares of a reference of the replay."""
