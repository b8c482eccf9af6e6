"""The lower envelope of a few lines: what a library shows that picks the fastest of its algorithms.

Each algorithm is a latency and a bandwidth, and every size is timed with the fastest one. Lines are fitted to
the sizes that they win, in turns, from consecutive stretches on; how many lines there are has the least
Bayesian information criterion. An envelope bends one way only, so that a library that switches too late, or
to something slower, does not look like one.
"""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import nnls

from nearlinear.models.arrays import FloatArray, IntArray

MOST_LINES = 3
FEWEST_SIZES = 2  # of a line
TURNS = 20
LEAST = 1e-5  # of a mean squared error


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Envelope:
    """Lines of which the lowest counts.

    Attributes
    ----------
    latency_s, seconds_per_byte : ndarray, shape (lines,)
        Of every line.
    """

    latency_s: FloatArray
    seconds_per_byte: FloatArray

    def time_s(self, size_bytes: FloatArray) -> FloatArray:
        """Return times; they never fall."""
        return np.asarray(self._lines(size_bytes).min(axis=0))

    def winners(self, size_bytes: FloatArray) -> IntArray:
        """Return which line is the lowest at every size."""
        return np.asarray(self._lines(size_bytes).argmin(axis=0))

    def _lines(self, size_bytes: FloatArray) -> FloatArray:
        return self.latency_s[:, None] + self.seconds_per_byte[:, None] * size_bytes


def fit_envelope(size_bytes: FloatArray, time_s: FloatArray) -> Envelope:
    """Return the envelope of a curve.

    Parameters
    ----------
    size_bytes, time_s : ndarray, shape (sizes,)
        Two rising sizes or more, and their times.
    """
    sizes = len(size_bytes)
    counts = range(1, min(MOST_LINES, max(sizes // FEWEST_SIZES, 1)) + 1)
    found = [_in_turns(size_bytes, time_s, lines) for lines in counts]
    scores = [_criterion(envelope, size_bytes, time_s) for envelope in found]
    return found[int(np.argmin(scores))]


def _in_turns(size_bytes: FloatArray, time_s: FloatArray, lines: int) -> Envelope:
    owner = np.arange(len(size_bytes)) * lines // len(size_bytes)
    for _ in range(TURNS):
        kept = [line for line in range(lines) if (owner == line).sum() >= FEWEST_SIZES] or [owner[0]]
        pairs = np.array([_line(size_bytes[owner == line], time_s[owner == line]) for line in kept])
        envelope = Envelope(latency_s=pairs[:, 0], seconds_per_byte=pairs[:, 1])
        winners = np.array(kept)[envelope.winners(size_bytes)]
        if np.array_equal(winners, owner):
            break
        owner = winners
    return envelope


def _line(size_bytes: FloatArray, time_s: FloatArray) -> FloatArray:
    """Return latency and slope, not negative, of least squared relative error."""
    design = np.column_stack((1.0 / time_s, size_bytes / time_s))
    norm = np.linalg.norm(design, axis=0)
    found, _ = nnls(design / norm, np.ones(len(time_s)))
    return np.asarray(found / norm)


def _criterion(envelope: Envelope, size_bytes: FloatArray, time_s: FloatArray) -> float:
    error = envelope.time_s(size_bytes) / time_s - 1.0
    loss = max(float(np.mean(error**2)), LEAST)
    parameters = 2 * len(envelope.latency_s)
    return float(len(size_bytes) * np.log(loss) + parameters * np.log(len(size_bytes)))
