"""How bytes move between ranks: at most six methods, one implementation per way."""

from collections.abc import Sequence
from typing import Any, Protocol

from nearlinear.measure.buffers import Buffers

Part = tuple[Any, int]  # a contiguous array and the rank it goes to or comes from


class Transport(Protocol):
    """A way to move arrays between the ranks of a run."""

    name: str
    rank: int
    ranks: int
    buffers: Buffers

    def allreduce(self, send: Any, receive: Any) -> None:
        """Sum ``send`` over all ranks into ``receive`` with the library's own collective."""

    def exchange(self, sends: Sequence[Part], receives: Sequence[Part]) -> None:
        """Send and receive arrays at once, and wait for all of them."""

    def barrier(self) -> None:
        """Wait until all ranks are here."""

    def gather(self, values: Any) -> Any:
        """Return the values of all ranks on rank 0, shape (ranks, n); None elsewhere."""

    def share(self, value: float) -> float:
        """Return on all ranks the value of rank 0."""


class MpiTransport:
    """MPI on host memory, or on GPU memory where the library takes it."""

    def __init__(self, comm: Any, buffers: Buffers) -> None:
        from mpi4py import MPI

        self._mpi, self._comm = MPI, comm
        self.buffers = buffers
        self.name = f"mpi-{buffers.name}"
        self.rank, self.ranks = comm.Get_rank(), comm.Get_size()

    def allreduce(self, send: Any, receive: Any) -> None:
        """Sum with MPI_Allreduce."""
        self.buffers.ready()
        self._comm.Allreduce(send, receive, op=self._mpi.SUM)

    def exchange(self, sends: Sequence[Part], receives: Sequence[Part]) -> None:
        """Post receives, then sends, without blocking, and wait for all."""
        self.buffers.ready()
        requests = [self._comm.Irecv(array, source=peer) for array, peer in receives]
        requests += [self._comm.Isend(array, dest=peer) for array, peer in sends]
        self._mpi.Request.Waitall(requests)

    def barrier(self) -> None:
        """Wait with MPI_Barrier."""
        self._comm.Barrier()

    def gather(self, values: Any) -> Any:
        """Gather with MPI_Gather, values as an array of one type on all ranks."""
        import numpy as np

        values = np.ascontiguousarray(values)
        everyone = np.empty((self.ranks, *values.shape), values.dtype) if self.rank == 0 else None
        self._comm.Gather(values, everyone, root=0)
        return everyone

    def share(self, value: float) -> float:
        """Broadcast one number with MPI_Bcast."""
        import numpy as np

        box = np.array([value], dtype=np.float64)
        self._comm.Bcast(box, root=0)
        return float(box[0])
