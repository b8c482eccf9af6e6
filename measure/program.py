"""A schedule as one rank executes it: what it sends, receives and adds, round by round."""

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from nearlinear.measure.transport import Transport
from nearlinear.models.collectives.schedule import Schedule, Transfers


@dataclass(frozen=True, slots=True)
class _Piece:
    """Elements from ``start`` to ``stop`` that go to or come from a peer."""

    peer: int
    start: int
    stop: int


@dataclass(frozen=True, slots=True)
class _Round:
    sends: tuple[_Piece, ...]
    receives: tuple[_Piece, ...]
    reduce: bool


class RankProgram:
    """Everything one rank does in a schedule.

    Parameters
    ----------
    schedule : Schedule
        What all ranks do.
    rank : int
        Whose part this is; a rank beyond the schedule's takes no part.
    elements : int
        Length of the vector.
    """

    def __init__(self, schedule: Schedule, rank: int, elements: int) -> None:
        bounds = schedule.chunk_bounds(elements)
        rounds = (_mine(transfers, rank, bounds) for phase in schedule.phases() for transfers in phase)
        self._rounds = [r for r in rounds if r.sends or r.receives]
        self.landing_elements = max(
            (sum(p.stop - p.start for p in r.receives) for r in self._rounds), default=0
        )

    def run(self, transport: Transport, vector: Any, landing: Any) -> None:
        """Sum ``vector`` in place over the workers.

        What arrives is put aside in ``landing`` (of ``landing_elements``) and added only when all
        messages of the round are through, because sends of the same round must leave with the values
        from before it.
        """
        for round_ in self._rounds:
            places = _places(round_.receives)
            transport.exchange(
                [(vector[p.start : p.stop], p.peer) for p in round_.sends],
                [(landing[a:b], p.peer) for p, (a, b) in zip(round_.receives, places, strict=True)],
            )
            for piece, (a, b) in zip(round_.receives, places, strict=True):
                target = vector[piece.start : piece.stop]
                if round_.reduce:
                    target += landing[a:b]
                else:
                    target[:] = landing[a:b]


def _mine(transfers: Transfers, rank: int, bounds: Any) -> _Round:
    start, stop = bounds[transfers.chunk], bounds[transfers.chunk + transfers.chunks]
    moves = (transfers.source != transfers.destination) & (stop > start)

    def pieces(peers: Any, mine: Any) -> tuple[_Piece, ...]:
        return tuple(_Piece(int(peers[i]), int(start[i]), int(stop[i])) for i in np.flatnonzero(mine & moves))

    return _Round(
        sends=pieces(transfers.destination, transfers.source == rank),
        receives=pieces(transfers.source, transfers.destination == rank),
        reduce=transfers.reduce,
    )


def _places(receives: tuple[_Piece, ...]) -> list[tuple[int, int]]:
    ends = np.cumsum([0] + [piece.stop - piece.start for piece in receives])
    return [(int(a), int(b)) for a, b in pairwise(ends)]
