"""Times of one collective at one rank count over sizes, as measured, and what lies between and beyond.

Between two measured sizes a latency and a bandwidth hold unless the library switches algorithm; the more
octaves lie between, the likelier a switch, which bends the line of time over bytes towards a power law:

    log t = (1 - w) log(line) + w log(power law),    w = BEND x clip((octaves - 2) / 3, 0, 1)

Beyond the measured sizes time grows as a :class:`~nearlinear.models.collectives.growth.Growth` says. Times
never fall as sizes rise, if those measured do not.

``BEND`` has the least median error over allreduces of five systems and eleven logs with sizes held out:
``python benchmarks/weights.py --data DIR`` prints errors over its value.
"""

from dataclasses import dataclass

import numpy as np

from nearlinear.models.arrays import FloatArray
from nearlinear.models.collectives.growth import Growth

BEND = 0.3
STRAIGHT_OCTAVES, BENT_OCTAVES = 2.0, 5.0  # no bend up to the first, all of it from the second


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Curve:
    """One collective among ``units`` units.

    Attributes
    ----------
    units : int
        Ranks inside a node, or nodes.
    size_bytes, time_s : ndarray, shape (sizes,)
        Rising sizes, and times that do not fall.
    measured : bool
        Whether it was measured; else carried over from other rank counts.
    """

    units: int
    size_bytes: FloatArray
    time_s: FloatArray
    measured: bool = True

    def at(self, size_bytes: FloatArray | float, growth: Growth) -> FloatArray:
        """Return times at any sizes above 0, same shape."""
        size = np.asarray(size_bytes, dtype=float)
        inside = np.clip(size, self.size_bytes[0], self.size_bytes[-1])
        grown = growth.time_s(self.units, size) / growth.time_s(self.units, inside)
        return np.asarray(between(self.size_bytes, self.time_s, inside) * grown)


def between(size_bytes: FloatArray, time_s: FloatArray, query_bytes: FloatArray) -> FloatArray:
    """Return times between measured sizes.

    Parameters
    ----------
    size_bytes, time_s : ndarray, shape (sizes,)
        Rising sizes and their times.
    query_bytes : ndarray
        From the smallest to the largest size.
    """
    if len(size_bytes) == 1:
        return np.full(np.shape(query_bytes), time_s[0])
    line, power, octaves = _chords(size_bytes, time_s, query_bytes)
    bend = BEND * np.clip((octaves - STRAIGHT_OCTAVES) / (BENT_OCTAVES - STRAIGHT_OCTAVES), 0.0, 1.0)
    return np.asarray(line * (power / line) ** bend)


def ambiguity(size_bytes: FloatArray, time_s: FloatArray, query_bytes: FloatArray) -> FloatArray:
    """Return how far apart a line and a power law run between two measured sizes, in log time."""
    line, power, _ = _chords(size_bytes, time_s, query_bytes)
    return np.abs(np.log(power / line))


def _chords(
    size_bytes: FloatArray, time_s: FloatArray, query_bytes: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return line and power law through the sizes around each query, and the octaves between these."""
    after = np.clip(np.searchsorted(size_bytes, query_bytes, side="right"), 1, len(size_bytes) - 1)
    low, high = size_bytes[after - 1], size_bytes[after]
    first, second = time_s[after - 1], time_s[after]
    line = first + (second - first) * (query_bytes - low) / (high - low)
    power = first * np.exp(np.log(second / first) * np.log(query_bytes / low) / np.log(high / low))
    return line, power, np.log2(high / low)
