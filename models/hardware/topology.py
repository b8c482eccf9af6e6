"""What a closed form sees of a cluster: nested levels of links and how far a step reaches.

Ranks fill units in order (0 to span-1 share the first node, and so on). A closed form asks for the
time of a *step* of its algorithm: how far apart its partners are, and whether one rank per unit sends
or all of them. Where partners straddle levels the slowest level that can occur is taken, so closed
forms are exact for power-of-two spans and an upper bound otherwise.
"""

from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from nearlinear.models.arrays import FloatArray, IntArray
from nearlinear.models.hardware.message import LinkCost


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TopologyLevel:
    """One level of links between ranks.

    Attributes
    ----------
    name : str
        ``group``, ``node`` or ``network``.
    span : float
        Ranks inside one unit of this level; infinite for the network.
    cost : LinkCost
        Of one message between two ranks of different units of the level below, when alone.
    capacity : float
        Messages that may leave (or enter) one unit of the level below at once at full rate.
    """

    name: str
    span: float
    cost: LinkCost
    capacity: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Topology:
    """Levels inside out.

    ``stride`` tells that one rank stands for so many devices which act alike at once, each on its
    own part of the data (the lanes of a hierarchical collective).
    """

    levels: tuple[TopologyLevel, ...]
    stride: int | IntArray = 1

    @classmethod
    def flat(cls, cost: LinkCost) -> Self:
        """Return a single switch that joins all ranks."""
        return cls(levels=(TopologyLevel(name="network", span=np.inf, cost=cost),))

    def strided(self, stride: int | IntArray) -> Self:
        """Return the topology as seen by every ``stride``-th rank, all lanes active at once."""
        return replace(self, stride=self.stride * stride)

    def reach_s(
        self,
        step: int,
        ranks: int | IntArray,
        size_bytes: FloatArray | float,
        reduced_bytes: FloatArray | float,
        *,
        everyone: bool,
        aligned: bool | FloatArray = True,
    ) -> FloatArray:
        """Return the time of a step in which rank r meets r + ``step`` inside blocks of 2 x ``step``.

        Parameters
        ----------
        step : int
            Distance between partners, a power of two.
        ranks : int or ndarray
            Number of ranks.
        size_bytes, reduced_bytes : ndarray or float
            Bytes on the wire, and bytes that the receiver must then add or convert.
        everyone : bool
            Whether all ranks of a unit take part, or one.
        aligned : bool or ndarray
            False where partners need not lie in aligned blocks (rank counts that are no power of 2).
        """
        reach = np.asarray(step * self.stride, dtype=float)
        time = self._inside_s(0, size_bytes, reduced_bytes, everyone)
        for index in range(1, len(self.levels)):
            below = self.levels[index - 1].span
            nested = np.asarray(aligned) & (np.mod(below, 2 * reach) == 0)
            inside = nested | (ranks * self.stride <= below)
            all_cross = np.asarray(aligned) & (np.mod(reach, below) == 0)
            across = self._inside_s(index, size_bytes, reduced_bytes, everyone)
            time = np.where(inside, time, np.where(all_cross, across, np.maximum(time, across)))
        return np.asarray(time)

    def hop_s(
        self,
        ranks: int | IntArray,
        size_bytes: FloatArray | float,
        reduced_bytes: FloatArray | float,
        *,
        everyone: bool = False,
    ) -> FloatArray:
        """Return the time of the slowest hop between neighbours among ``ranks`` ranks in order."""
        first = self._inside_s(0, size_bytes, reduced_bytes, everyone)
        time = np.where(self.stride < self.levels[0].span, first, 0.0)
        for index in range(1, len(self.levels)):
            crossed = (ranks * self.stride > self.levels[index - 1].span) & (
                self.stride < self.levels[index].span
            )
            slower = np.maximum(time, self._inside_s(index, size_bytes, reduced_bytes, everyone))
            time = np.where(crossed, slower, time)
        return np.asarray(time)

    def _inside_s(
        self,
        index: int,
        size_bytes: FloatArray | float,
        reduced_bytes: FloatArray | float,
        everyone: bool,
    ) -> FloatArray:
        """Return the time of a message on one level, slowed where senders of a unit share uplinks."""
        level = self.levels[index]
        unit = self.levels[index - 1].span if index else 1.0
        senders = unit if everyone else np.minimum(self.stride, unit)
        slowdown = np.maximum(1.0, senders / level.capacity)
        return level.cost.transfer_s(size_bytes, slowdown) + level.cost.reduce_s(reduced_bytes)
