"""The sizes of a sweep."""

import numpy as np


def log_sizes(smallest: int, largest: int, per_octave: int = 1) -> tuple[int, ...]:
    """Return sizes spaced evenly in logarithm, multiples of 8 bytes, both ends included.

    Examples
    --------
    >>> log_sizes(1024, 8192)
    (1024, 2048, 4096, 8192)
    """
    octaves = np.log2(largest / smallest)
    count = round(octaves * per_octave) + 1
    sizes = smallest * 2 ** np.linspace(0.0, octaves, max(count, 2))
    return tuple(sorted({max(round(size / 8) * 8, 8) for size in sizes}))
