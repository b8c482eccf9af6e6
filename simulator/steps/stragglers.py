"""The slowest of the devices in simulated steps, beside what order statistics expect of it."""

from collections import Counter
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from nearlinear.models.arrays import FloatArray
from nearlinear.models.training.order_statistics import expected_maximum
from nearlinear.simulator.steps.conditions import Conditions

Z95 = 1.96  # a normal variable lies within so many standard deviations with 95 % probability


@dataclass(frozen=True, slots=True, kw_only=True)
class Slowest:
    """Compute of the slowest device of a step over calm compute.

    Attributes
    ----------
    devices : int
        Among how many.
    expected, simulated : float
        By order statistics, and the mean over steps and samples.
    half_width : float or None
        Of the 95 % interval of that mean; None for a single draw.
    """

    devices: int
    expected: float
    simulated: float
    half_width: float | None

    @classmethod
    def of(cls, conditions: Conditions, samples: int, devices: int, per_node: int) -> "Slowest | None":
        """Return the slowest device under conditions; None without jitter."""
        if conditions.jitter.calm:
            return None
        factors = conditions.factors(samples, devices, per_node)
        maxima = np.array([factor.max(axis=1) for factor in factors])  # steps, samples
        simulated, half_width = mean_interval(maxima, conditions.jitter.rank_spread > 0)
        paces = Counter(conditions.node_paces(devices, per_node).tolist())
        expected = expected_maximum(conditions.jitter, [(n, pace) for pace, n in paces.items()])
        return cls(devices=devices, expected=expected, simulated=simulated, half_width=half_width)

    def document(self) -> dict[str, Any]:
        """Return the numbers as plain values."""
        return asdict(self)

    def line(self) -> str:
        """Return the numbers as people read them."""
        spread = "" if self.half_width is None else f" +- {self.half_width:.3f}"
        return (
            f"of {self.devices:,}, its compute: expected {self.expected:.3f} x, simulated"
            f" {self.simulated:.3f} x{spread}"
        )


def mean_interval(draws: FloatArray, lasting: bool) -> tuple[float, float | None]:
    """Return the mean of draws, shape (steps, samples), and half of its 95 % interval.

    With ``lasting`` the steps of a sample resemble each other, so that each sample counts once.
    """
    independent = draws.mean(axis=0) if lasting else draws.ravel()
    count = len(independent)
    if count < 2:
        return float(draws.mean()), None
    return float(draws.mean()), float(Z95 * independent.std(ddof=1) / np.sqrt(count))
