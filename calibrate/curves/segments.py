"""Pieces of latency and bandwidth over sizes, with breaks found by dynamic programming.

Each piece is the line t = a + b n with the least sum of squared relative errors, a and b not negative; breaks
lie half-way (in log) between sizes. The number of pieces has the least Bayesian information criterion, where
a break counts as a parameter. Sums of every stretch of sizes are differences of running sums, so that all
stretches are fitted at once.

References
----------
Bellman 1961, "On the approximation of curves by line segments using dynamic programming". Schwarz 1978 (BIC).
"""

from dataclasses import dataclass

import numpy as np

from nearlinear.models.arrays import FloatArray, IntArray

MOST_PIECES = 6
FEWEST_SIZES = 2  # of a piece: a line
LEAST = 1e-5  # of a mean squared error: less is noise of rounding


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Segments:
    """Lines over stretches of sizes.

    Attributes
    ----------
    latency_s, seconds_per_byte : ndarray, shape (pieces,)
        Of every line.
    break_bytes : ndarray, shape (pieces - 1,)
        Where one ends and the next begins.
    """

    latency_s: FloatArray
    seconds_per_byte: FloatArray
    break_bytes: FloatArray

    def time_s(self, size_bytes: FloatArray) -> FloatArray:
        """Return times; they may jump at a break."""
        piece = np.searchsorted(self.break_bytes, size_bytes, side="right")
        return self.latency_s[piece] + self.seconds_per_byte[piece] * size_bytes


def fit_segments(size_bytes: FloatArray, time_s: FloatArray) -> Segments:
    """Return the pieces of a curve.

    Parameters
    ----------
    size_bytes, time_s : ndarray, shape (sizes,)
        Two rising sizes or more, and their times.
    """
    latency, slope, cost = _stretches(size_bytes, time_s)
    starts = _cut(cost)
    ends = np.append(starts[1:], len(size_bytes))
    edges = np.sqrt(size_bytes[starts[1:]] * size_bytes[starts[1:] - 1])
    return Segments(
        latency_s=latency[starts, ends - 1], seconds_per_byte=slope[starts, ends - 1], break_bytes=edges
    )  # fmt: skip


def _stretches(size_bytes: FloatArray, time_s: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return latency, slope and squared relative error of every stretch [i, j], shape (sizes, sizes)."""
    one, each = 1.0 / time_s, size_bytes / time_s
    aa, ab, bb, a, b, n = (
        _sums(x) for x in (one * one, one * each, each * each, one, each, np.ones_like(one))
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        determinant = aa * bb - ab * ab
        latency = (a * bb - b * ab) / determinant
        slope = (b * aa - a * ab) / determinant
        flat, steep = a / aa, b / bb
    latency = np.where(slope < 0, flat, np.where(latency < 0, 0.0, latency))
    slope = np.where((slope < 0), 0.0, np.where(latency == 0.0, steep, slope))
    cost = n - 2 * (latency * a + slope * b) + latency**2 * aa + 2 * latency * slope * ab + slope**2 * bb
    count = np.arange(len(one))
    possible = count[None, :] - count[:, None] >= FEWEST_SIZES - 1
    return latency, slope, np.where(possible, np.maximum(cost, 0.0), np.inf)


def _sums(values: FloatArray) -> FloatArray:
    """Return sums over [i, j] at row i and column j."""
    running = np.concatenate(([0.0], np.cumsum(values)))
    return running[None, 1:] - running[:-1, None]


def _cut(cost: FloatArray) -> IntArray:
    """Return where the pieces of the best cut start."""
    sizes = len(cost)
    best, came = cost[0], [np.zeros(sizes, dtype=np.int64)]
    found, least = np.zeros(1, dtype=np.int64), _criterion(best[-1], sizes, 1)
    for pieces in range(2, min(MOST_PIECES, sizes // FEWEST_SIZES) + 1):
        total = np.concatenate(([np.inf], best[:-1]))[:, None] + cost  # the last piece starts at each row
        came.append(np.argmin(total, axis=0))
        best = np.min(total, axis=0)
        criterion = _criterion(best[-1], sizes, pieces)
        if criterion < least:
            found, least = _traced(came, sizes), criterion
    return found


def _criterion(loss: float, sizes: int, pieces: int) -> float:
    return float(sizes * np.log(max(loss / sizes, LEAST)) + (3 * pieces - 1) * np.log(sizes))


def _traced(came: list[IntArray], sizes: int) -> IntArray:
    starts, end = [], sizes - 1
    for step in reversed(came):
        starts.append(int(step[end]))
        end = starts[-1] - 1
    return np.array(starts[::-1], dtype=np.int64)
