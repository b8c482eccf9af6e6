"""A schedule as one rank executes it: what it sends, receives and adds, round by round."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from nearlinear.measure.elements import ELEMENTS, ElementType
from nearlinear.measure.transports.transport import Part, Transport, as_bytes
from nearlinear.models.collectives.schedule import Schedule, Transfers

FLOAT32 = ELEMENTS["float32"]
Calls = list[Callable[[], Any]]
_Bound = tuple[Calls, list[Part], list[Part], Calls]  # a round with its arrays cut out


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

    def bind(self, transport: Transport, vector: Any, landing: Any, leaving: Any) -> Callable[[], None]:
        """Return a call that sums ``vector`` in place over the workers.

        What arrives is put aside in ``landing`` (of ``landing_elements``) and added only when all
        messages of the round are through, because sends of the same round must leave with the values
        from before it. Messages of another type leave from ``leaving`` (of ``leaving_elements``).
        """
        xp, exchange = transport.buffers.arrays, transport.exchange
        rounds = [self._bound(xp, round_, vector, landing, leaving) for round_ in self._rounds]

        def run() -> None:
            for before, sends, receives, after in rounds:
                for convert in before:
                    convert()
                exchange(sends, receives)
                for combine in after:
                    combine()

        return run

    def _bound(self, xp: Any, round_: _Round, vector: Any, landing: Any, leaving: Any) -> _Bound:
        """Return a round on its arrays.

        The sender keeps what it sends in a narrower type wherever it lasts: all ranks end with equal
        values, and not one of them with the digits that the wire lost.
        """
        before: Calls = []
        sends: list[Part] = []
        for piece in round_.sends:
            left = vector[piece.start : piece.stop]
            if self._narrows:
                source, left = left, leaving[piece.kept]
                before.append(self.wire.putting(xp, left, source, self.element))
                before += [self.element.putting(xp, source, left, self.wire)] if round_.lasts(piece) else []
            sends.append((as_bytes(left), piece.peer))
        lands = [(vector[piece.start : piece.stop], landing[piece.kept]) for piece in round_.receives]
        combine = self.element.adding if round_.reduce else self.element.putting
        receives = [(as_bytes(landing[piece.kept]), piece.peer) for piece in round_.receives]
        after = [combine(xp, target, landed, self.wire) for target, landed in lands]
        return before, sends, receives, after


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
