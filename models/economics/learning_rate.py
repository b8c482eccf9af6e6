"""The learning rate at another global batch than the one that it is known to work at.

    rate(B) = rate(B0) x (B / B0) x (B0 + B_crit) / (B + B_crit)

Far below the critical batch this is the linear rule: twice the batch, twice the rate, so that as many samples
move the weights as far. Beyond it the rate saturates, as the best step of a noisy quadratic does; where the
critical batch is not known it is infinite, and the rule linear throughout. It is a start for tuning, no
promise: FireCaffe found 0.01 x 1024/32 = 0.32 too large for GoogLeNet and used a quarter of it.

References
----------
Krizhevsky 2014, "One weird trick for parallelizing convolutional neural networks" (linear rule).
Goyal et al. 2017, "Accurate, large minibatch SGD", arXiv 1706.02677 (linear rule, warm-up over 5 epochs).
McCandlish, Kaplan and Amodei 2018, "An empirical model of large-batch training", arXiv 1812.06162 (best
step over the batch).
"""

from dataclasses import dataclass
from math import inf, isfinite
from typing import Any

from nearlinear.models.errors import SpecError


@dataclass(frozen=True, slots=True)
class LearningRate:
    """A rate that is known to work at a global batch."""

    batch: int
    rate: float

    def __str__(self) -> str:
        return f"{self.batch}:{self.rate:g}"

    def at(self, batch: float, critical_batch: float = inf) -> float:
        """Return the rate at another global batch."""
        linear = self.rate * batch / self.batch
        if not isfinite(critical_batch):
            return linear
        return linear * (self.batch + critical_batch) / (batch + critical_batch)


def learning_rate(raw: Any, where: str) -> LearningRate:
    """Return the rate of ``256:0.01``.

    Raises
    ------
    SpecError
        Not a global batch and a rate above 0.
    """
    head, colon, tail = str(raw).partition(":")
    try:
        batch, rate = int(head), float(tail)
    except ValueError:
        batch, rate = 0, 0.0
    if not colon or batch < 1 or not 0 < rate < inf:
        remedy = "write BATCH:RATE, as in 256:0.01"
        raise SpecError(where, "must be a global batch and a learning rate", got=raw, remedy=remedy)
    return LearningRate(batch, rate)
