"""Ranks as threads of one process: messages are copies in queues, on whatever arrays live."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from queue import Queue
from threading import Barrier, Lock
from typing import Any

import numpy as np

from nearlinear.measure.elements import element_type
from nearlinear.measure.operations.operation import Operation, Workspace
from nearlinear.measure.operations.table import Wanted, Ways, algorithms_named, find_operations
from nearlinear.measure.pattern import Pattern
from nearlinear.measure.placement import Placement
from nearlinear.measure.transports.buffers import Buffers

WAIT_S = 60.0


class Threads:
    """What the ranks of a run, or of a part of it, share."""

    def __init__(self, ranks: int) -> None:
        self.ranks = ranks
        self.barrier = Barrier(ranks, timeout=WAIT_S)
        self.lock = Lock()
        # Made at once: two threads that met a missing queue together would each make one.
        self.box: dict[tuple[int, int], Queue[Any]] = {
            (source, destination): Queue() for source in range(ranks) for destination in range(ranks)
        }
        self.barriers: dict[tuple[int, ...], Barrier] = {}
        self.parts: dict[tuple[int, ...], Threads] = {}
        self.shown: list[Any] = [None] * ranks


class ThreadTransport:
    """A transport between threads."""

    name = "threads"

    def __init__(self, shared: Threads, rank: int, buffers: Buffers) -> None:
        self.shared, self.rank, self.buffers = shared, rank, buffers
        self.ranks = shared.ranks

    def collective(self, operation: str, send: Any, receive: Any) -> None:
        own = receive if send is None else send
        everyone = self._all(own.copy() if own is not None else 0)
        xp, ranks, rank = self.buffers.arrays, self.ranks, self.rank
        if operation == "barrier":
            return
        if operation == "broadcast":
            receive[:] = everyone[0]
        elif operation == "alltoall":
            receive[:] = xp.concatenate([xp.split(each, ranks)[rank] for each in everyone])
        elif operation == "allgather":
            parts = (
                [xp.split(each, ranks)[r] for r, each in enumerate(everyone)] if send is None else everyone
            )
            receive[:] = xp.concatenate(parts)
        elif operation == "reduce-scatter":
            part = xp.split(sum(everyone), ranks)[rank]
            receive[: len(part)] = part
        elif operation == "allreduce" or rank == 0:
            receive[:] = sum(everyone)

    def exchange(self, sends: Sequence[Any], receives: Sequence[Any]) -> None:
        self.buffers.ready()
        for array, peer in sends:
            self.shared.box[self.rank, peer].put(array.copy())
        self.buffers.ready()
        for array, peer in receives:
            array[:] = self.shared.box[peer, self.rank].get(timeout=WAIT_S)

    def barrier(self, participants: Sequence[int]) -> None:
        with self.shared.lock:
            key = tuple(participants)
            barrier = self.shared.barriers.setdefault(key, Barrier(len(key), timeout=WAIT_S))
        barrier.wait()

    def gather(self, values: Any) -> Any:
        everyone = self._all(np.array(values))
        return np.array(everyone) if self.rank == 0 else None

    def share(self, values: Any) -> Any:
        return np.array(self._all(np.array(values, dtype=float))[0])

    def part(self, ranks: Sequence[int]) -> "ThreadTransport | None":
        key = tuple(ranks)
        with self.shared.lock:
            shared = self.shared.parts.setdefault(key, Threads(len(key)))
        return ThreadTransport(shared, key.index(self.rank), self.buffers) if self.rank in key else None

    def _all(self, value: Any) -> list[Any]:
        self.shared.shown[self.rank] = value
        self.shared.barrier.wait()
        everyone = list(self.shared.shown)
        self.shared.barrier.wait()
        return everyone


def in_pairs(ranks: int) -> Placement:
    """Return two ranks per node where that is even, so that every algorithm can play."""
    return Placement.regular(ranks, 2 if ranks % 2 == 0 else ranks)


def on_threads(ranks: int, buffers: Buffers, part: Callable[[ThreadTransport], Any]) -> list[Any]:
    """Return what ``part`` returns on every rank."""
    shared = Threads(ranks)
    with ThreadPoolExecutor(ranks) as pool:
        running = [pool.submit(part, ThreadTransport(shared, rank, buffers)) for rank in range(ranks)]
        return [done.result(timeout=WAIT_S) for done in running]


def everything(placement: Placement, dtype: str, wires: tuple[str, ...] = ("",)) -> list[Operation]:
    """Return every collective, our own rounds with every algorithm, and every message."""
    wanted = Wanted(
        operations=("allreduce", "reduce-scatter", "allgather", "alltoall", "broadcast", "reduce", "barrier",
                    "sendrecv", "bandwidth", "bidirectional", "pairs", "contention"),
        algorithms=algorithms_named(["all"]), wires=wires,
    )  # fmt: skip
    ways = Ways(placement=placement, transport="threads", sums=dtype != "bfloat16", dtype=dtype)
    return find_operations(wanted, ways, [])


def wrong_results(
    ranks: int, elements: int, buffers: Buffers, dtype: str, wires: tuple[str, ...] = ("",)
) -> list[str]:
    """Return the operations of which some rank holds a wrong result."""
    element = element_type(dtype)
    limit = min([element.exact, *(element_type(wire).exact for wire in wires if wire)])

    def part(transport: ThreadTransport) -> list[str]:
        wrong, space = [], Workspace(buffers, element, Pattern.exact(ranks, limit))
        for row in everything(in_pairs(ranks), dtype, wires):
            prepared = row.prepare(space, transport, elements * element.item_bytes)
            prepared.reset()
            transport.barrier(range(ranks))
            if transport.rank in row.participants:
                prepared.run()
            buffers.ready()
            transport.barrier(range(ranks))
            if prepared.wrong():
                wrong.append(f"{row.operation}/{row.algorithm}/{row.placement}/{row.wire_dtype}")
            transport.barrier(range(ranks))
        return wrong

    return [name for wrong in on_threads(ranks, buffers, part) for name in wrong]
