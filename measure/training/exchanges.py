"""Sums of gradients over workers: bucket by bucket after backward, or behind it in a thread of their own."""

import queue
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from nearlinear.measure.elements import ELEMENTS
from nearlinear.measure.program import RankProgram
from nearlinear.measure.transports.transport import Transport
from nearlinear.models.collectives.schedule import Schedule

FLOAT32 = ELEMENTS["float32"]
Span = tuple[int, int]  # elements from, to


def bucket_spans(bounds: Sequence[Span], wanted_bytes: float | None) -> list[Span]:
    """Return buckets in the order in which backward fills them, the last layer first.

    A bucket closes once it holds ``wanted_bytes``, the rule of ``models.training.buckets``; None puts
    everything into one.
    """
    spans: list[Span] = []
    stop = bounds[-1][1]
    for start, _ in reversed(bounds):
        held = (stop - start) * FLOAT32.item_bytes
        if start == bounds[0][0] or (wanted_bytes is not None and held >= wanted_bytes):
            spans.append((start, stop))
            stop = start
    return spans


class Summing:
    """The sum of parts of a vector over the workers, by the library or by our own rounds.

    Parameters
    ----------
    transport : Transport
        Among all ranks of the schedule.
    schedule : Schedule or None
        None for the library's own allreduce.
    wire_dtype : str
        Type on the wire; empty for 32-bit floats.
    vector : ndarray
        What is summed, in place.
    spans : sequence of (int, int)
        The parts.
    """

    def __init__(
        self,
        transport: Transport,
        schedule: Schedule | None,
        wire_dtype: str,
        vector: Any,
        spans: Sequence[Span],
    ) -> None:
        self.vector, xp = vector, transport.buffers.arrays
        wire = ELEMENTS[wire_dtype] if wire_dtype else FLOAT32
        self._calls: dict[Span, Callable[[], None]] = {}
        if schedule is None:
            for start, stop in spans:
                self._calls[start, stop] = partial(
                    transport.collective, "allreduce", None, vector[start:stop]
                )
            return
        programs = {
            span: RankProgram(schedule, transport.rank, span[1] - span[0], FLOAT32, wire) for span in spans
        }
        landing = xp.zeros(max(program.landing_elements for program in programs.values()), wire.storage)
        leaving = xp.zeros(max(program.leaving_elements for program in programs.values()), wire.storage)
        for (start, stop), program in programs.items():
            self._calls[start, stop] = program.bind(transport, vector[start:stop], landing, leaving)

    def run(self, span: Span) -> None:
        """Replace a part of the vector by its sum."""
        self._calls[span]()


@dataclass(slots=True)
class Exchanged:
    """Seconds of one exchange: what the step waited for, and what lay behind backward."""

    exposed_s: float = 0.0
    waited_s: float = 0.0
    hidden_s: float = 0.0


class BlockingExchange:
    """All buckets after backward, behind a barrier that tells waiting from exchanging."""

    def __init__(self, transport: Transport, summing: Summing, spans: Sequence[Span]) -> None:
        self._transport, self._summing, self._spans = transport, summing, spans

    def on_layer(self, start: int, stop: int) -> None:
        """Do nothing yet."""

    def finish(self) -> Exchanged:
        """Sum everything and return the time it took."""
        begin = time.perf_counter()
        self._transport.barrier(range(self._transport.ranks))
        together = time.perf_counter()
        for span in self._spans:
            self._summing.run(span)
        self._transport.buffers.ready()
        return Exchanged(exposed_s=time.perf_counter() - together, waited_s=together - begin)

    def close(self) -> None:
        """Do nothing: there is nothing to give back."""


class OverlappedExchange:
    """Each bucket as soon as its last gradient is there, by a thread that alone talks to MPI meanwhile.

    Waiting for slower ranks cannot be told from exchanging here; both are in what is exposed and hidden.
    """

    def __init__(self, transport: Transport, summing: Summing, spans: Sequence[Span]) -> None:
        self._transport, self._summing, self._spans = transport, summing, spans
        self._filled: queue.SimpleQueue[tuple[Span, Any] | None] = queue.SimpleQueue()
        self._summed: queue.SimpleQueue[float | BaseException] = queue.SimpleQueue()
        self._next = 0
        self._thread = threading.Thread(target=self._work, name="exchange", daemon=True)
        self._thread.start()

    def on_layer(self, start: int, stop: int) -> None:
        """Hand over the buckets that this layer completes."""
        mark = self._transport.buffers.mark()
        while self._next < len(self._spans) and self._spans[self._next][0] >= start:
            self._filled.put((self._spans[self._next], mark))
            self._next += 1

    def finish(self) -> Exchanged:
        """Wait for what is still under way and return the times."""
        begin, busy = time.perf_counter(), 0.0
        for _ in range(self._next):
            told = self._summed.get()
            if isinstance(told, BaseException):
                raise told
            busy += told
        self._next = 0
        exposed = time.perf_counter() - begin
        return Exchanged(exposed_s=exposed, hidden_s=max(busy - exposed, 0.0))

    def close(self) -> None:
        """End the thread."""
        self._filled.put(None)
        self._thread.join()

    def _work(self) -> None:
        buffers = self._transport.buffers
        with buffers.own_stream():
            while (filled := self._filled.get()) is not None:
                span, mark = filled
                begin = time.perf_counter()
                try:
                    buffers.after(mark)
                    self._summing.run(span)
                    buffers.ready()
                except BaseException as error:  # the main thread must hear of it, or wait forever
                    self._summed.put(error)
                    return
                self._summed.put(time.perf_counter() - begin)


def serve(summing: Summing, transport: Transport, spans: Sequence[Span], barrier: bool, steps: int) -> None:
    """Play the part of a rank that holds no replica, a parameter server's, in every exchange."""
    for _ in range(steps):
        if barrier:
            transport.barrier(range(transport.ranks))
        for span in spans:
            summing.vector[span[0] : span[1]] = 0  # servers start from nothing
            summing.run(span)
