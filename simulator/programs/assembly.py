"""Building programs: operations for many streams at once, put in stream order at the end."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from nearlinear.models.arrays import FloatArray, IntArray
from nearlinear.simulator.fabrics.fabric import Fabric
from nearlinear.simulator.fabrics.sharing import exact_shares
from nearlinear.simulator.pricing import price
from nearlinear.simulator.programs.program import COMPUTE, RECEIVE, SEND, Messages, Program
from nearlinear.simulator.rounds.packing import Packed

NO_MESSAGE = -1


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Traffic:
    """Messages of an exchange, as equally long columns in the order in which they are posted."""

    source: IntArray
    destination: IntArray
    round: IntArray
    elements: IntArray
    latency: IntArray
    work: IntArray
    handling: IntArray
    slowdown: FloatArray


class Assembly:
    """A program in the making.

    Operations of a stream keep the order in which they are added.

    Parameters
    ----------
    fabric : Fabric
        Placement of all ranks.
    """

    def __init__(self, fabric: Fabric) -> None:
        self.fabric = fabric
        self._streams: list[tuple[IntArray, IntArray]] = []
        self._operations: list[tuple[IntArray, ...]] = []
        self._traffic: list[tuple[_Traffic, IntArray]] = []
        self._waits: list[tuple[IntArray, IntArray]] = []
        self._labels = [""]
        self._stream_count = self._count = self._message_count = self._block = 0

    def streams(self, ranks: IntArray, begin_ticks: IntArray) -> IntArray:
        """Return the numbers of new streams, one per entry of ``ranks``."""
        self._streams.append((ranks, np.broadcast_to(begin_ticks, ranks.shape)))
        self._stream_count += len(ranks)
        return np.arange(self._stream_count - len(ranks), self._stream_count)

    def compute(self, streams: IntArray, ticks: IntArray | int, label: str, fence: bool = False) -> IntArray:
        """Return the numbers of new computes, one at the end of each stream.

        With ``fence`` they begin only when all earlier sends of their stream are done.
        """
        count = len(streams)
        length = np.broadcast_to(np.asarray(ticks, dtype=np.int64), (count,))
        block, kind = np.full(count, self._next()), np.full(count, COMPUTE)
        return self._add(streams, block, kind, length, np.full(count, NO_MESSAGE), fence, label)

    def wait(self, operations: IntArray, targets: IntArray) -> None:
        """Let each operation wait until its target is done, or for ``~target`` until it has begun."""
        self._waits.append((operations, targets))

    def exchange(
        self, packed: Packed, streams: IntArray, label: str = "", places: IntArray | None = None
    ) -> None:
        """Add the messages of a schedule; ``streams`` holds the stream of each of its ranks.

        Every round of a rank begins with a fence; its receives are one group. ``places`` says which rank
        of the program each rank of the schedule is; the same one by default.
        """
        traffic = _traffic(packed)
        first, number = self._message_count, self._block
        here = np.arange(len(traffic.source))
        self._message_count += len(here)
        self._block += int(traffic.round.max(initial=-1)) + 1
        element = packed.vector.element_bytes * packed.vector.wire_fraction
        self._traffic.append((traffic, np.full(len(here), element)))
        zeros = np.zeros(len(here), dtype=np.int64)
        for kind, ranks in ((SEND, traffic.source), (RECEIVE, traffic.destination)):
            self._add(streams[ranks], number + traffic.round, zeros + kind, zeros, first + here, True, label)
        if places is not None:
            placed = replace(traffic, source=places[traffic.source], destination=places[traffic.destination])
            self._traffic[-1] = (placed, self._traffic[-1][1])

    def _next(self) -> int:
        self._block += 1
        return self._block - 1

    def _add(
        self, streams: IntArray, block: IntArray, kind: IntArray, ticks: IntArray, message: IntArray,
        fence: bool, label: str,
    ) -> IntArray:  # fmt: skip
        if label not in self._labels:
            self._labels.append(label)
        count = len(streams)
        named = np.full(count, self._labels.index(label))
        self._operations.append((streams, block, kind, ticks, message, np.full(count, fence), named))
        self._count += count
        return np.arange(self._count - count, self._count)

    def placed_program(self, flow: bool = True) -> tuple[Program, IntArray]:
        """Return the program, and where each operation stands in it.

        With ``flow`` the links of every message are looked up.
        """
        stream, block, kind, ticks, message, fence, named = (
            _joined([columns[i] for columns in self._operations]) for i in range(7)
        )
        ranks, begin = (_joined([columns[i] for columns in self._streams]) for i in range(2))
        traffic, by_sender = self._messages()
        posted = np.where(message >= 0, message, 0)
        order = np.lexsort((posted, kind, block, stream))
        place = np.empty(len(order), dtype=np.int64)
        place[order] = np.arange(len(order))
        stream, block, kind, message = stream[order], block[order], kind[order], message[order]
        leads = np.ones(len(order), dtype=bool)
        leads[1:] = (stream[1:] != stream[:-1]) | (block[1:] != block[:-1])
        renumbered = np.empty(len(by_sender), dtype=np.int64)
        renumbered[by_sender] = np.arange(len(by_sender))
        message = np.where(message >= 0, renumbered[message] if len(by_sender) else message, message)
        wait_first, wait = self._sorted_waits(place)
        sends, receives = (np.flatnonzero(kind == which) for which in (SEND, RECEIVE))
        send, receive = np.empty(len(by_sender), np.int64), np.empty(len(by_sender), np.int64)
        send[message[sends]], receive[message[receives]] = sends, receives
        program = Program(
            ranks=self.fabric.ranks, stream_rank=ranks,
            first=np.searchsorted(stream, np.arange(len(ranks) + 1)),
            begin_ticks=begin.astype(np.int64), kind=kind.astype(np.uint8), ticks=ticks[order],
            message=message.astype(np.int32), fence=(leads & fence[order].astype(bool)).astype(np.uint8),
            post=_groups(leads, kind).astype(np.int32), wait_first=wait_first, wait=wait,
            messages=self._finished(traffic, by_sender, send, receive, flow), label=tuple(self._labels),
            labelled=named[order].astype(np.int32),
        )  # fmt: skip
        return program, place

    def _messages(self) -> tuple[_Traffic, IntArray]:
        """Return all messages, and their numbers by sender: what a rank does then lies together."""
        names = _Traffic.__slots__
        columns: dict[str, Any] = {
            name: _joined([getattr(one, name) for one, _ in self._traffic]) for name in names
        }
        bytes_each = _joined([size for _, size in self._traffic])
        columns["elements"] = np.rint(columns["elements"] * bytes_each).astype(np.int64)
        traffic = _Traffic(**columns)
        return traffic, np.argsort(traffic.source, kind="stable")

    def _finished(
        self, traffic: _Traffic, order: IntArray, send: IntArray, receive: IntArray, flow: bool
    ) -> Messages:
        source, destination = traffic.source[order], traffic.destination[order]
        links, share, limit = np.empty((len(order), 0), np.int64), np.ones((1, 1)), np.ones(len(order))
        if flow:
            links, share, limit = message_links(self.fabric, source, destination)
        return Messages(
            send=send, receive=receive, source=source, destination=destination,
            size_bytes=traffic.elements[order], latency=traffic.latency[order], work=traffic.work[order],
            handling=traffic.handling[order], slowdown=traffic.slowdown[order].astype(float), links=links,
            share=share, limit=limit,
        )  # fmt: skip

    def _sorted_waits(self, place: IntArray) -> tuple[IntArray, IntArray]:
        operation = place[_joined([columns[0] for columns in self._waits])]
        raw = _joined([columns[1] for columns in self._waits])
        target = np.where(raw >= 0, place[raw], ~place[~raw])
        order = np.argsort(operation, kind="stable")
        first = np.searchsorted(operation[order], np.arange(len(place) + 1))
        return first, target[order]


def expand(packed: Packed, start_ticks: IntArray | None = None, flow: bool = True) -> Program:
    """Return a schedule spelled out message by message, with the costs of its first sample.

    Memory grows with the messages.

    Parameters
    ----------
    packed : Packed
        Schedule, fabric and vector.
    start_ticks : ndarray of int, shape (ranks,), optional
        When every rank starts; all at zero by default.
    flow : bool
        Look up the links of every message, for the discipline *flow*.
    """
    assembly = Assembly(packed.fabric)
    ranks = np.arange(packed.schedule.ranks)
    begin = np.zeros(len(ranks), np.int64) if start_ticks is None else np.asarray(start_ticks, dtype=np.int64)
    assembly.exchange(packed, assembly.streams(ranks, begin))
    return assembly.placed_program(flow)[0]


def message_links(
    fabric: Fabric, source: IntArray, destination: IntArray
) -> tuple[IntArray, FloatArray, FloatArray]:
    """Return links, shares and rate limit of messages; the fabric is asked once per pair of ranks."""
    pairs, inverse = np.unique(source * fabric.ranks + destination, return_inverse=True)
    which = inverse.reshape(-1)
    paths = fabric.paths(pairs // fabric.ranks, pairs % fabric.ranks, everything=True)
    share = np.ones((1, 1)) if paths.share is None else exact_shares(paths.share)[which]
    return paths.links[which], share, paths.limit[which]


def _traffic(packed: Packed) -> _Traffic:
    """Return all messages of a schedule in round and posting order."""
    found: list[tuple[Any, ...]] = []
    number = 0
    for part in packed.parts():
        ticks = price(part.classes, packed.fabric, packed.vector)
        for phase, offset in zip(part.phases, part.offsets, strict=True):
            for source, destination, local in phase.moves():
                group = local + offset
                found.append((
                    source, destination, np.full(len(source), number), part.classes.elements[group],
                    ticks.latency[group, 0], ticks.work[group, 0], ticks.handling[group, 0],
                    part.classes.slowdown[group],
                ))  # fmt: skip
                number += 1
    joined: dict[str, Any] = {
        name: _joined([columns[i] for columns in found]) for i, name in enumerate(_Traffic.__slots__)
    }
    return _Traffic(**joined)


def _groups(leads: IntArray, kind: IntArray) -> IntArray:
    """Return for every receive the first of its round, for others themselves."""
    alone = np.ones(len(kind), dtype=bool)
    alone[1:] = leads[1:] | (kind[1:] != RECEIVE) | (kind[:-1] != RECEIVE)
    return np.maximum.accumulate(np.where(alone, np.arange(len(kind)), 0))


def _joined(arrays: list[IntArray]) -> IntArray:
    return np.concatenate(arrays) if arrays else np.empty(0, dtype=np.int64)
