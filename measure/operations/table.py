"""The table of operations: names, groups of names, and the rows that given ranks can play."""

from collections.abc import Sequence
from dataclasses import dataclass

from nearlinear.measure.compute.kernels import KERNELS, kernel_rows
from nearlinear.measure.operations.collectives import ADDING, COLLECTIVES, collective_rows
from nearlinear.measure.operations.messages import MESSAGES, message_rows
from nearlinear.measure.operations.operation import VENDOR, Operation
from nearlinear.measure.operations.rounds import rounds_rows
from nearlinear.measure.placement import Placement
from nearlinear.models.collectives import ALGORITHMS
from nearlinear.models.errors import SpecError, nearest

GROUPS = {"collectives": COLLECTIVES, "messages": MESSAGES, "compute": KERNELS}
OPERATIONS = (*COLLECTIVES, *MESSAGES, *KERNELS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What to measure.

    Attributes
    ----------
    operations : tuple of str
        Names of ``OPERATIONS``.
    algorithms : tuple of str
        For the allreduce: ``vendor`` and names of the registry.
    placements : tuple of str
        ``in``, ``out``, of the library's collectives.
    wires : tuple of str
        Types on the wire for our own rounds; empty text is that of the vector.
    """

    operations: tuple[str, ...]
    algorithms: tuple[str, ...] = (VENDOR,)
    placements: tuple[str, ...] = ("out", "in")
    wires: tuple[str, ...] = ("",)

    @property
    def needs_ranks(self) -> bool:
        """Whether anything is asked for that one process alone cannot do."""
        return any(name not in KERNELS for name in self.operations)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ways:
    """What ranks and libraries can do.

    Attributes
    ----------
    placement : Placement
        Of the ranks that are to play.
    transport : str
        Name of the transport.
    sums : bool
        Whether the library adds elements of this type.
    dtype : str
        Of vectors.
    """

    placement: Placement
    transport: str
    sums: bool
    dtype: str


def operations_named(names: Sequence[str]) -> tuple[str, ...]:
    """Return operations, groups replaced by what they hold; ``SpecError`` for unknown names."""
    _check("--ops", names, (*OPERATIONS, *GROUPS))
    found = [one for name in names for one in GROUPS.get(name, (name,))]
    return tuple(dict.fromkeys(found))


def algorithms_named(names: Sequence[str], where: str = "--algorithms") -> tuple[str, ...]:
    """Return algorithms, ``all`` replaced by every one; ``SpecError`` for unknown names."""
    _check(where, names, (VENDOR, *ALGORITHMS, "all"))
    return (VENDOR, *ALGORITHMS) if "all" in names else tuple(dict.fromkeys(names))


def find_operations(wanted: Wanted, ways: Ways, notes: list[str]) -> list[Operation]:
    """Return the rows that these ranks can play; ``notes`` gets what is left out, and why."""
    found: list[Operation] = []
    for name in wanted.operations:
        before = len(notes)
        rows = _rows(name, wanted, ways, notes)
        if not rows and len(notes) == before:
            notes.append(f"{name} is left out: {ways.placement.told} cannot play it")
        found += rows
    return found


def _rows(name: str, wanted: Wanted, ways: Ways, notes: list[str]) -> list[Operation]:
    if name in KERNELS:
        return kernel_rows(name, ways.placement.ranks, ways.transport, notes)
    if ways.placement.ranks < 2:
        return []
    if name in MESSAGES:
        return message_rows(name, ways.placement)
    rows: list[Operation] = []
    if name != "allreduce" or VENDOR in wanted.algorithms:
        rows += _of_library(name, wanted, ways, notes)
    if name == "allreduce":
        rows += _of_ours(wanted, ways, notes)
    return rows


def _of_library(name: str, wanted: Wanted, ways: Ways, notes: list[str]) -> list[Operation]:
    if name in ADDING and not ways.sums:
        notes.append(f"{name} by the library is left out: {ways.transport} cannot add {ways.dtype}")
        return []
    if name == "barrier" and ways.transport == "nccl":
        notes.append("barrier is left out: nccl has none")
        return []
    return collective_rows(name, ways.placement.ranks, ways.transport, wanted.placements)


def _of_ours(wanted: Wanted, ways: Ways, notes: list[str]) -> list[Operation]:
    found = []
    for algorithm in wanted.algorithms:
        if algorithm == VENDOR:
            continue
        rows = rounds_rows(algorithm, ways.placement, wanted.wires)
        if not rows:
            notes.append(f"allreduce by {algorithm} is left out: {ways.placement.told} cannot play it")
        found += rows
    return found


def _check(where: str, given: Sequence[str], known: Sequence[str]) -> None:
    for name in given:
        if name not in known:
            remedy = nearest(name, list(known)) or f"known are {', '.join(known)}"
            raise SpecError(where, "must be known", got=name, remedy=remedy)
    if not given:
        raise SpecError(where, "must name at least one", remedy=f"known are {', '.join(known)}")
