"""When a cell has enough samples: its median is known well enough, or it has had its share."""

from dataclasses import dataclass

import numpy as np

from nearlinear.models.arrays import FloatArray

QUANTILE = 1.96  # of the normal distribution: 95 % on both sides together
FEWEST = 6  # below these the order statistics hold no 95 % interval of the median


@dataclass(frozen=True, slots=True, kw_only=True)
class Stopping:
    """When to stop.

    Attributes
    ----------
    least, most : int
        Samples that a cell gets at least and at most.
    precision : float
        Half the 95 % interval of the median, relative to it, that is good enough; 0 asks for ``most``.
    """

    least: int
    most: int
    precision: float

    def enough(self, times_s: FloatArray) -> bool:
        """Return whether a cell with these samples is done."""
        count = len(times_s)
        if count >= self.most or count < self.least:
            return count >= self.most
        return half_width(times_s) <= self.precision

    def wanted(self, times_s: FloatArray) -> int:
        """Return how many more samples a cell may need, judging by its spread so far."""
        count = len(times_s)
        if self.enough(times_s):
            return 0
        if count < FEWEST or self.precision == 0:
            return max(self.least if self.precision else self.most, FEWEST) - count
        foreseen = count * (half_width(times_s) / self.precision) ** 2
        return int(np.clip(np.ceil(foreseen), self.least, self.most)) - count or 1


def half_width(times_s: FloatArray) -> float:
    """Return half the 95 % interval of the median, relative to it; infinite for too few samples.

    The interval lies between two order statistics, n/2 -+ 1.96 sqrt(n)/2, whatever the distribution.
    """
    count = len(times_s)
    if count < FEWEST:
        return float("inf")
    ordered = np.sort(times_s)
    reach = QUANTILE * np.sqrt(count) / 2
    low = max(int(np.floor(count / 2 - reach)), 0)
    high = min(int(np.ceil(count / 2 + reach)), count - 1)
    return float((ordered[high] - ordered[low]) / 2 / np.median(ordered))
