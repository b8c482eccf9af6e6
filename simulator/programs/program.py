"""What every rank does, as a graph of operations: computing, sending, receiving.

Operations stand in *streams*. A stream belongs to a rank and begins its operations in order: an
operation begins when the one before has let go of the stream, and when all it waits for is done.
Messages join a send to a receive once and for all, so that every engine sees the same pairs.

    compute   holds the stream for its ticks
    send      is posted when it begins; lets go at once (LogGOPS: after the overhead)
    receive   holds the stream until its message is there and handled; it is posted when the first
              receive of its group begins, so that a rank can expect several messages at once

A *fence* is an operation that begins only when all earlier sends of its stream are done.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from nearlinear.models.arrays import FloatArray, IntArray, Integers

COMPUTE, SEND, RECEIVE = 0, 1, 2
NAMES = ("compute", "send", "receive")
NOBODY = -1


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Messages:
    """Messages, as equally long columns.

    Attributes
    ----------
    send, receive : ndarray of int, shape (messages,)
        Operations that they join.
    source, destination : ndarray of int, shape (messages,)
        Ranks.
    size_bytes : ndarray of int, shape (messages,)
        On the wire.
    latency, work, handling : ndarray of int, shape (messages,)
        Ticks before the first byte, of all bytes at full rate, and at the receiver after the last.
    slowdown : ndarray, shape (messages,)
        How many times longer than alone bytes take (discipline *round*).
    links : ndarray of int, shape (messages, hops)
        Links used (discipline *flow*), -1 where there are fewer.
    share : ndarray, shape (messages, hops) or (1, 1)
        Fraction of the message on each of its links.
    limit : ndarray, shape (messages,)
        Rate of the slower of the two ports.
    """

    send: IntArray
    receive: IntArray
    source: IntArray
    destination: IntArray
    size_bytes: IntArray
    latency: IntArray
    work: IntArray
    handling: IntArray
    slowdown: FloatArray
    links: IntArray
    share: FloatArray
    limit: FloatArray

    def __len__(self) -> int:
        return len(self.send)

    @property
    def whole(self) -> bool:
        """Whether every link of a message carries all of it."""
        return self.share.size == 1 and float(self.share[0, 0]) == 1.0


@dataclass(frozen=True, kw_only=True, eq=False)
class Program:
    """Operations of all streams, as equally long columns in stream order.

    Attributes
    ----------
    ranks : int
        How many there are.
    stream_rank : ndarray of int, shape (streams,)
        Whose stream it is.
    first : ndarray of int, shape (streams + 1,)
        First operation of each stream, and the end.
    begin_ticks : ndarray of int, shape (streams,)
        When each stream begins.
    kind : ndarray of int, shape (operations,)
        COMPUTE, SEND or RECEIVE.
    ticks : ndarray of int, shape (operations,)
        Length of a compute.
    message : ndarray of int, shape (operations,)
        Message of a send or receive; -1 for a compute.
    fence : ndarray of int, shape (operations,)
        1 where all earlier sends of the stream must be done.
    post : ndarray of int, shape (operations,)
        For a receive the first receive of its group, else the operation itself.
    wait_first : ndarray of int, shape (operations + 1,)
        Where what an operation waits for begins in ``wait``.
    wait : ndarray of int
        Operations of the same rank waited for; ``~op`` waits only for its begin.
    label : sequence of str
        Names for people, one per distinct value of ``labelled``.
    labelled : ndarray of int, shape (operations,)
        Index into ``label``.
    messages : Messages
        What joins sends and receives.
    """

    ranks: int
    stream_rank: IntArray
    first: IntArray
    begin_ticks: IntArray
    kind: Integers
    ticks: IntArray
    message: Integers
    fence: Integers
    post: Integers
    wait_first: IntArray
    wait: IntArray
    messages: Messages
    label: Sequence[str] = ("",)
    labelled: Integers = field(default_factory=lambda: np.zeros(0, dtype=np.int64))

    def __len__(self) -> int:
        return len(self.kind)

    @cached_property
    def senders(self) -> IntArray:
        """Stream of each message's send, shape (messages,)."""
        return self._stream_of_all[self.messages.send]

    @cached_property
    def receivers(self) -> IntArray:
        """Stream of each message's receive, shape (messages,)."""
        return self._stream_of_all[self.messages.receive]

    @cached_property
    def sizes(self) -> tuple[IntArray, IntArray]:
        """The sizes that occur, and which of them each message has."""
        sizes, which = np.unique(self.messages.size_bytes, return_inverse=True)
        return sizes, which.reshape(-1)

    @cached_property
    def _stream_of_all(self) -> IntArray:
        return np.repeat(np.arange(self.streams), np.diff(self.first))

    @property
    def streams(self) -> int:
        """How many streams there are."""
        return len(self.stream_rank)

    def stream_of(self, operation: int) -> int:
        """Return the stream of an operation."""
        return int(np.searchsorted(self.first, operation, side="right")) - 1

    def rank_of(self, operation: int) -> int:
        """Return the rank of an operation."""
        return int(self.stream_rank[self.stream_of(operation)])

    def name_of(self, operation: int) -> str:
        """Return what an operation is called."""
        text = self.label[self.labelled[operation]] if len(self.labelled) else ""
        kind = int(self.kind[operation])
        peer = self.peer_of(operation)
        what = NAMES[kind] + ("" if peer == NOBODY else f" {('', 'to', 'from')[kind]} rank {peer}")
        return f"{what} ({text})" if text else what

    def peer_of(self, operation: int) -> int:
        """Return the rank at the other end, or NOBODY."""
        message = int(self.message[operation])
        if message < 0:
            return NOBODY
        ends = self.messages.destination if self.kind[operation] == SEND else self.messages.source
        return int(ends[message])
