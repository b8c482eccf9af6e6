"""How a library's collective grows with ranks and bytes: three parameters.

    G(u, n) = launch + hops(u) x hop + passes(u) x seconds_per_byte x n

``hops`` is u - 1 along a chain inside a node and ceil(log2 u) over a tree between nodes; ``passes`` is
(u - 1) / u where every rank holds a part of the vector in between, and 1 where all of it passes through
every rank (broadcast, reduce). It need not fit well: measured times are carried by ratios of it, and what
it misses is carried along with them.
"""

from dataclasses import dataclass

import numpy as np

from nearlinear.models.arrays import FloatArray, IntArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Growth:
    """Parameters of the formula.

    Attributes
    ----------
    launch_s, hop_s, seconds_per_byte : float
        At least one of them above 0.
    chain : bool
        Whether hops follow a chain, or a tree.
    cut : bool
        Whether ranks hold parts of the vector in between.
    """

    launch_s: float
    hop_s: float
    seconds_per_byte: float
    chain: bool = True
    cut: bool = True

    def time_s(self, units: int | IntArray, size_bytes: FloatArray | float) -> FloatArray:
        """Return seconds for 2 units or more, broadcast over units and sizes."""
        size = np.asarray(size_bytes, dtype=float)
        latency = self.launch_s + hops(units, self.chain) * self.hop_s
        return np.asarray(latency + passes(units, self.cut) * self.seconds_per_byte * size)


def hops(units: int | IntArray, chain: bool) -> FloatArray:
    """Return messages in a row that a byte waits for."""
    count = np.asarray(units, dtype=float)
    return count - 1.0 if chain else np.ceil(np.log2(count))


def passes(units: int | IntArray, cut: bool) -> FloatArray:
    """Return the share of the vector that leaves a rank in one pass."""
    count = np.asarray(units, dtype=float)
    return (count - 1.0) / count if cut else np.ones_like(count)
