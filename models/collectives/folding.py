"""How algorithms made for powers of two serve any rank count.

With r = p - 2^floor(log2 p), odd ranks below 2r hand their vector to the even neighbour below and rest;
the 2^floor(log2 p) others work; in the end the resting ranks get the result.

References
----------
Rabenseifner 2004, "Optimization of collective reduction operations", section 2.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from nearlinear.models.arrays import IntArray
from nearlinear.models.collectives.schedule import Phase


@dataclass(frozen=True, slots=True)
class Folding:
    """The fold of ``workers`` ranks onto a power of two."""

    workers: int

    @property
    def power(self) -> int:
        """The largest power of two that is not above the rank count."""
        return 1 << (self.workers.bit_length() - 1)

    @property
    def resting(self) -> int:
        """How many ranks rest."""
        return self.workers - self.power

    def steps(self) -> list[int]:
        """Return the distances 1, 2, 4 … below the power."""
        return [1 << k for k in range(self.power.bit_length() - 1)]

    def rank(self, active: IntArray) -> IntArray:
        """Return the rank of the ``active``-th working participant."""
        if not self.resting:
            return active
        return np.where(active < self.resting, 2 * active, active + self.resting)

    def fold(self, chunks: int) -> Iterator[Phase]:
        """Yield the phase in which resting ranks hand over a vector of ``chunks`` chunks."""
        return self._across(chunks, inwards=True)

    def unfold(self, chunks: int) -> Iterator[Phase]:
        """Yield the phase in which resting ranks get the result."""
        return self._across(chunks, inwards=False)

    def _across(self, chunks: int, inwards: bool) -> Iterator[Phase]:
        if self.resting:
            working = 2 * np.arange(self.resting)
            source, destination = (working + 1, working) if inwards else (working, working + 1)
            yield Phase(
                source=source,
                destination=destination,
                chunk=np.zeros(self.resting, dtype=np.int64),
                chunks=chunks,
                reduce=inwards,
            )
