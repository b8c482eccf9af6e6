"""A schedule as one rank executes it: what it sends, receives and adds, round by round."""

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from nearlinear.measure.elements import ELEMENTS, ElementType
from nearlinear.measure.transports.transport import Part, Transport
from nearlinear.models.collectives.schedule import Schedule, Transfers

FLOAT32 = ELEMENTS["float32"]


@dataclass(frozen=True, slots=True)
class _Piece:
    """Elements from ``start`` to ``stop`` that go to or come from a peer, kept from ``place`` on."""

    peer: int
    start: int
    stop: int
    place: int

    @property
    def kept(self) -> slice:
        """Where it lies among what lands or leaves in a round."""
        return slice(self.place, self.place + self.stop - self.start)


@dataclass(frozen=True, slots=True)
class _Round:
    sends: tuple[_Piece, ...]
    receives: tuple[_Piece, ...]
    reduce: bool

    def lasts(self, sent: _Piece) -> bool:
        """Return whether what is sent stays part of the result.

        It replaces what others hold, or both sides add to it in this round.
        """
        met = any(r.start < sent.stop and sent.start < r.stop for r in self.receives)
        return met or not self.reduce


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
    element, wire : ElementType
        Of the vector, in which sums are made, and of messages.
    """

    def __init__(
        self,
        schedule: Schedule,
        rank: int,
        elements: int,
        element: ElementType = FLOAT32,
        wire: ElementType | None = None,
    ) -> None:
        self.element, self.wire = element, wire or element
        self._narrows = self.wire.name != element.name
        bounds = schedule.chunk_bounds(elements)
        rounds = (_mine(transfers, rank, bounds) for phase in schedule.phases() for transfers in phase)
        self._rounds = [r for r in rounds if r.sends or r.receives]
        self.landing_elements = max((_length(r.receives) for r in self._rounds), default=0)
        self.leaving_elements = (
            max((_length(r.sends) for r in self._rounds), default=0) if self._narrows else 0
        )

    def run(self, transport: Transport, vector: Any, landing: Any, leaving: Any = None) -> None:
        """Sum ``vector`` in place over the workers.

        What arrives is put aside in ``landing`` (of ``landing_elements``) and added only when all
        messages of the round are through, because sends of the same round must leave with the values
        from before it. Messages of another type leave from ``leaving`` (of ``leaving_elements``).
        """
        xp = transport.buffers.arrays
        for round_ in self._rounds:
            sends = self._narrowed(xp, round_, vector, leaving) if self._narrows else _parts(round_, vector)
            transport.exchange(sends, [(landing[p.kept], p.peer) for p in round_.receives])
            for piece in round_.receives:
                target, landed = vector[piece.start : piece.stop], landing[piece.kept]
                if round_.reduce:
                    self.element.add(xp, target, landed, self.wire)
                else:
                    self.element.put(xp, target, landed, self.wire)

    def _narrowed(self, xp: Any, round_: _Round, vector: Any, leaving: Any) -> list[Part]:
        """Return messages in the type of the wire.

        The sender keeps what it sends wherever it lasts: all ranks end with equal values, and not one of
        them with the digits that the wire lost.
        """
        for piece in round_.sends:
            source, left = vector[piece.start : piece.stop], leaving[piece.kept]
            self.wire.put(xp, left, source, self.element)
            if round_.lasts(piece):
                self.element.put(xp, source, left, self.wire)
        return [(leaving[p.kept], p.peer) for p in round_.sends]


def _parts(round_: _Round, vector: Any) -> list[Part]:
    return [(vector[p.start : p.stop], p.peer) for p in round_.sends]


def _mine(transfers: Transfers, rank: int, bounds: Any) -> _Round:
    start, stop = bounds[transfers.chunk], bounds[transfers.chunk + transfers.chunks]
    moves = (transfers.source != transfers.destination) & (stop > start)

    def pieces(peers: Any, mine: Any) -> tuple[_Piece, ...]:
        rows = np.flatnonzero(mine & moves)
        places = np.cumsum([0, *(stop[rows] - start[rows])])
        return tuple(
            _Piece(int(peers[i]), int(start[i]), int(stop[i]), int(place))
            for i, (place, _) in zip(rows, pairwise(places), strict=True)
        )

    return _Round(
        sends=pieces(transfers.destination, transfers.source == rank),
        receives=pieces(transfers.source, transfers.destination == rank),
        reduce=transfers.reduce,
    )


def _length(pieces: tuple[_Piece, ...]) -> int:
    return sum(piece.stop - piece.start for piece in pieces)
