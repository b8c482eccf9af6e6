"""How long a piece of work takes: a mean in ticks, times factors that a generator draws."""

from collections.abc import Callable, Iterator

import numpy as np

from nearlinear.models.arrays import FloatArray
from nearlinear.simulator.steps.conditions import Conditions

Draw = Callable[[np.random.Generator, int], FloatArray]  # so many factors on a time
BLOCK = 64  # factors drawn at once


def constant(generator: np.random.Generator, count: int) -> FloatArray:
    """Return ones."""
    return np.ones(count)


def exponential(generator: np.random.Generator, count: int) -> FloatArray:
    """Return exponential factors of mean 1."""
    return generator.standard_exponential(count)


def lognormal(spread: float) -> Draw:
    """Return how to draw log-normal factors of median 1; ``spread`` is the deviation of the logarithm."""

    def draw(generator: np.random.Generator, count: int) -> FloatArray:
        return np.asarray(np.exp(spread * generator.standard_normal(count)))

    return draw


def of_conditions(conditions: Conditions) -> Draw:
    """Return how compute is drawn under given conditions."""
    return lognormal(conditions.jitter) if conditions.jitter > 0 else constant


def ticks(mean_ticks: int, draw: Draw, generator: np.random.Generator) -> Iterator[int]:
    """Yield whole ticks without end."""
    while True:
        yield from np.rint(mean_ticks * draw(generator, BLOCK)).astype(np.int64).tolist()
