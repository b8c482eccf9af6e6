"""Messages between pairs of ranks: latency, bandwidth, both ways, every pair, several pairs at once."""

from collections.abc import Sequence
from functools import partial
from itertools import combinations
from typing import Any

from nearlinear.measure.operations.operation import VENDOR, Operation, Prepared, Workspace
from nearlinear.measure.placement import Placement
from nearlinear.measure.transports.transport import Transport, as_bytes

MESSAGES = ("sendrecv", "bandwidth", "bidirectional", "pairs", "contention")
WINDOW = 64  # messages in flight, as the OSU benchmarks have it

Pair = tuple[int, int]


def message_rows(name: str, placement: Placement) -> list[Operation]:
    """Return the rows of a message operation: with a partner on the same node and one on another.

    ``pairs`` has a row for every pair of ranks; ``contention`` one for each number of pairs that send
    at once, inside the first node and between the first two.
    """
    if name == "contention":
        return [_row(name, pairs, _stream) for pairs in at_once(placement)]
    if name == "pairs":
        return [_row(name, [pair], _there_and_back) for pair in combinations(range(placement.ranks), 2)]
    how = {"sendrecv": _there_and_back, "bandwidth": _stream, "bidirectional": _both_ways}[name]
    return [_row(name, [(0, peer)], how) for peer in placement.partners()]


def at_once(placement: Placement) -> list[list[Pair]]:
    """Return 2, 4, 8 … disjoint pairs inside the first node, then between the first two nodes."""
    nodes = [[r for r in range(placement.ranks) if placement.node_of[r] == node] for node in (0, 1)]
    inside = list(zip(nodes[0][::2], nodes[0][1::2], strict=False))
    between = list(zip(nodes[0], nodes[1], strict=False))
    return [pairs[: 2**k] for pairs in (inside, between) for k in range(1, len(pairs).bit_length())]


def _row(name: str, pairs: Sequence[Pair], how: Any) -> Operation:
    ranks = [rank for pair in pairs for rank in pair]
    return Operation(
        operation=name, algorithm=VENDOR, placement="out", prepare=partial(how, pairs),
        workers=len(ranks), participants=ranks,
    )  # fmt: skip


def _role(pairs: Sequence[Pair], rank: int) -> tuple[int | None, int | None]:
    """Return (whom a rank sends to, whom it hears from): one of them, or neither."""
    to = next((b for a, b in pairs if a == rank), None)
    return to, next((a for a, b in pairs if b == rank), None)


def _there_and_back(
    pairs: Sequence[Pair], space: Workspace, transport: Transport, size_bytes: int
) -> Prepared:
    """Return a message to a peer and back; its time is half."""
    elements = space.elements_of(size_bytes)
    back = space.room("result", elements)
    to, source = _role(pairs, transport.rank)
    peer = to if to is not None else source
    sent = as_bytes(back if to is None else space.own(0, elements))
    leaves, comes = [(sent, peer or 0)], [(as_bytes(back), peer or 0)]

    def run() -> None:
        if to is not None:
            transport.exchange(leaves, ())
            transport.exchange((), comes)
        elif source is not None:
            transport.exchange((), comes)
            transport.exchange(leaves, ())

    listens = to is not None or source is not None
    return _prepared(space, run, back, elements, listens, scale=0.5)


def _stream(pairs: Sequence[Pair], space: Workspace, transport: Transport, size_bytes: int) -> Prepared:
    """Return a window of messages one way and an answer; the time is that of one message."""
    elements = space.elements_of(size_bytes)
    landing, token = space.room("result", elements), as_bytes(space.room("token", 1))
    sent, landed = as_bytes(space.own(0, elements)), as_bytes(landing)
    to, source = _role(pairs, transport.rank)

    def run() -> None:
        if to is not None:
            transport.exchange([(sent, to)] * WINDOW, [])
            transport.exchange([], [(token, to)])
        elif source is not None:
            transport.exchange([], [(landed, source)] * WINDOW)
            transport.exchange([(token, source)], [])

    return _prepared(space, run, landing, elements, source is not None, scale=1 / WINDOW)


def _both_ways(pairs: Sequence[Pair], space: Workspace, transport: Transport, size_bytes: int) -> Prepared:
    """Return a window of messages each way at once; the time is that of one message each way."""
    elements = space.elements_of(size_bytes)
    landing = space.room("result", elements)
    sent, landed = as_bytes(space.own(0, elements)), as_bytes(landing)
    to, source = _role(pairs, transport.rank)
    peer = to if to is not None else source

    def run() -> None:
        if peer is not None:
            transport.exchange([(sent, peer)] * WINDOW, [(landed, peer)] * WINDOW)

    return _prepared(space, run, landing, elements, peer is not None, scale=1 / WINDOW)


def _prepared(
    space: Workspace, run: Any, landing: Any, elements: int, listens: bool, scale: float
) -> Prepared:
    def reset() -> None:
        landing[:] = 0

    def wrong() -> int:
        return space.wrong(landing, space.pattern.own(space.xp, 0, elements)) if listens else 0

    size_bytes = elements * space.element.item_bytes
    return Prepared(reset=reset, run=run, wrong=wrong, size_bytes=size_bytes, scale=scale)
