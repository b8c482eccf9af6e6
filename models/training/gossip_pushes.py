"""Gossip in closed form: how many pushes there are, and how old one is when it is merged.

In every step each of N workers pushes with probability q to one of the N - 1 others:

    sent by a worker in n steps        binomial(n, q)                    mean n q, variance n q (1 - q)
    received by a worker meanwhile     binomial(n (N-1), q / (N-1))      mean n q
    age of a push at its merge         transfer + E[C^2] / (2 E[C])      C a step

The last is the rest of the receiver's step: the push arrives anywhere in it, longer steps more often.
It holds where steps of sender and receiver are not in phase and links are free.

References
----------
Blot, Picard, Cord and Thome 2016, "Gossip training for deep learning", algorithm 3.
Cox 1962, "Renewal theory", section 5 (forward recurrence time).
"""

from dataclasses import dataclass
from math import lgamma

import numpy as np

from nearlinear.models.arrays import FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Pushes:
    """Pushes of one worker in so many chances.

    Attributes
    ----------
    chances : int
        Independent trials.
    probability : float
        Of a push at each.
    """

    chances: int
    probability: float

    @property
    def mean(self) -> float:
        """Mean count."""
        return self.chances * self.probability

    @property
    def variance(self) -> float:
        """Variance of the count."""
        return self.mean * (1.0 - self.probability)

    def distribution(self) -> FloatArray:
        """Return the probabilities of 0 to ``chances`` pushes, shape (chances + 1,)."""
        n, count = self.chances, np.arange(self.chances + 1)
        if self.probability == 1.0:
            return np.asarray((count == n).astype(float))
        ways = np.array([lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1) for k in count])
        logs = ways + count * np.log(self.probability) + (n - count) * np.log1p(-self.probability)
        return np.asarray(np.exp(logs))


def sent(steps: int, probability: float) -> Pushes:
    """Return the pushes that a worker sends."""
    return Pushes(chances=steps, probability=probability)


def received(workers: int, steps: int, probability: float) -> Pushes:
    """Return the pushes that a worker gets while every worker makes so many steps; two workers or more."""
    return Pushes(chances=steps * (workers - 1), probability=probability / (workers - 1))


def merge_age_s(transfer_s: float, step_s: float, step_sd_s: float = 0.0) -> float:
    """Return the mean time from a push to its merge at the end of the receiver's step.

    Parameters
    ----------
    transfer_s : float
        On the way.
    step_s, step_sd_s : float
        Mean and standard deviation of the receiver's step.

    Examples
    --------
    Constant steps: half of one. Exponential ones: a whole one.

    >>> merge_age_s(0.0, 2.0), merge_age_s(0.0, 2.0, 2.0)
    (1.0, 2.0)
    """
    return transfer_s + (step_s**2 + step_sd_s**2) / (2.0 * step_s)
