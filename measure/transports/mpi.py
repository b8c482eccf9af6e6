"""MPI on host memory, or on GPU memory where the library takes it."""

import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from nearlinear.measure.transports.buffers import Buffers
from nearlinear.measure.transports.transport import Part, as_bytes

WAITING = ("poll", "sleep")
NAP_S = 50e-6
CONTROL_SPIN_S, CONTROL_NAP_S = 1e-3, 0.5e-3  # between samples: alert at first, then out of the way
BARRIER_TAG = 32_000
BYTE_MOVERS = ("allgather", "alltoall", "broadcast")  # these add nothing, so their types do not matter


class MpiTransport:
    """MPI on the arrays of some buffers.

    Parameters
    ----------
    comm : mpi4py.MPI.Comm
        Joins the ranks.
    buffers : Buffers
        Host, or a device whose memory the MPI library takes.
    waiting : {"poll", "sleep"}
        ``poll`` waits as MPI does, busily. ``sleep`` naps between looks: right where more ranks than
        cores share a machine, because a busy waiter takes the core that a worker needs.
    """

    def __init__(self, comm: Any, buffers: Buffers, waiting: str = "poll") -> None:
        from mpi4py import MPI

        self._mpi, self._comm = MPI, comm
        self.buffers, self.waiting = buffers, waiting
        self.name = f"mpi-{buffers.name}"
        self.rank, self.ranks = comm.Get_rank(), comm.Get_size()
        self.sum, self._methods = MPI.SUM, _methods(comm, waiting)
        self._send, self._receive = comm.Isend, comm.Irecv
        self._on_device = buffers.name != "host"
        self._wait = MPI.Request.Waitall if waiting == "poll" else self._nap
        self._heard, self._told = bytearray(1), bytearray(1)

    def collective(self, operation: str, send: Any, receive: Any) -> None:
        """Call MPI's own collective of that name."""
        if self._on_device:
            self.buffers.ready()
        if operation in BYTE_MOVERS:
            send, receive = (None if array is None else as_bytes(array) for array in (send, receive))
        source = self._mpi.IN_PLACE if send is None else send
        request = self._methods[operation](*_arguments(self, operation, source, receive))
        if request is not None:
            self._wait([request])

    def exchange(self, sends: Sequence[Part], receives: Sequence[Part]) -> None:
        """Post receives, then sends, without blocking, and wait for all."""
        if self._on_device:
            self.buffers.ready()
        requests = []
        for array, peer in receives:  # a comprehension is a call of its own before Python 3.12
            requests.append(self._receive(array, peer))
        for array, peer in sends:
            requests.append(self._send(array, peer))
        self._wait(requests)

    def barrier(self, participants: Sequence[int]) -> None:
        """Wait by dissemination: in round k tell the rank 2^k further, hear from the one 2^k before.

        All leave within one message of each other; barriers of MPI libraries may let ranks go at
        very different times.
        """
        place, count = participants.index(self.rank), len(participants)
        for k in range((count - 1).bit_length()):
            before, behind = participants[(place - 2**k) % count], participants[(place + 2**k) % count]
            heard = self._comm.Irecv(self._heard, before, BARRIER_TAG + k)
            told = self._comm.Isend(self._told, behind, BARRIER_TAG + k)
            self._wait([heard, told])

    def gather(self, values: Any) -> Any:
        """Gather with MPI_Igather, values as an array of one type and shape on all ranks."""
        values = np.ascontiguousarray(values)
        everyone = np.empty((self.ranks, *values.shape), values.dtype) if self.rank == 0 else None
        _quietly(self._comm.Igather(values, everyone, root=0))
        return everyone

    def share(self, values: Any) -> Any:
        """Broadcast with MPI_Ibcast."""
        box = np.array(values, dtype=np.float64)
        _quietly(self._comm.Ibcast(box, root=0))
        return box

    def part(self, ranks: Sequence[int]) -> "MpiTransport | None":
        """Split the communicator."""
        if list(ranks) == list(range(self.ranks)):
            return self
        member = self.rank in ranks
        comm = self._comm.Split(0 if member else self._mpi.UNDEFINED, ranks.index(self.rank) if member else 0)
        return MpiTransport(comm, self.buffers, self.waiting) if member else None

    def _nap(self, requests: list[Any]) -> None:
        """Wait for all without holding a core."""
        while not self._mpi.Request.Testall(requests):
            time.sleep(NAP_S)


def _quietly(request: Any) -> None:
    """Wait between samples without taking a core from those who still measure."""
    alert = time.perf_counter() + CONTROL_SPIN_S
    while not request.Test():
        if time.perf_counter() > alert:
            time.sleep(CONTROL_NAP_S)


METHODS = {
    "allreduce": "Allreduce", "reduce-scatter": "Reduce_scatter_block", "allgather": "Allgather",
    "alltoall": "Alltoall", "broadcast": "Bcast", "reduce": "Reduce", "barrier": "Barrier",
}  # fmt: skip


def _methods(comm: Any, waiting: str) -> dict[str, Callable[..., Any]]:
    """Return the communicator's collectives by name: those that wait, or those that return a request."""
    names = {n: m if waiting == "poll" else f"I{m.lower()}" for n, m in METHODS.items()}
    return {name: getattr(comm, method) for name, method in names.items()}


def _arguments(transport: MpiTransport, operation: str, send: Any, receive: Any) -> tuple[Any, ...]:
    """Return what MPI's method takes."""
    if operation == "barrier":
        return ()
    if operation == "broadcast":
        return receive, 0
    if operation == "reduce":
        return *_rooted(transport.rank, send, receive), transport.sum, 0
    return (send, receive) if operation in BYTE_MOVERS else (send, receive, transport.sum)


def _rooted(rank: int, send: Any, receive: Any) -> tuple[Any, Any]:
    """Return send and receive of a reduction to rank 0, where only the root may work in place."""
    if rank == 0:
        return send, receive
    return (receive if not hasattr(send, "view") else send), None
