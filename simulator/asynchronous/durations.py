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


def drawn(jitter: Jitter) -> Draw:
    """Return how the factors of steps are drawn; what lasts through a run is no part of them."""
    if jitter.spread == 0:
        return constant

    def draw(generator: np.random.Generator, count: int) -> FloatArray:
        return jitter.draw(generator, (count,))

    return draw


exponential = drawn(Jitter(family="exponential", spread=1.0))  # mean 1


def ticks(mean_ticks: int, draw: Draw, generator: np.random.Generator) -> Iterator[int]:
    """Yield whole ticks without end."""
    while True:
        yield from np.rint(mean_ticks * draw(generator, BLOCK)).astype(np.int64).tolist()
