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
        self._on_device = buffers.name != "host"
        self._wait = MPI.Request.Waitall if waiting == "poll" else self._nap
        self._heard, self._told = bytearray(1), bytearray(1)

    def collective(self, operation: str, send: Any, receive: Any) -> None:
        """Call MPI's own collective of that name."""
        if self._on_device:
            self.buffers.ready()
        if operation in BYTE_MOVERS:
            send, receive = (None if array is None else as_bytes(array) for array in (send, receive))
        in_place = self._mpi.IN_PLACE if send is None else send
        start = _CALLS[operation] if self.waiting == "poll" else _STARTS[operation]
        request = start(self._comm, self._mpi.SUM, in_place, receive)
        if request is not None:
            self._wait([request])

    def exchange(self, sends: Sequence[Part], receives: Sequence[Part]) -> None:
        """Post receives, then sends, without blocking, and wait for all."""
        if self._on_device:
            self.buffers.ready()
        comm = self._comm
        requests = [comm.Irecv(array, peer) for array, peer in receives]
        for array, peer in sends:
            requests.append(comm.Isend(array, peer))
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


Call = Callable[[Any, Any, Any, Any], Any]  # (communicator, sum, send, receive)
_CALLS: dict[str, Call] = {
    "allreduce": lambda comm, op, send, receive: comm.Allreduce(send, receive, op=op),
    "reduce-scatter": lambda comm, op, send, receive: comm.Reduce_scatter_block(send, receive, op=op),
    "allgather": lambda comm, op, send, receive: comm.Allgather(send, receive),
    "alltoall": lambda comm, op, send, receive: comm.Alltoall(send, receive),
    "broadcast": lambda comm, op, send, receive: comm.Bcast(receive, root=0),
    "reduce": lambda comm, op, send, receive: comm.Reduce(*_rooted(comm, send, receive), op=op, root=0),
    "barrier": lambda comm, op, send, receive: comm.Barrier(),
}
_STARTS: dict[str, Call] = {
    "allreduce": lambda comm, op, send, receive: comm.Iallreduce(send, receive, op=op),
    "reduce-scatter": lambda comm, op, send, receive: comm.Ireduce_scatter_block(send, receive, op=op),
    "allgather": lambda comm, op, send, receive: comm.Iallgather(send, receive),
    "alltoall": lambda comm, op, send, receive: comm.Ialltoall(send, receive),
    "broadcast": lambda comm, op, send, receive: comm.Ibcast(receive, root=0),
    "reduce": lambda comm, op, send, receive: comm.Ireduce(*_rooted(comm, send, receive), op=op, root=0),
    "barrier": lambda comm, op, send, receive: comm.Ibarrier(),
}


def _rooted(comm: Any, send: Any, receive: Any) -> tuple[Any, Any]:
    """Return send and receive of a reduction to rank 0, where only the root may work in place."""
    if comm.Get_rank() == 0:
        return send, receive
    return (receive if not hasattr(send, "view") else send), None
