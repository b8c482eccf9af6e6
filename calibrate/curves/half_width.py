"""How far a curve may be off between two measured sizes, and beyond them.

The half-width of the 90 % band, in log time, is

    h = exp(constant) x (local + floor)^a x (ambiguity + floor)^b

with *local* the mean error at the three nearest measured sizes when each is predicted from the others, and
*ambiguity* how far a line and a power law run apart. A curve with no size to leave out has no local error
and a constant of its own. Beyond the measured sizes h grows per octave from its largest value.

The coefficients are a regression of the 0.9-quantile of log |error| over many curves, with one conformal
factor that gives every log the same weight (Koenker and Bassett 1978; Romano, Patterson and Candes 2019):
``python benchmarks/bands.py --data DIR`` prints them.
"""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from nearlinear.models.arrays import FloatArray
from nearlinear.models.collectives.curve import ambiguity, between
from nearlinear.models.strict import read_toml

PATH = Path(__file__).parents[1] / "data" / "bands.toml"
FLOOR = 0.005  # errors below half a percent are noise of the clock and of rounding
NEAREST = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Widths:
    """Coefficients.

    Attributes
    ----------
    constant, local, ambiguity : float
        Of the regression between sizes.
    constant_alone, ambiguity_alone : float
        The same where no local error is known.
    octave_above, octave_below : float
        Half-width per octave beyond the largest size, and below the smallest.
    """

    constant: float
    local: float
    ambiguity: float
    constant_alone: float
    ambiguity_alone: float
    octave_above: float
    octave_below: float


@cache
def shipped() -> Widths:
    """Return the coefficients that are shipped."""
    return Widths(**read_toml(PATH)["between"])


def half_width(
    size_bytes: FloatArray, time_s: FloatArray, query_bytes: FloatArray, widths: Widths | None = None
) -> FloatArray:
    """Return half-widths in log time at any sizes, shape of ``query_bytes``.

    Parameters
    ----------
    size_bytes, time_s : ndarray, shape (sizes,)
        Rising sizes and their times.
    """
    widths = widths or shipped()
    low, high = size_bytes[0], size_bytes[-1]
    inside = np.clip(query_bytes, low, high)
    h = _inside(size_bytes, time_s, inside, widths)
    above = np.log2(np.maximum(query_bytes / high, 1.0))
    below = np.log2(np.maximum(low / query_bytes, 1.0))
    return np.asarray(h + widths.octave_above * above + widths.octave_below * below)


def _inside(
    size_bytes: FloatArray, time_s: FloatArray, query_bytes: FloatArray, widths: Widths
) -> FloatArray:
    local, apart = features(size_bytes, time_s, query_bytes)
    known = np.exp(widths.constant) * (local + FLOOR) ** widths.local * (apart + FLOOR) ** widths.ambiguity
    alone = np.exp(widths.constant_alone) * (apart + FLOOR) ** widths.ambiguity_alone
    return np.asarray(np.where(np.isnan(local), alone, known))


def features(
    size_bytes: FloatArray, time_s: FloatArray, query_bytes: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return the local error, NaN where none is known, and the ambiguity at every query."""
    if len(size_bytes) == 1:
        return np.full(np.shape(query_bytes), np.nan), np.zeros(np.shape(query_bytes))
    apart = ambiguity(size_bytes, time_s, query_bytes)
    if len(size_bytes) == 2:
        return np.full(np.shape(query_bytes), np.nan), apart
    left_out = np.abs(left_out_errors(size_bytes, time_s))
    inner = np.log2(size_bytes[1:-1])
    distance = np.abs(np.log2(query_bytes)[..., None] - inner)
    nearest = np.argsort(distance, axis=-1, kind="stable")[..., :NEAREST]
    return left_out[nearest].mean(axis=-1), apart


def left_out_errors(size_bytes: FloatArray, time_s: FloatArray) -> FloatArray:
    """Return log(predicted / measured) of every inner size when it is left out, shape (sizes - 2,)."""
    errors = np.empty(len(size_bytes) - 2)
    for index in range(1, len(size_bytes) - 1):
        sides = [index - 1, index + 1]
        found = between(size_bytes[sides], time_s[sides], size_bytes[index : index + 1])
        errors[index - 1] = np.log(found[0] / time_s[index])
    return errors
