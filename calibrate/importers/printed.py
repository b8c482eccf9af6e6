"""Numbers as they were printed: what a token of so many digits can stand for.

A number with its rounding is a range, and two numbers of one row agree where their ranges meet. So a check
is as sharp as the digits allow, from ``0.00`` to ``1e+04``.
"""

import math
import re
from dataclasses import dataclass

NUMBER = re.compile(
    r"^\d{1,18}(?:\.(?P<decimals>\d{0,18}))?(?:e(?P<power>[-+]?\d{1,2}))?$", re.ASCII | re.IGNORECASE
)
WHOLE = re.compile(r"^\d{1,18}$", re.ASCII)
SLACK = 1e-9  # relative: of floating point, and of halves that are rounded up or down


@dataclass(frozen=True, slots=True)
class Range:
    """The least and the most that a printed number can stand for.

    Attributes
    ----------
    low, high : float
        Not negative, ``low <= high``.
    """

    low: float
    high: float

    @property
    def middle(self) -> float:
        """Half way between both ends."""
        return (self.low + self.high) / 2

    @property
    def width(self) -> float:
        """Half the distance of the ends, relative to the middle; infinite around 0."""
        return (self.high - self.low) / (2 * self.middle) if self.low > 0 else math.inf

    def meets(self, other: "Range") -> bool:
        """Return whether some number lies in both."""
        return self.low <= other.high * (1 + SLACK) and other.low <= self.high * (1 + SLACK)

    def both(self, other: "Range") -> "Range":
        """Return what lies in both, which must meet."""
        low, high = max(self.low, other.low), min(self.high, other.high)
        return Range(min(low, high), max(low, high))

    def times(self, factor: float) -> "Range":
        """Return the range of a multiple."""
        return Range(self.low * factor, self.high * factor)

    def under(self, amount: float) -> "Range":
        """Return the range of ``amount`` over the number."""
        return Range(
            amount / self.high if self.high else math.inf, amount / self.low if self.low else math.inf
        )


def printed(token: str) -> Range | None:
    """Return what a token stands for, ``None`` for anything but a plain number that is not negative.

    Examples
    --------
    >>> printed("0.25")
    Range(low=0.245, high=0.255)
    >>> printed("1e+04"), printed("-1"), printed("N/A")
    (Range(low=5000.0, high=15000.0), None, None)
    """
    match = NUMBER.match(token)
    if match is None:
        return None
    unit = 10.0 ** (int(match["power"] or 0) - len(match["decimals"] or ""))
    value = float(token)
    return Range(max(round(value / unit - 0.5, 6) * unit, 0.0), round(value / unit + 0.5, 6) * unit)


def whole(token: str) -> int | None:
    """Return the whole number of a token, ``None`` for anything else.

    Examples
    --------
    >>> whole("1024"), whole("1.0"), whole("-1")
    (1024, None, None)
    """
    return int(token) if WHOLE.match(token) else None


def decimals(token: str) -> int:
    """Return how many digits stand behind the point; -1 for a number with an exponent.

    Examples
    --------
    >>> decimals("12.30"), decimals("12"), decimals("1e+04")
    (2, 0, -1)
    """
    return -1 if "e" in token.lower() else len(token.partition(".")[2])
