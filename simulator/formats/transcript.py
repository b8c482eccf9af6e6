"""Operations as files tell them, one after another, put together into a program.

Streams begin what they hold in the order in which it is told. The k-th send from one rank to another
with some tag meets the k-th receive there, in the order told, and both must say the same size. A receive
is expected together with the receive just before it in its stream, unless it waits for something; that
an earlier operation of its stream has begun is no waiting.

Prices are left blank (see ``message_prices.priced``): LogGOPS needs sizes alone.
"""

from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from nearlinear.models.arrays import IntArray
from nearlinear.models.errors import ContentError
from nearlinear.simulator.formats.circles import circle
from nearlinear.simulator.programs.program import COMPUTE, RECEIVE, SEND, Messages, Program

MOST_RANKS = 1 << 20
MOST_OPERATIONS = 1 << 25  # some 3 GB
LARGEST = 10**15  # bytes of a message, nanoseconds of a compute: a petabyte, or eleven days
SHOWN = 6  # operations that an error about a circle names
RANK, STREAM, KIND, AMOUNT, PEER, TAG, NUMBER, NAME = range(8)
WIDTH = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where operations come from, for errors.

    Attributes
    ----------
    files : sequence of Path
        One for all ranks, or one per rank.
    unit : str
        What is counted in them: ``line`` or ``node``.
    """

    files: Sequence[Path]
    unit: str = "line"

    def where(self, rank: int, number: int) -> str:
        """Return the place of an operation."""
        file = self.files[min(rank, len(self.files) - 1)]
        return f"{file}:{number}" if self.unit == "line" else f"{file}: {self.unit} {number}"


class Transcript:
    """Operations in the order in which they are told.

    Parameters
    ----------
    ranks : int
        How many there are.
    origin : Origin
        Where operations come from.
    """

    def __init__(self, ranks: int, origin: Origin) -> None:
        self.ranks, self.origin = ranks, origin
        self._rows, self._waits = array("q"), array("q")
        self._names = {"": 0}

    def __len__(self) -> int:
        return len(self._rows) // WIDTH

    def name(self, text: str) -> int:
        """Return the number of a name."""
        return self._names.setdefault(text, len(self._names))

    def add(
        self, rank: int, stream: int, kind: int, amount: int, peer: int, tag: int, number: int, name: int
    ) -> int:
        """Return the number of a new operation, the last so far of its stream.

        ``amount`` is the ticks of a compute or the bytes of a message, ``number`` says where it is told.
        """
        self._rows.extend((rank, stream, kind, amount, peer, tag, number, name))
        if len(self._rows) > MOST_OPERATIONS * WIDTH:
            self._refuse(rank, number)
        return len(self) - 1

    def extend(self, rows: IntArray) -> int:
        """Return the number of the first of new operations, shape (operations, 8)."""
        if len(self) + len(rows) > MOST_OPERATIONS:
            self._refuse(int(rows[0, RANK]), int(rows[0, NUMBER]))
        self._rows.frombytes(np.ascontiguousarray(rows, dtype=np.int64).tobytes())
        return len(self) - len(rows)

    def wait(self, operation: int, target: int) -> None:
        """Let an operation wait until its target is done, or with ``~target`` until it begins."""
        self._waits.extend((operation, target))

    def wait_all(self, operations: IntArray, targets: IntArray) -> None:
        """Let operations wait for targets, pair by pair."""
        self._waits.frombytes(np.stack([operations, targets], axis=1).astype(np.int64).tobytes())

    def _refuse(self, rank: int, number: int) -> None:
        where = self.origin.where(rank, number)
        raise ContentError(where, f"must be one of at most {MOST_OPERATIONS:,} operations")

    def program(self) -> Program:
        """Return the program.

        Raises
        ------
        ContentError
            A send or receive without its partner, or of another size; operations that wait for each
            other in a circle.
        """
        told = np.frombuffer(self._rows, dtype=np.int64).reshape(-1, WIDTH)
        waits = np.frombuffer(self._waits, dtype=np.int64).reshape(-1, 2)
        self._check_circles(told, waits)
        sends, receives = self._matched(told)
        order = np.lexsort((told[:, STREAM], told[:, RANK]))
        place = np.empty(len(order), dtype=np.int64)
        place[order] = np.arange(len(order))
        rows = told[order]
        stream_rank, first = _streams(rows, self.ranks)
        by_sender = np.argsort(place[sends])
        sends, receives = place[sends][by_sender], place[receives][by_sender]
        message = np.full(len(rows), -1, dtype=np.int64)
        message[sends] = message[receives] = np.arange(len(sends))
        wait_first, wait = _ordered(place, waits)
        kind = _narrow(rows[:, KIND], np.uint8)
        return Program(
            ranks=self.ranks, stream_rank=stream_rank, first=first,
            begin_ticks=np.zeros(len(stream_rank), dtype=np.int64), kind=kind,
            ticks=np.where(kind == COMPUTE, rows[:, AMOUNT], 0), message=_narrow(message, np.int32),
            fence=_narrow(0 * message, np.uint8), post=_posts(kind, first, wait_first, wait),
            wait_first=wait_first, wait=wait, messages=_unpriced(rows, sends, receives),
            label=tuple(self._names), labelled=_narrow(rows[:, NAME], np.int32),
        )  # fmt: skip

    def _matched(self, told: IntArray) -> tuple[IntArray, IntArray]:
        """Return the sends and the receives of all messages."""
        sends = np.flatnonzero(told[:, KIND] == SEND)
        receives = np.flatnonzero(told[:, KIND] == RECEIVE)
        sent, taken = told[sends][:, (RANK, PEER, TAG)], told[receives][:, (PEER, RANK, TAG)]
        by_send, by_receive = np.lexsort(sent.T[::-1]), np.lexsort(taken.T[::-1])
        sends, receives, sent, taken = sends[by_send], receives[by_receive], sent[by_send], taken[by_receive]
        common = min(len(sent), len(taken))
        differ = np.flatnonzero((sent[:common] != taken[:common]).any(axis=1))
        at = int(differ[0]) if len(differ) else common
        if at < max(len(sent), len(taken)):
            lonely = at == len(taken) or (at < len(sent) and tuple(sent[at]) < tuple(taken[at]))
            self._refuse_lonely(told[sends[at] if lonely else receives[at]])
        unequal = np.flatnonzero(told[sends, AMOUNT] != told[receives, AMOUNT])
        if len(unequal):
            self._refuse_size(told[sends[unequal[0]]], told[receives[unequal[0]]])
        return sends, receives

    def _refuse_lonely(self, row: IntArray) -> None:
        send = row[KIND] == SEND
        what = f"{'send to' if send else 'receive from'} rank {row[PEER]}, tag {row[TAG]}"
        where = self.origin.where(int(row[RANK]), int(row[NUMBER]))
        raise ContentError(where, f"must have its {'receive' if send else 'send'} there", field=what)

    def _refuse_size(self, send: IntArray, receive: IntArray) -> None:
        where = self.origin.where(int(receive[RANK]), int(receive[NUMBER]))
        told = f"{self.origin.unit} {send[NUMBER]} of rank {send[RANK]}"
        raise ContentError(
            where, f"must take the {send[AMOUNT]} bytes of its send ({told})", got=int(receive[AMOUNT])
        )

    def _check_circles(self, told: IntArray, waits: IntArray) -> None:
        operation, target = waits[:, 0], np.where(waits[:, 1] < 0, ~waits[:, 1], waits[:, 1])
        if (target < operation).all():
            return
        found = circle(operation, target)
        if not found:
            return
        names, unit = list(self._names), self.origin.unit
        rows = [told[operation] for operation in (*found, found[0])]
        shown = [f"{names[row[NAME]]} ({unit} {row[NUMBER]})".strip() for row in rows]
        if len(shown) > SHOWN:
            shown = [*shown[: SHOWN - 1], f"… {len(shown) - SHOWN} more …", shown[-1]]
        where = self.origin.where(int(rows[0][RANK]), int(rows[0][NUMBER]))
        raise ContentError(where, "must not wait for itself", field=" -> ".join(shown))


def _streams(rows: IntArray, ranks: int) -> tuple[IntArray, IntArray]:
    """Return rank and first operation of every stream; a rank that does nothing has one as well."""
    new = np.ones(len(rows), dtype=bool)
    new[1:] = (np.diff(rows[:, RANK]) != 0) | (np.diff(rows[:, STREAM]) != 0)
    heads = np.flatnonzero(new)
    idle = np.setdiff1d(np.arange(ranks), rows[heads, RANK])
    stream_rank = np.concatenate([rows[heads, RANK], idle])
    lengths = np.concatenate([np.diff(heads, append=len(rows)), np.zeros(len(idle), dtype=np.int64)])
    order = np.argsort(stream_rank, kind="stable")
    return stream_rank[order], np.concatenate([[0], np.cumsum(lengths[order])]).astype(np.int64)


def _ordered(place: IntArray, waits: IntArray) -> tuple[IntArray, IntArray]:
    """Return where the waits of every operation begin, and what they wait for, in stream order."""
    operation, begin = place[waits[:, 0]], waits[:, 1] < 0
    target = place[np.where(begin, ~waits[:, 1], waits[:, 1])]
    order = np.argsort(operation, kind="stable")
    first = np.searchsorted(operation[order], np.arange(len(place) + 1))
    return first.astype(np.int64), np.where(begin, ~target, target)[order]


def _posts(kind: IntArray, first: IntArray, wait_first: IntArray, wait: IntArray) -> IntArray:
    """Return for every receive the first that is expected with it, for others themselves."""
    operation = np.repeat(np.arange(len(kind)), np.diff(wait_first))
    stream = np.repeat(np.arange(len(first) - 1), np.diff(first))
    target = np.where(wait < 0, ~wait, wait)
    idle = (wait < 0) & (target < operation) & (stream[target] == stream[operation])
    alone = np.ones(len(kind), dtype=bool)
    alone[1:] = (kind[1:] != RECEIVE) | (kind[:-1] != RECEIVE) | (stream[1:] != stream[:-1])
    alone[operation[~idle]] = True
    return _narrow(np.maximum.accumulate(np.where(alone, np.arange(len(kind)), 0)), np.int32)


def _narrow(values: IntArray, kind: Any) -> IntArray:
    return values.astype(kind)


def _unpriced(rows: IntArray, sends: IntArray, receives: IntArray) -> Messages:
    count = len(sends)
    blank = np.zeros(count, dtype=np.int64)
    return Messages(
        send=sends, receive=receives, source=rows[sends, RANK], destination=rows[receives, RANK],
        size_bytes=rows[sends, AMOUNT], latency=blank, work=blank, handling=blank, slowdown=np.ones(count),
        links=np.empty((count, 0), dtype=np.int64), share=np.ones((1, 1)), limit=np.ones(count),
    )  # fmt: skip
