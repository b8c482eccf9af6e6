"""The round engine: clocks of all ranks advance round by round, without an event queue.

Semantics (discipline *round*). A transfer starts when its sender and its receiver have both reached
the round, and takes latency plus bytes over its max-min fair rate, which is solved once over all
transfers of the round and held. The receiver then adds what arrived, one message after another in the
order of its receives. A rank reaches its next round when its own sends and receives are done.

With E the clocks on entry, d the duration and h the handling at the receiver, all in ticks:

    end_i = max(E[source_i], E[destination_i]) + d_i
    clock[r] = max(E[r], end_i of its sends, max over its receives i of end_i + sum of h_j for j >= i)
"""

import numpy as np

from nearlinear.models.arrays import IntArray
from nearlinear.models.collectives.schedule import Phase, Schedule, Transfers
from nearlinear.simulator.clocks import Advance, Peers, advance_for
from nearlinear.simulator.exchange import Outcome, Vector, checked_starts, to_ticks
from nearlinear.simulator.fabric import Fabric, moving


def run_rounds(
    schedule: Schedule, fabric: Fabric, vector: Vector, start_ticks: IntArray | None = None
) -> Outcome:
    """Return when every rank is done with a schedule.

    Parameters
    ----------
    schedule : Schedule
        What is transferred.
    fabric : Fabric
        Where ranks sit; its costs may carry a sample axis of shape (samples, 1).
    vector : Vector
        What is summed.
    start_ticks : ndarray of int, broadcastable to (samples, ranks), optional
        When every rank starts; all at zero by default.
    """
    samples = max(np.broadcast_shapes(*(np.shape(c.latency_s) for c in fabric.costs), (1, 1))[0], 1)
    clock = checked_starts(start_ticks, samples, schedule.ranks)
    tally = _Tally(schedule.ranks, vector)
    bounds = schedule.chunk_bounds(vector.elements)
    for phase in schedule.phases():
        clock = _run_phase(phase, fabric, vector, bounds, clock, tally)
    return tally.outcome(clock)


class _Tally:
    """Counts what was moved."""

    def __init__(self, ranks: int, vector: Vector) -> None:
        self.sent, self.received = np.zeros(ranks, np.int64), np.zeros(ranks, np.int64)
        self.messages = 0
        self.element_bytes = vector.element_bytes

    def add(self, transfers: Transfers, elements: IntArray) -> None:
        size = elements * self.element_bytes
        np.add.at(self.sent, transfers.source, size)
        np.add.at(self.received, transfers.destination, size)
        self.messages += len(size)

    def outcome(self, clock: IntArray) -> Outcome:
        return Outcome(
            end_ticks=clock, messages=self.messages, sent_bytes=self.sent, received_bytes=self.received
        )


class _Pattern:
    """Who meets whom in a round, and how long that takes for any length of chunk."""

    def __init__(self, transfers: Transfers, fabric: Fabric, vector: Vector) -> None:
        self.transfers, self.fabric, self.vector = transfers, fabric, vector
        self.peers = Peers.of(transfers)
        self.level = fabric.level(transfers)
        self.slowdown = 1.0 / fabric.rates(transfers, self.level)
        self._known: dict[int, tuple[IntArray, IntArray]] = {}

    def play(self, advance: Advance, entered: IntArray, elements: IntArray) -> IntArray:
        """Return the clocks after the round, shape (samples, ranks)."""
        return advance(entered, self.peers, *self._ticks(elements))

    def _ticks(self, elements: IntArray) -> tuple[IntArray, IntArray]:
        """Return duration and handling of every transfer; chunks have at most two lengths."""
        lengths = np.unique(elements)
        duration, handling = self._of_length(int(lengths[0]))
        for length in lengths[1:]:
            longer = elements == length
            other, more = self._of_length(int(length))
            duration, handling = np.where(longer, other, duration), np.where(longer, more, handling)
        return duration, handling

    def _of_length(self, elements: int) -> tuple[IntArray, IntArray]:
        if elements not in self._known:
            size = float(elements * self.vector.element_bytes)
            narrow = self.vector.wire_fraction
            handled = size if self.transfers.reduce or narrow < 1.0 else 0.0
            duration = handling = np.zeros((1, 1))
            for index, cost in enumerate(self.fabric.costs):
                here = self.level == index
                duration = np.where(here, cost.transfer_s(size * narrow, self.slowdown), duration)
                handling = np.where(here, cost.reduce_s(handled), handling)
            self._known[elements] = to_ticks(duration), to_ticks(handling)
        return self._known[elements]


def _run_phase(
    phase: Phase, fabric: Fabric, vector: Vector, bounds: IntArray, clock: IntArray, tally: _Tally
) -> IntArray:
    pattern: _Pattern | None = None
    advance = advance_for(len(phase.source) * phase.rounds * len(clock))
    for transfers in phase:
        moved, elements = moving(transfers, bounds)
        same = phase.fixed_peers and pattern is not None and len(moved.source) == len(transfers.source)
        if pattern is None or not same:
            pattern = _Pattern(moved, fabric, vector)
        if len(elements):
            clock = pattern.play(advance, clock, elements)
            tally.add(moved, elements)
        if len(moved.source) < len(transfers.source):
            pattern = None
    return clock
