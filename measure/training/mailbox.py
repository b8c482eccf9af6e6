"""Messages to whoever, whenever: what asynchronous rules are made of.

A letter is a vector of 32-bit floats. Sending never waits; letters lie in memory of their own until they
are through.
"""

import time
from typing import Any

import numpy as np

LETTER, LAST = 7001, 7002  # tags: a letter, and the one that says that no more come
NAP_S = 50e-6


class Mailbox:
    """Letters between ranks of a communicator, on host memory.

    Parameters
    ----------
    comm : mpi4py.MPI.Comm
        Of its own, so that nothing else is taken for a letter.
    elements : int
        Of a letter.
    """

    def __init__(self, comm: Any, elements: int) -> None:
        from mpi4py import MPI

        self._mpi, self._comm = MPI, comm
        self._under_way: list[tuple[Any, Any]] = []
        self._landing = np.zeros(elements, dtype=np.float32)
        self.sent = np.zeros(comm.Get_size(), dtype=np.int64)
        self.taken = np.zeros(comm.Get_size(), dtype=np.int64)

    def send(self, letter: Any, peer: int, last: bool = False) -> None:
        """Send a copy."""
        copy = np.array(letter, dtype=np.float32)
        request = self._comm.Isend(copy, dest=peer, tag=LAST if last else LETTER)
        self._under_way = [(r, c) for r, c in self._under_way if not r.Test()]
        self._under_way.append((request, copy))
        self.sent[peer] += not last

    def take(self, source: int | None = None, wait: bool = True) -> tuple[int, Any, bool] | None:
        """Return (from whom, letter, whether no more come), or None where none is here and none is awaited.

        The letter is valid until the next one is taken.
        """
        status = self._mpi.Status()
        wanted = self._mpi.ANY_SOURCE if source is None else source
        while (message := self._comm.Improbe(wanted, self._mpi.ANY_TAG, status)) is None:
            if not wait:
                return None
            time.sleep(NAP_S)
        message.Recv(self._landing, status)
        peer, last = status.Get_source(), status.Get_tag() == LAST
        self.taken[peer] += not last
        return peer, self._landing, last

    def announced(self) -> int:
        """Return how many letters to this rank are still under way; all ranks call this together."""
        matrix = np.empty((self._comm.Get_size(), self._comm.Get_size()), dtype=np.int64)
        self._comm.Allgather(self.sent, matrix)
        return int((matrix[:, self._comm.Get_rank()] - self.taken).sum())

    def finish(self) -> None:
        """Wait until everything that was sent is through."""
        self._mpi.Request.Waitall([request for request, _ in self._under_way])
        self._under_way.clear()
