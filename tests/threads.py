"""Ranks as threads of one process: messages are copies in queues, on whatever arrays live."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from queue import Queue
from threading import Barrier
from typing import Any

import numpy as np

from nearlinear.measure.buffers import Buffers
from nearlinear.measure.operations import Workspace, find_operations
from nearlinear.measure.placement import Placement

WAIT_S = 60.0


class Threads:
    """What the ranks of a run share."""

    def __init__(self, ranks: int) -> None:
        self.ranks = ranks
        self.barrier = Barrier(ranks, timeout=WAIT_S)
        self.box: dict[tuple[int, int], Queue[Any]] = defaultdict(Queue)
        self.shown: list[Any] = [None] * ranks


class ThreadTransport:
    """A transport between threads."""

    name = "threads"

    def __init__(self, shared: Threads, rank: int, buffers: Buffers) -> None:
        self.shared, self.rank, self.buffers = shared, rank, buffers
        self.ranks = shared.ranks

    def allreduce(self, send: Any, receive: Any) -> None:
        self.shared.shown[self.rank] = send
        self.barrier()
        total = self.buffers.arrays.zeros_like(send)
        for other in self.shared.shown:
            total += other
        self.barrier()
        receive[:] = total

    def exchange(self, sends: Sequence[Any], receives: Sequence[Any]) -> None:
        self.buffers.ready()
        for array, peer in sends:
            self.shared.box[self.rank, peer].put(array.copy())
        self.buffers.ready()
        for array, peer in receives:
            array[:] = self.shared.box[peer, self.rank].get(timeout=WAIT_S)

    def barrier(self) -> None:
        self.shared.barrier.wait()

    def gather(self, values: Any) -> Any:
        self.shared.shown[self.rank] = values
        self.barrier()
        everyone = np.array(self.shared.shown) if self.rank == 0 else None
        self.barrier()
        return everyone

    def share(self, value: float) -> float:
        if self.rank == 0:
            self.shared.shown[0] = value
        self.barrier()
        told = float(self.shared.shown[0])
        self.barrier()
        return told


def in_pairs(ranks: int) -> Placement:
    """Return two ranks per node where that is even, so that every algorithm can play."""
    return Placement.regular(ranks, 2 if ranks % 2 == 0 else ranks)


def on_threads(ranks: int, buffers: Buffers, part: Callable[[ThreadTransport], Any]) -> list[Any]:
    """Return what ``part`` returns on every rank."""
    shared = Threads(ranks)
    with ThreadPoolExecutor(ranks) as pool:
        running = [pool.submit(part, ThreadTransport(shared, rank, buffers)) for rank in range(ranks)]
        return [done.result(timeout=WAIT_S) for done in running]


def wrong_sums(ranks: int, elements: int, buffers: Buffers, dtype: str) -> list[str]:
    """Return the algorithms of which some rank holds a wrong result."""

    def part(transport: ThreadTransport) -> list[str]:
        wrong = []
        for row in find_operations(["allreduce", "sendrecv"], ["all"], in_pairs(ranks)):
            prepared = row.prepare(Workspace(transport, dtype), elements)
            prepared.reset()
            prepared.run()
            buffers.ready()
            transport.barrier()
            if not prepared.correct():
                wrong.append(row.algorithm)
            transport.barrier()
        return wrong

    return [name for wrong in on_threads(ranks, buffers, part) for name in wrong]
