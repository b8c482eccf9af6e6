"""How compute varies: from step to step on a device, and lastingly from device to device.

A device's compute takes a factor times its calm time. The factor is the product of what lasts, a log-normal
drawn once per run, and of what is drawn anew in every step, one of

===========  ===========================================================  ========================
family       factor of a step                                             spread s
===========  ===========================================================  ========================
lognormal    exp(s Z), Z standard normal; median 1                        standard deviation of log
gamma        Gamma(1/s^2) s^2: near normal for small s; mean 1            standard deviation
exponential  1 - s + s E, E standard exponential: constant with a tail    standard deviation, <= 1
===========  ===========================================================  ========================

All draws are independent. Ranks that are slow in the same steps (a shared host, a power cap) wait less for
each other than that.
"""

import math
from dataclasses import dataclass
from typing import Self

import numpy as np

from nearlinear.models.arrays import FloatArray
from nearlinear.models.errors import SpecError
from nearlinear.models.option import one_of
from nearlinear.models.units import parse_fraction

FAMILIES = ("lognormal", "gamma", "exponential")
FAR = 9.0  # standard deviations: 1e-19 of a normal lie beyond
NEAR_ZERO = 42.0  # -log of 1e-18: a power of a factor near 0
TAIL = 45.0  # means of an exponential: 3e-20 of it lie beyond


@dataclass(frozen=True, slots=True, kw_only=True)
class Jitter:
    """How much compute varies.

    Attributes
    ----------
    family : {"lognormal", "gamma", "exponential"}
        Of what is drawn in every step.
    spread : float
        Of a step, as the family defines it; 0 for none.
    rank_spread : float
        Standard deviation, in log time, of what lasts through a run on a device.
    """

    family: str = "lognormal"
    spread: float = 0.0
    rank_spread: float = 0.0

    def __post_init__(self) -> None:
        one_of(*FAMILIES)(self.family, "--jitter")
        for value in (self.spread, self.rank_spread):
            if not 0 <= value < math.inf:
                raise SpecError("--jitter", "must be a spread >= 0", got=value)
        if self.family == "exponential" and self.spread > 1:
            raise SpecError("--jitter", "must be at most 100% where exponential", got=self.spread)

    @classmethod
    def of(cls, text: str, where: str = "--jitter") -> Self:
        """Return the jitter of ``3%``, which is log-normal, or of ``FAMILY:3%``.

        Raises
        ------
        SpecError
            Another family, or not a fraction.

        Examples
        --------
        >>> Jitter.of("gamma:5%").family, Jitter.of("3%").spread
        ('gamma', 0.03)
        """
        family, colon, spread = text.rpartition(":")
        name = family.strip().lower().replace("-", "") if colon else FAMILIES[0]
        return cls(family=one_of(*FAMILIES)(name, where), spread=parse_fraction(spread, where))

    @property
    def calm(self) -> bool:
        """Whether nothing varies."""
        return self.spread == 0 and self.rank_spread == 0

    def draw(self, generator: np.random.Generator, shape: tuple[int, ...]) -> FloatArray:
        """Return the factors of one step."""
        if self.family == "lognormal":
            return np.asarray(np.exp(self.spread * generator.standard_normal(shape)))
        if self.spread == 0:
            return np.ones(shape)
        if self.family == "gamma":
            return np.asarray(generator.standard_gamma(self.spread**-2, shape) * self.spread**2)
        return np.asarray(1.0 - self.spread + self.spread * generator.standard_exponential(shape))

    def draw_lasting(self, generator: np.random.Generator, shape: tuple[int, ...]) -> FloatArray:
        """Return the factors that last through a run; draws nothing where none do."""
        if self.rank_spread == 0:
            return np.ones(shape)
        return np.asarray(np.exp(self.rank_spread * generator.standard_normal(shape)))

    def log_range(self) -> tuple[float, float]:
        """Return between which logarithms a factor of a step lies, but for less than 1e-18."""
        s = self.spread
        if self.family == "lognormal":
            return -FAR * s, FAR * s
        if self.family == "gamma":  # P(X > x) < exp(-(x - 1 - log x)/s^2), P(X < x) ~ x^(1/s^2) near 0
            return -max((FAR + 3) * s, NEAR_ZERO * s * s), math.log1p((FAR + 1) * s + TAIL * s * s)
        return math.log(max(1.0 - s, 1e-9)), math.log1p((TAIL - 1) * s)

    def survival(self, log_factor: FloatArray) -> FloatArray:
        """Return the probability that a step's factor is larger, on an even and wide grid of logarithms."""
        s = self.spread
        if s == 0:
            return np.asarray(log_factor < 0, dtype=float)
        if self.family == "lognormal":
            return np.array([0.5 * math.erfc(u / s / math.sqrt(2.0)) for u in log_factor])
        if self.family == "exponential":
            return np.exp(-np.maximum(np.exp(log_factor) - (1.0 - s), 0.0) / s)
        density = np.exp((log_factor - np.exp(log_factor) + 1.0) / s**2)
        total = np.cumsum(density[::-1])[::-1]
        return np.asarray(np.clip((total - 0.5 * density) / total[0], 0.0, 1.0))
