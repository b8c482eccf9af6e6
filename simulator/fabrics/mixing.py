"""Mixing of whole numbers: a hash that spreads flows over equal paths.

References
----------
Steele, Lea and Flood 2014, "Fast splittable pseudorandom number generators" (the increment, and the
finaliser of SplitMix64 with Stafford's thirteenth set of constants).
"""

import numpy as np
from numpy.typing import NDArray

from nearlinear.models.arrays import IntArray

_INCREMENT = np.uint64(0x9E3779B97F4A7C15)
_FIRST = np.uint64(0xBF58476D1CE4E5B9)
_SECOND = np.uint64(0x94D049BB133111EB)


def mixed(seed: int, *words: IntArray) -> NDArray[np.uint64]:
    """Return one 64-bit hash per row of equally long ``words``.

    Parameters
    ----------
    seed : int
        Whole number >= 0; below 2**64.
    *words : ndarray of int, shape (n,)
        What is hashed, in this order.

    Examples
    --------
    The first number of SplitMix64 with seed 0.

    >>> hex(mixed(0, np.array([0]))[0])
    '0xe220a8397b1dcdaf'
    """
    state = np.full(len(words[0]), seed, dtype=np.uint64)
    for word in words:
        # Arrays wrap around silently, as is wanted here; NumPy scalars would warn.
        state = _finalised(state + word.astype(np.uint64) + _INCREMENT)
    return state


def _finalised(state: NDArray[np.uint64]) -> NDArray[np.uint64]:
    state = (state ^ (state >> np.uint64(30))) * _FIRST
    state = (state ^ (state >> np.uint64(27))) * _SECOND
    return state ^ (state >> np.uint64(31))
