"""How long a piece of work takes: a mean in ticks, times factors that a generator draws."""

from collections.abc import Callable, Iterator

import numpy as np

from nearlinear.models.arrays import FloatArray
from nearlinear.models.training.jitter import Jitter

Draw = Callable[[np.random.Generator, int], FloatArray]  # so many factors on a time
BLOCK = 64  # factors drawn at once


def constant(generator: np.random.Generator, count: int) -> FloatArray:
    """Return ones."""
    return np.ones(count)


def exponential(generator: np.random.Generator, count: int) -> FloatArray:
    """Return exponential factors of mean 1."""
    return generator.standard_exponential(count)


def varying(jitter: Jitter) -> Draw:
    """Return how the factors of steps are drawn; what lasts through a run is not among them."""
    if jitter.spread == 0:
        return constant
    return lambda generator, count: jitter.draw(generator, (count,))


def ticks(mean_ticks: int, draw: Draw, generator: np.random.Generator) -> Iterator[int]:
    """Yield whole ticks without end."""
    while True:
        yield from np.rint(mean_ticks * draw(generator, BLOCK)).astype(np.int64).tolist()
