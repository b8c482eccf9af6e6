"""Clocks of all ranks compared with that of rank 0.

Of many messages there and back the fastest tells most: its answer was written between its start and its
end, so the offset is known to half its time (Cristian 1989).
"""

import time
from dataclasses import dataclass
from typing import Any

import numpy as np

from nearlinear.measure.transports.transport import Transport, as_bytes
from nearlinear.models.arrays import FloatArray

EXCHANGES = 10


@dataclass(frozen=True, slots=True, eq=False)
class Clocks:
    """What the clock of each rank shows beyond that of rank 0.

    Attributes
    ----------
    offset_s, uncertainty_s : ndarray of float, shape (ranks,)
        Clock of the rank minus clock of rank 0, and half the time of the fastest exchange. The same on
        all ranks.
    """

    offset_s: FloatArray
    uncertainty_s: FloatArray

    @classmethod
    def same(cls, ranks: int) -> "Clocks":
        """Return clocks of one process."""
        return cls(np.zeros(ranks), np.zeros(ranks))


def compare(transport: Transport) -> Clocks:
    """Return how clocks differ; all ranks call this, and each in turn talks to rank 0.

    Parameters
    ----------
    transport : Transport
        On host memory.
    """
    found = np.zeros((2, transport.ranks))
    for peer in range(1, transport.ranks):
        if transport.rank == 0:
            found[:, peer] = _ask(transport, peer)
        elif transport.rank == peer:
            _answer(transport)
    offset, uncertainty = transport.share(found)
    return Clocks(offset, uncertainty)


def _ask(transport: Transport, peer: int) -> tuple[float, float]:
    """Return offset and uncertainty of the fastest of several exchanges."""
    box = np.zeros(1)
    best = (0.0, np.inf)
    for _ in range(EXCHANGES):
        begin = time.perf_counter()
        transport.exchange([(as_bytes(box), peer)], [])
        transport.exchange([], [(as_bytes(box), peer)])
        end = time.perf_counter()
        best = min(best, (float(box[0]) - (begin + end) / 2, (end - begin) / 2), key=_uncertainty)
    return best


def _answer(transport: Transport) -> None:
    box: Any = np.zeros(1)
    for _ in range(EXCHANGES):
        transport.exchange([], [(as_bytes(box), 0)])
        box[0] = time.perf_counter()
        transport.exchange([(as_bytes(box), 0)], [])


def _uncertainty(answer: tuple[float, float]) -> float:
    return answer[1]
