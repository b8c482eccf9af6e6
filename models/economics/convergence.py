"""Samples to a target over the global batch: the trade of steps against samples of large-batch training.

With S steps and E samples to a target, (S/S_min - 1)(E/E_min - 1) = 1. As E = B S at a global batch of B,

    E(B) = E_min (1 + B/B_crit),   S(B) = S_min (1 + B_crit/B),   B_crit = E_min/S_min

so a run at B_crit takes twice the fewest samples and twice the fewest steps.

Assumptions: the learning rate and its schedule are tuned anew at every batch; the noise of the gradient,
hence B_crit, is one number for the whole run; the target is reached at all, which no batch guarantees. Range:
the batch sizes that were fitted; far beyond them training may fail where the formula only grows.

Source: McCandlish et al. 2018, An empirical model of large-batch training, arXiv 1812.06162, section 2.3; the
same form in Kaplan et al. 2020, Scaling laws for neural language models, arXiv 2001.08361, section 5.1.
"""

from dataclasses import dataclass

import numpy as np

from nearlinear.models.arrays import FloatArray
from nearlinear.models.draws import standard_normals
from nearlinear.models.prediction import Z90
from nearlinear.models.strict import require


def samples_to_target(
    batch: FloatArray | float, minimum: FloatArray | float, critical_batch: FloatArray | float
) -> FloatArray:
    """Return samples (or epochs) to the target at a global batch.

    Parameters
    ----------
    batch : ndarray or float
        Global batch, samples.
    minimum : ndarray or float
        E_min: samples or epochs to the target at a vanishing batch; the result has its unit.
    critical_batch : ndarray or float
        B_crit, samples; infinite where the batch does not matter.

    Examples
    --------
    At the critical batch training takes twice the fewest epochs, at a third of it a third more:

    >>> float(samples_to_target(3000, 30, 3000)), float(samples_to_target(1000, 30, 3000))
    (60.0, 40.0)
    """
    return np.asarray(minimum * (1.0 + np.asarray(batch) / critical_batch))


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """A fitted number with the 5th and 95th percentile of its bootstrap."""

    value: float
    low: float
    high: float

    def __post_init__(self) -> None:
        require(0 < self.low <= self.high, "low", "must be > 0 and at most high", self.low)
        require(self.value > 0, "value", "must be > 0", self.value)

    @property
    def spread(self) -> float:
        """Standard deviation of the logarithm, as if it were normal."""
        return float(np.log(self.high / self.low)) / (2.0 * Z90)


@dataclass(frozen=True, slots=True, kw_only=True)
class Convergence:
    """A convergence curve with what is not known about it.

    Attributes
    ----------
    minimum : Interval
        E_min, in epochs.
    critical_batch : Interval
        B_crit, samples; infinite where epochs do not depend on the batch.
    correlation : float
        Of the logarithms of the two, between bootstrap samples.
    spread : float
        Standard deviation of the logarithm of epochs around the curve at batch sizes that a fit did not
        see: recipes differ.
    batches : tuple of float, float
        Least and largest global batch that was fitted.
    """

    minimum: Interval
    critical_batch: Interval
    correlation: float = 0.0
    spread: float = 0.0
    batches: tuple[float, float] = (0.0, np.inf)

    def __post_init__(self) -> None:
        require(abs(self.correlation) <= 1, "correlation", "must lie in -1..1", self.correlation)
        require(self.spread >= 0, "spread", "must be >= 0", self.spread)
        require(self.batches[0] <= self.batches[1], "batches", "must rise", self.batches)

    def draw_parameters(self, samples: int, seed: int) -> tuple[FloatArray, FloatArray]:
        """Return samples of E_min and B_crit, each of shape (samples, 1).

        Log-normal with their correlation. The rest is one draw per sample, shared by all batches: a recipe
        that is better than others is so at every scale.
        """
        z = standard_normals(np.random.default_rng([seed, SALT]), (3,), samples)
        tilt = self.correlation * z[0] + np.sqrt(1.0 - self.correlation**2) * z[1]
        minimum = self.minimum.value * np.exp(self.minimum.spread * z[0] + self.spread * z[2])
        critical = np.full(samples, self.critical_batch.value)
        if np.isfinite(self.critical_batch.value):
            critical = critical * np.exp(self.critical_batch.spread * tilt)
        return minimum[:, None], critical[:, None]


SALT = 1812_06162  # keeps these draws apart from those of the step; the number of the paper
