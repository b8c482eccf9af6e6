"""What a fabric makes of transfers that run at once: the links they use, and how they slow each other."""

from dataclasses import dataclass

import numpy as np

from nearlinear.models.arrays import FloatArray, IntArray


@dataclass(frozen=True, kw_only=True, eq=False)
class Meeting:
    """What the fabric does to transfers that run at once, as equally long columns.

    Attributes
    ----------
    level : ndarray of int, shape (transfers,)
        Index of the cost that applies.
    hops : ndarray of int, shape (transfers,)
        Switches beyond the first on the way.
    slowdown : ndarray, shape (transfers,)
        How many times longer than on an idle port bytes take.
    once : bool
        Whether no rank sends, and none receives, more than once.
    alike : bool
        Whether one class serves all.
    """

    level: IntArray
    hops: IntArray
    slowdown: FloatArray
    once: bool
    alike: bool

    @classmethod
    def alone(cls, count: int, once: bool) -> "Meeting":
        """Return transfers that are alike and do not share."""
        zeros = np.zeros(count, dtype=np.int64)
        return cls(level=zeros, hops=zeros, slowdown=np.ones(count), once=once, alike=True)

    @property
    def free(self) -> bool:
        """Whether no transfer waits for another."""
        return bool((self.slowdown <= 1.0).all())


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Paths:
    """Links of some transfers.

    Attributes
    ----------
    links : ndarray of int, shape (transfers, hops)
        Indices into ``Fabric.link_capacity``; -1 where there are fewer.
    share : ndarray, shape (transfers, hops), or None
        Fraction of the transfer on each of its links; None where all carry all.
    limit : ndarray, shape (transfers,)
        Rate of the slower of the two ports.
    level, hops : ndarray of int, shape (transfers,)
        As in :class:`Meeting`.
    """

    links: IntArray
    share: FloatArray | None
    limit: FloatArray
    level: IntArray
    hops: IntArray
