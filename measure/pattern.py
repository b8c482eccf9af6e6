"""Small integers that ranks contribute, chosen so that every partial sum is exact in the element type.

Element i of rank r is f((i + r) mod Q) with f(k) = k for k < 7 and 0 above. With the period Q = 7 all
contribute; where a type is too narrow for the sum over so many ranks (bfloat16 from 85 on), Q grows.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

DIGITS = 7  # integers 0..6
SUM = DIGITS * (DIGITS - 1) // 2  # of one period


@dataclass(frozen=True, slots=True)
class Pattern:
    """What every rank contributes, and what sums must give.

    Attributes
    ----------
    period : int
        After so many elements, or ranks, the pattern repeats.
    """

    period: int

    @classmethod
    def exact(cls, ranks: int, limit: int) -> "Pattern":
        """Return the pattern whose sums over ``ranks`` stay within ``limit``."""
        return cls(max(DIGITS, -(-ranks // (limit // SUM))))

    def own(self, xp: Any, rank: int, elements: int, first: int = 0) -> Any:
        """Return elements ``first`` onwards of what a rank contributes, as 32-bit floats."""
        return self._repeat(xp, self._digits(), rank + first, elements)

    def total(self, xp: Any, workers: int, elements: int, first: int = 0) -> Any:
        """Return elements ``first`` onwards of the sum over ranks 0 to ``workers`` - 1."""
        full, rest = divmod(workers, self.period)
        table = np.full(self.period, float(full * SUM), dtype=np.float32)
        for rank in range(rest):
            table += np.roll(self._digits(), -rank)
        return self._repeat(xp, table, first, elements)

    def _digits(self) -> Any:
        k = np.arange(self.period, dtype=np.float32)
        return np.where(k < DIGITS, k, np.float32(0))

    def _repeat(self, xp: Any, table: Any, first: int, elements: int) -> Any:
        shifted = xp.asarray(np.roll(table, -(first % self.period)))
        return xp.tile(shifted, -(-elements // self.period))[:elements]
