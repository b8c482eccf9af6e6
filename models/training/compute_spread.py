"""Distributions of a compute time on a lattice of equal cells: log-normal, gamma, and sums of them.

Cell i stands for times around (i + 1/2) x the width of a cell. Probabilities come from the distribution
function where it is elementary, else from the density in the middle of each cell; both are right to the
square of the width.
"""

from dataclasses import dataclass
from math import erf, lgamma, log, sqrt

import numpy as np

from nearlinear.models.arrays import FloatArray
from nearlinear.models.training.jitter import Jitter

CELLS = 4096
TAIL = 8.0  # standard deviations that the lattice reaches beyond the middle
TAIL_LOGS = 30.0  # e-folds that it reaches into an exponential tail


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Lattice:
    """A distribution of times.

    Attributes
    ----------
    width_s : float
        Of a cell.
    weight : ndarray, shape (cells,)
        Probability of each cell.
    """

    width_s: float
    weight: FloatArray

    @property
    def mean_cells(self) -> float:
        """Mean in cells."""
        return float((np.arange(len(self.weight)) + 0.5) @ self.weight)

    @property
    def mean_s(self) -> float:
        """Mean."""
        return self.mean_cells * self.width_s

    def quantile_s(self, share: float) -> float:
        """Return the time that so much of the probability does not pass."""
        return float(np.argmax(np.cumsum(self.weight) >= share) + 1) * self.width_s

    @property
    def deviation_s(self) -> float:
        """Standard deviation."""
        apart = np.arange(len(self.weight)) + 0.5 - self.mean_cells
        return float(np.sqrt(apart**2 @ self.weight)) * self.width_s


def spread_out(jitter: Jitter, step_s: float, more_s: float = 0.0, steps: int = 1) -> Lattice | None:
    """Return the sum of some steps with jitter and a constant, or None where it is too wide for a lattice.

    Parameters
    ----------
    jitter : Jitter
        Of each step, its spread above 0; what lasts through a run is no part of it.
    step_s : float
        A calm step.
    more_s : float
        Added to the sum, such as an exchange.
    steps : int
        How many.
    """
    s = jitter.spread
    if jitter.family == "lognormal":
        return lognormal(step_s, s, more_s, steps)
    if jitter.family == "gamma":  # a sum of gamma times is one
        return gamma(step_s * steps, steps / s**2, more_s) if steps >= s**2 else None
    return gamma(s * step_s * steps, float(steps), more_s + (1.0 - s) * step_s * steps)


def lognormal(median_s: float, log_sd: float, more_s: float = 0.0, steps: int = 1) -> Lattice:
    """Return the sum of ``steps`` log-normal times and a constant.

    The sum is convolved for each step; the lattice reaches to where all are eight deviations late.

    Parameters
    ----------
    median_s, log_sd : float
        Of one step; the standard deviation is that of the logarithm, above 0.
    more_s : float
        Added to the sum, such as an exchange.
    steps : int
        How many.
    """
    most_s = median_s * _highest(log_sd, steps)
    width_s = (most_s + more_s) / CELLS
    edges = np.arange(CELLS + 1) * width_s
    with np.errstate(divide="ignore"):
        z = (np.log(edges) - log(median_s)) / log_sd
    one = np.diff([0.5 * (1.0 + erf(value / sqrt(2.0))) for value in z])
    return _sum(one / one.sum(), width_s, more_s, steps)


def gamma(mean_s: float, shape: float, more_s: float = 0.0) -> Lattice:
    """Return a gamma time, with a coefficient of variation of 1 / sqrt(shape), and a constant.

    Parameters
    ----------
    mean_s : float
        Of the gamma time.
    shape : float
        1 is the exponential distribution, k the sum of k exponential times; at least 1.
    more_s : float
        Added.
    """
    most_s = mean_s * (1.0 + TAIL / sqrt(shape) + TAIL_LOGS / shape)
    width_s = (most_s + more_s) / CELLS
    x = (np.arange(CELLS) + 0.5) * width_s * shape / mean_s
    one = np.exp((shape - 1.0) * np.log(x) - x - lgamma(shape))
    return _sum(one / one.sum(), width_s, more_s, 1)


def _highest(log_sd: float, steps: int) -> float:
    """Return a time, in medians, that the sum of so many steps practically never passes."""
    mean, one = np.exp(log_sd**2 / 2.0), np.exp(TAIL * log_sd)
    deviation = mean * sqrt(np.expm1(log_sd**2) * steps)
    return float(min(steps * one, steps * mean + TAIL * deviation + one))


def _sum(one: FloatArray, width_s: float, more_s: float, steps: int) -> Lattice:
    """Return the sum of independent steps, moved by a constant to the nearest half cell."""
    size = 2 * len(one)
    spectrum = np.fft.rfft(one, size) ** steps
    total = np.clip(np.fft.irfft(spectrum, size)[: len(one)], 0.0, None)
    # Each of the sum's cells but one adds half a cell to the middle.
    moved = more_s / width_s + (steps - 1) / 2.0
    whole = int(moved)
    part = moved - whole
    shifted = np.zeros_like(total)
    shifted[whole:] = (1.0 - part) * total[: len(total) - whole]
    shifted[whole + 1 :] += part * total[: len(total) - whole - 1]
    return Lattice(width_s=width_s, weight=np.asarray(shifted / shifted.sum()))
