"""The slowest of many devices: the expected maximum of independent times.

Where all devices of a step wait for each other, the step takes what the slowest takes. Of p factors with
distribution functions F_i

    E[max] = integral over x >= 0 of 1 - F_1(x) F_2(x) ... F_p(x),

which for equal ones is the integral of 1 - F^p. Of the exponential tail 1 - s + s E it is exactly
1 - s + s H_p with the harmonic number H_p: without bound, but only as log p. Integrals are trapezoids on an
even grid of log x, good to about 1e-6.

Validity: independent draws, a barrier in every step and no time for the exchange itself. Exchanges without
barrier let ranks drift and lose less; it is the bound from above that a bulk-synchronous step reaches.

Source: David and Nagaraja 2003, Order Statistics, 3rd ed., section 3.1 (moments from F), section 4.6 (the
exponential).
"""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from nearlinear.models.arrays import FloatArray
from nearlinear.models.training.jitter import FAR, Jitter

POINTS = 16_001
EULER = 0.5772156649015329
SUMMED = 10_000  # terms; beyond, the asymptotic series is good to 1e-18


def harmonic(count: int) -> float:
    """Return H_p = 1 + 1/2 + ... + 1/p.

    Examples
    --------
    >>> round(harmonic(4), 6)
    2.083333
    """
    if count <= SUMMED:
        return float((1.0 / np.arange(1, count + 1)).sum())
    return float(np.log(count) + EULER + 0.5 / count - 1.0 / (12.0 * count**2))


def expected_maximum(jitter: Jitter, groups: Sequence[tuple[int, float]]) -> float:
    """Return the expected factor of the slowest device.

    Parameters
    ----------
    jitter : Jitter
        Of every device.
    groups : sequence of (int, float)
        How many devices there are of each pace; 1.0 is normal, 2.0 takes twice as long.

    Examples
    --------
    Of two standard exponentials the larger is 1.5 on average; a device at half speed takes twice as long:

    >>> round(expected_maximum(Jitter(family="exponential", spread=1.0), [(2, 1.0)]), 6)
    1.5
    >>> expected_maximum(Jitter(), [(6, 1.0), (2, 2.0)])
    2.0
    """
    if jitter.calm:
        return max(pace for _, pace in groups)
    if len(groups) == 1 and jitter.family == "exponential" and jitter.rank_spread == 0:
        count, pace = groups[0]
        return pace * (1.0 - jitter.spread + jitter.spread * harmonic(count))
    return integral_of_maximum(jitter, groups)


def integral_of_maximum(jitter: Jitter, groups: Sequence[tuple[int, float]]) -> float:
    """Return the same as :func:`expected_maximum` by the integral, whatever the family."""
    grid, beyond = _survival(jitter)
    paces = np.log([pace for _, pace in groups])
    log_x = np.linspace(grid[0] + paces.min(), grid[-1] + paces.max(), POINTS)
    with np.errstate(divide="ignore"):
        log_below = np.sum(
            [
                count * np.log1p(-np.interp(log_x - pace, grid, beyond))
                for (count, _), pace in zip(groups, paces, strict=True)
            ],
            axis=0,
        )
    integrand = -np.expm1(log_below) * np.exp(log_x)
    return float(np.exp(log_x[0]) + np.trapezoid(integrand, log_x))


@lru_cache(maxsize=16)
def _survival(jitter: Jitter) -> tuple[FloatArray, FloatArray]:
    """Return a grid of log factors and the probability of a larger one, lasting slowness included."""
    low, high = jitter.log_range()
    wide = FAR * jitter.rank_spread
    grid = np.linspace(low - wide, high + wide, POINTS)
    beyond = jitter.survival(grid)
    step = float(grid[1] - grid[0])
    half = min(int(wide / step), POINTS // 2)
    if half == 0:
        return grid, beyond
    weight = np.exp(-0.5 * (np.arange(-half, half + 1) * step / jitter.rank_spread) ** 2)
    padded = np.concatenate([np.ones(half), beyond, np.zeros(half)])
    return grid, np.convolve(padded, weight / weight.sum(), mode="valid")
