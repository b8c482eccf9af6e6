"""One process and nobody to talk to: enough to time kernels where there is no MPI."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from nearlinear.measure.transports.buffers import Buffers
from nearlinear.measure.transports.transport import Part


class LoneTransport:
    """The only rank of a run."""

    name, rank, ranks = "none", 0, 1

    def __init__(self, buffers: Buffers) -> None:
        self.buffers = buffers

    def collective(self, operation: str, send: Any, receive: Any) -> None:
        """Copy: what one rank gives is the result."""
        if send is not None:
            receive[:] = send

    def exchange(self, sends: Sequence[Part], receives: Sequence[Part]) -> None:
        """Nobody is there to send to."""
        assert not sends
        assert not receives

    def barrier(self, participants: Sequence[int]) -> None:
        """Nobody is waited for."""

    def gather(self, values: Any) -> Any:
        """Return the values of the only rank."""
        return np.asarray(values)[None]

    def share(self, values: Any) -> Any:
        """Return the values."""
        return np.asarray(values, dtype=np.float64)

    def part(self, ranks: Sequence[int]) -> "LoneTransport":
        """Return itself."""
        return self
