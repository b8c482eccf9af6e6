"""GPU arrays moved through host memory: copy to the host, MPI there, copy back.

What every GPU cluster can do without a CUDA-aware MPI. The copies are part of what is timed.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from nearlinear.measure.transports.buffers import HOST, Buffers
from nearlinear.measure.transports.mpi import MpiTransport
from nearlinear.measure.transports.transport import Part


class StagedTransport:
    """Moves device arrays through page-locked host memory.

    Parameters
    ----------
    comm : mpi4py.MPI.Comm
        Joins the ranks.
    buffers : Buffers
        Of the device.
    waiting : {"poll", "sleep"}
        As in :class:`MpiTransport`.
    """

    name = "mpi-staged"

    def __init__(self, comm: Any, buffers: Buffers, waiting: str = "poll") -> None:
        self._host = MpiTransport(comm, HOST, waiting)
        self.buffers = buffers
        self.rank, self.ranks = self._host.rank, self._host.ranks
        self.barrier, self.gather, self.share = self._host.barrier, self._host.gather, self._host.share
        self._pinned: dict[str, Any] = {}

    def collective(self, operation: str, send: Any, receive: Any) -> None:
        """Bring inputs to the host, call MPI, and bring the result back."""
        sent = None if send is None else self._down("send", [send])[0]
        landed = None if receive is None else self._down("receive", [receive], copied=send is None)[0]
        self.buffers.ready()
        self._host.collective(operation, sent, landed)
        if receive is not None:
            receive.set(landed)
        self.buffers.ready()

    def exchange(self, sends: Sequence[Part], receives: Sequence[Part]) -> None:
        """Bring what is sent to the host, exchange it there, and bring back what arrived."""
        out = self._down("send", [array for array, _ in sends])
        into = self._down("receive", [array for array, _ in receives], copied=False)
        self.buffers.ready()
        self._host.exchange(_to_peers(out, sends), _to_peers(into, receives))
        distinct = {
            int(array.data.ptr): (array, landed) for (array, _), landed in zip(receives, into, strict=True)
        }
        for array, landed in distinct.values():
            array.set(landed)
        self.buffers.ready()

    def part(self, ranks: Sequence[int]) -> "StagedTransport | None":
        """Split the communicator."""
        inner = self._host.part(ranks)
        return None if inner is None else StagedTransport(inner._comm, self.buffers, inner.waiting)

    def _down(self, role: str, arrays: Sequence[Any], copied: bool = True) -> list[Any]:
        """Return host arrays as long as the given ones, holding the same where ``copied``.

        An array that is given several times, as in a window of messages, has one place.
        """
        distinct = {int(array.data.ptr): array for array in arrays}
        starts = np.cumsum([0] + [-(-array.nbytes // 64) * 64 for array in distinct.values()])
        room, found = self._room(role, int(starts[-1])), {}
        for (pointer, array), start in zip(distinct.items(), starts[:-1], strict=True):
            found[pointer] = room[start : start + array.nbytes].view(array.dtype)
            if copied:
                array.get(out=found[pointer], blocking=False)
        return [found[int(array.data.ptr)] for array in arrays]

    def _room(self, role: str, size_bytes: int) -> Any:
        if role not in self._pinned or len(self._pinned[role]) < size_bytes:
            memory = self.buffers.arrays.cuda.alloc_pinned_memory(max(size_bytes, 1))
            self._pinned[role] = np.frombuffer(memory, dtype=np.uint8, count=size_bytes)
        return self._pinned[role]


def _to_peers(arrays: Sequence[Any], parts: Sequence[Part]) -> list[Part]:
    return [(array, peer) for array, (_, peer) in zip(arrays, parts, strict=True)]
