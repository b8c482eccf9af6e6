"""A row of the table of operations, the call it prepares, and the arrays that calls share."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from nearlinear.measure.elements import ElementType
from nearlinear.measure.pattern import Pattern
from nearlinear.measure.transports.buffers import Buffers
from nearlinear.measure.transports.transport import Transport

VENDOR = "vendor"


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A call ready to be timed.

    Attributes
    ----------
    reset : callable
        Puts the input back; not timed.
    run : callable
        The timed call.
    wrong : callable
        How many elements of this rank are wrong after one reset and one run.
    size_bytes : int
        The larger of a rank's vectors, rounded to whole elements, and to equal parts where it is cut.
    scale : float
        What the time of one call is multiplied with: 0.5 for a message sent there and back.
    dtype : str
        Of a kernel that computes in another type than that of the vector.
    flop, moved_bytes : float or None
        Work of a kernel.
    finish : callable or None
        Waits for the device of a library that has streams of its own; timed, once after all calls.
    """

    reset: Callable[[], None]
    run: Callable[[], None]
    wrong: Callable[[], int]
    size_bytes: int
    scale: float = 1.0
    dtype: str = ""
    flop: float | None = None
    moved_bytes: float | None = None
    finish: Callable[[], None] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """A row of the table: an operation with the algorithm that carries it out.

    Attributes
    ----------
    operation, algorithm, placement : str
        As in the record.
    prepare : callable
        ``prepare(space, transport, size_bytes)`` on the ranks of the operation.
    workers : int
        Ranks that hold the vector.
    participants : sequence of int
        Ranks that take part, servers included, in the numbering of the transport.
    wire_dtype : str
        Type on the wire where it is not that of the vector.
    sized : bool
        Whether sizes make sense; a barrier has none.
    """

    operation: str
    algorithm: str
    placement: str
    prepare: Callable[["Workspace", Transport, int], Prepared]
    workers: int
    participants: Sequence[int]
    wire_dtype: str = ""
    sized: bool = True


class Workspace:
    """Arrays shared by all cells of a run, grown to the largest size asked for.

    Every cell works on the first elements of the same few arrays, so a sweep up to a gigabyte needs a
    few gigabytes and not one set of arrays per size and algorithm.

    Parameters
    ----------
    buffers : Buffers
        Where arrays live.
    element : ElementType
        Of vectors.
    pattern : Pattern
        What ranks contribute.
    """

    def __init__(self, buffers: Buffers, element: ElementType, pattern: Pattern) -> None:
        self.xp, self.element, self.pattern = buffers.arrays, element, pattern
        self._arrays: dict[str, Any] = {}

    def take(self, role: str, elements: int, fill: Callable[[int], Any]) -> Any:
        """Return the first ``elements`` of the array kept for a role, made by ``fill`` when too short."""
        if role not in self._arrays or len(self._arrays[role]) < elements:
            self._arrays[role] = fill(elements)
        return self._arrays[role][:elements]

    def own(self, rank: int, elements: int) -> Any:
        """Return what a rank contributes, as elements."""
        place = rank % self.pattern.period

        def fill(count: int) -> Any:
            return self.element.of_float(self.xp, self.pattern.own(self.xp, rank, count))

        return self.take(f"own{place}", elements, fill)

    def room(self, role: str, elements: int, storage: str = "") -> Any:
        """Return room for results, of the vector's type or of another."""
        storage = storage or self.element.storage
        return self.take(f"{role} {storage}", elements, lambda n: self.xp.zeros(n, dtype=storage))

    def wrong(self, elements: Any, expected: Any) -> int:
        """Return how many elements are not what is expected."""
        return int((self.element.to_float(elements) != expected).sum())

    def elements_of(self, size_bytes: int, parts: int = 1) -> int:
        """Return how many elements fit into a size, a multiple of ``parts``."""
        return size_bytes // self.element.item_bytes // parts * parts
