"""NCCL through CuPy: collectives and grouped messages on a device stream."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from nearlinear.measure.transports.buffers import HOST, Buffers
from nearlinear.measure.transports.mpi import MpiTransport
from nearlinear.measure.transports.transport import Part, as_bytes

# ncclDataType_t in nccl.h since 2.10; CuPy has no name for bfloat16, which is kept as 16-bit patterns.
TYPES = {"float16": 6, "float32": 7, "float64": 8, "uint16": 9}


class NcclTransport:
    """NCCL between devices, with MPI on the host to keep ranks together.

    Parameters
    ----------
    comm : mpi4py.MPI.Comm
        Joins the ranks; NCCL itself may have one rank per device only.
    buffers : Buffers
        Of the device.
    waiting : {"poll", "sleep"}
        As in :class:`MpiTransport`, between samples.
    """

    name = "nccl"

    def __init__(self, comm: Any, buffers: Buffers, waiting: str = "poll") -> None:
        from cupy.cuda import nccl

        self._nccl, self._host = nccl, MpiTransport(comm, HOST, waiting)
        self.buffers = buffers
        self.rank, self.ranks = self._host.rank, self._host.ranks
        self.barrier, self.gather, self.share = self._host.barrier, self._host.gather, self._host.share
        self._comm = nccl.NcclCommunicator(self.ranks, self._unique_id(), self.rank)

    def collective(self, operation: str, send: Any, receive: Any) -> None:
        """Enqueue NCCL's collective; who times it waits for the stream."""
        source = receive if send is None else send
        _CALLS[operation](self, source, receive)

    def exchange(self, sends: Sequence[Part], receives: Sequence[Part]) -> None:
        """Enqueue all messages as one group; what follows on the stream comes after them."""
        stream, byte = self._stream(), self._nccl.NCCL_UINT8
        self._nccl.groupStart()
        for array, peer in receives:
            self._comm.recv(array.data.ptr, array.nbytes, byte, peer, stream)
        for array, peer in sends:
            self._comm.send(array.data.ptr, array.nbytes, byte, peer, stream)
        self._nccl.groupEnd()

    def part(self, ranks: Sequence[int]) -> "NcclTransport | None":
        """Split the communicator, and join NCCL anew among the part."""
        inner = self._host.part(ranks)
        if inner is None:
            return None
        return self if inner is self._host else NcclTransport(inner._comm, self.buffers, inner.waiting)

    def _unique_id(self) -> tuple[int, ...]:
        """Return on all ranks the id that rank 0 makes: bytes, moved as numbers."""
        own = np.array(self._nccl.get_unique_id() if self.rank == 0 else [0] * 128, dtype=np.float64)
        return tuple(int(byte) for byte in self._host.share(own))

    def _stream(self) -> int:
        return int(self.buffers.arrays.cuda.get_current_stream().ptr)

    def _type(self, array: Any) -> int:
        return TYPES[array.dtype.name]

    def _alltoall(self, send: Any, receive: Any) -> None:
        each = len(send) // self.ranks
        slices = [slice(peer * each, (peer + 1) * each) for peer in range(self.ranks)]
        self.exchange(
            [(as_bytes(send[s]), peer) for peer, s in enumerate(slices)],
            [(as_bytes(receive[s]), peer) for peer, s in enumerate(slices)],
        )


def version() -> str | None:
    """Return the version of NCCL, or None where CuPy has none."""
    from cupy.cuda import nccl

    if not nccl.available:
        return None
    number = nccl.get_version()
    return f"{number // 10000}.{number // 100 % 100}.{number % 100}"


Call = Callable[[NcclTransport, Any, Any], Any]


def _reduce_scatter(t: NcclTransport, send: Any, receive: Any) -> None:
    """Scatter the sum; in place the result lies where this rank's part was, as NCCL has it."""
    each = len(send) // t.ranks
    target = receive[t.rank * each :] if receive is send else receive
    t._comm.reduceScatter(send.data.ptr, target.data.ptr, each, t._type(send), t._nccl.NCCL_SUM, t._stream())


def _allgather(t: NcclTransport, send: Any, receive: Any) -> None:
    each = len(receive) // t.ranks
    source = receive[t.rank * each :] if receive is send else send
    t._comm.allGather(source.data.ptr, receive.data.ptr, each, t._type(receive), t._stream())


def _allreduce(t: NcclTransport, send: Any, receive: Any) -> None:
    t._comm.allReduce(
        send.data.ptr, receive.data.ptr, len(receive), t._type(receive), t._nccl.NCCL_SUM, t._stream()
    )


def _broadcast(t: NcclTransport, send: Any, receive: Any) -> None:
    t._comm.broadcast(send.data.ptr, receive.data.ptr, len(receive), t._type(receive), 0, t._stream())


def _reduce(t: NcclTransport, send: Any, receive: Any) -> None:
    t._comm.reduce(
        send.data.ptr, receive.data.ptr, len(send), t._type(send), t._nccl.NCCL_SUM, 0, t._stream()
    )


_CALLS: dict[str, Call] = {
    "allreduce": _allreduce,
    "reduce-scatter": _reduce_scatter,
    "allgather": _allgather,
    "alltoall": NcclTransport._alltoall,
    "broadcast": _broadcast,
    "reduce": _reduce,
}
