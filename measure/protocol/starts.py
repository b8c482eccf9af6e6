"""How ranks start a timed call together: behind a barrier, or at an agreed time on compared clocks."""

import time
from collections.abc import Sequence
from typing import Protocol

import numpy as np

from nearlinear.measure.protocol.clocks import Clocks
from nearlinear.measure.transports.transport import Transport, as_bytes

STARTS = ("barrier", "window")
SHORTEST_WINDOW_S, LONGEST_WINDOW_S, SHRINKS = 200e-6, 1.0, 0.97


class Start(Protocol):
    """A way to start together."""

    name: str
    window_s: float
    clocks: Clocks | None

    def wait(self, transport: Transport, participants: Sequence[int]) -> bool:
        """Return when this rank may start, with whether it was in time."""


class BarrierStart:
    """Behind a barrier: ranks leave it within about one message of each other."""

    name, window_s = "barrier", 0.0
    clocks: Clocks | None = None

    def wait(self, transport: Transport, participants: Sequence[int]) -> bool:
        """Wait at the barrier; nobody is ever late."""
        transport.barrier(participants)
        return True


class WindowStart:
    """At a time that the first participant sets a little ahead.

    A rank that gets there too late spoils the sample; rank 0 then doubles the window of all.

    Parameters
    ----------
    control : Transport
        On host memory, among the same ranks as the timed one.
    clocks : Clocks
        Of these ranks.
    """

    name = "window"

    def __init__(self, control: Transport, clocks: Clocks) -> None:
        self._control = control
        self.clocks: Clocks | None = clocks
        self.window_s = SHORTEST_WINDOW_S

    def wait(self, transport: Transport, participants: Sequence[int]) -> bool:
        """Wait until the agreed time by this rank's clock; False where it had passed already."""
        target = self._agreed(participants) + self._offset_s()
        early = time.perf_counter() < target
        while time.perf_counter() < target:
            pass
        return early

    def _offset_s(self) -> float:
        assert self.clocks is not None
        return float(self.clocks.offset_s[self._control.rank])

    def _agreed(self, participants: Sequence[int]) -> float:
        """Return a time by the clock of rank 0, told by the first participant along a chain of halves."""
        place, box = participants.index(self._control.rank), np.zeros(1)
        self._control.barrier(participants)
        if place == 0:
            here = time.perf_counter() - self._offset_s()
            box[0] = here + self.window_s * max(len(participants) - 1, 1).bit_length()
        else:
            self._control.exchange([], [(as_bytes(box), participants[place & (place - 1)])])
        self._tell(box, place, participants)
        return float(box[0])

    def _tell(self, box: np.ndarray, place: int, participants: Sequence[int]) -> None:
        """Pass the time on to the places that differ in one bit below the lowest that is set."""
        bit = 1 << (len(participants) - 1).bit_length()
        while bit > 1:
            bit >>= 1
            lowest = place & -place if place else bit + 1
            if bit < lowest and place + bit < len(participants):
                self._control.exchange([(as_bytes(box), participants[place + bit])], [])


def widened(start: Start, spoiled: bool) -> float:
    """Return the window to use from now on: twice as long after a late start, else slowly shorter again."""
    if spoiled:
        return min(start.window_s * 2, LONGEST_WINDOW_S)
    return max(start.window_s * SHRINKS, min(start.window_s, SHORTEST_WINDOW_S))
