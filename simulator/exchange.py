"""What is exchanged, and what came of it: the input and output that all engines share."""

from dataclasses import dataclass

import numpy as np

from nearlinear.models.arrays import IntArray
from nearlinear.models.errors import SelfCheckError

TICKS_PER_SECOND = 10**12  # picoseconds: an int64 then holds 106 days


def to_ticks(time_s: object) -> IntArray:
    """Return whole ticks; the one place where time is rounded."""
    ticks: IntArray = np.rint(np.asarray(time_s, dtype=float) * TICKS_PER_SECOND).astype(np.int64)
    return ticks


@dataclass(frozen=True, slots=True, kw_only=True)
class Vector:
    """The vector that an allreduce sums.

    Attributes
    ----------
    elements : int
        Its length.
    element_bytes : int
        Bytes of an element in memory; sums are taken in this type.
    wire_fraction : float
        Bytes on the wire per byte in memory.
    """

    elements: int
    element_bytes: int = 4
    wire_fraction: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Outcome:
    """When every rank is done, and what was moved.

    Attributes
    ----------
    end_ticks : ndarray of int, shape (samples, ranks)
        Clock of every rank at its end.
    messages : int
        Transfers that took place.
    sent_bytes, received_bytes : ndarray of int, shape (ranks,)
        Bytes in memory that each rank gave and got.
    """

    end_ticks: IntArray
    messages: int
    sent_bytes: IntArray
    received_bytes: IntArray

    def __post_init__(self) -> None:
        sent, received = int(self.sent_bytes.sum()), int(self.received_bytes.sum())
        if sent != received:
            raise SelfCheckError("simulator", "every byte sent must be received", got=(sent, received))


def checked_starts(start_ticks: IntArray | None, samples: int, ranks: int) -> IntArray:
    """Return start clocks of shape (samples, ranks); zeros where none are given."""
    if start_ticks is None:
        return np.zeros((samples, ranks), dtype=np.int64)
    return np.array(np.broadcast_to(start_ticks, (samples, ranks)), dtype=np.int64)
