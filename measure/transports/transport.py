"""How bytes move between ranks: at most six methods, one implementation per way."""

from collections.abc import Sequence
from typing import Any, Protocol

from nearlinear.measure.transports.buffers import Buffers

Part = tuple[Any, int]  # a contiguous array of bytes and the rank it goes to or comes from


class Transport(Protocol):
    """A way to move arrays between the ranks of a run, or of a part of it.

    ``collective`` and ``exchange`` are what is measured and take arrays of ``buffers``; the others keep
    ranks together and take small NumPy arrays.
    """

    name: str
    rank: int
    ranks: int
    buffers: Buffers

    def collective(self, operation: str, send: Any, receive: Any) -> None:
        """Carry out the library's own collective; ``send`` is None where it works in place.

        Rooted collectives have rank 0 as their root.
        """

    def exchange(self, sends: Sequence[Part], receives: Sequence[Part]) -> None:
        """Send and receive arrays of bytes (:func:`as_bytes`) at once, and wait for all of them."""

    def barrier(self, participants: Sequence[int]) -> None:
        """Wait until all participants are here; only they call it."""

    def gather(self, values: Any) -> Any:
        """Return the values of all ranks on rank 0, shape (ranks, ...); None elsewhere."""

    def share(self, values: Any) -> Any:
        """Return on all ranks the float64 array that rank 0 holds; others give one of that shape."""

    def part(self, ranks: Sequence[int]) -> "Transport | None":
        """Return a transport among some of the ranks, in that order; None on others. All call it."""


def as_bytes(array: Any) -> Any:
    """Return the bytes of a contiguous array: what moves unchanged needs no type that MPI knows."""
    return array.view("uint8")
