"""What can be measured: every operation is a row that prepares one timed call and its check."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from nearlinear.measure.placement import Placement
from nearlinear.measure.program import RankProgram
from nearlinear.measure.transport import Transport
from nearlinear.models.collectives import ALGORITHMS, Choices
from nearlinear.models.collectives.schedule import Schedule
from nearlinear.models.errors import SpecError, nearest

OPERATIONS = ("allreduce", "sendrecv")
VENDOR = "vendor"
PERIOD = 7  # integers 0..6: sums over thousands of ranks stay exact in 32-bit floats


@dataclass(frozen=True, slots=True)
class Prepared:
    """A call ready to be timed.

    Attributes
    ----------
    reset : callable
        Puts the input back; not timed.
    run : callable
        The timed call.
    correct : callable
        Whether this rank holds what it must after one reset and one run.
    workers : int
        Ranks that hold the vector.
    participants : sequence of int
        Ranks that take part, servers included.
    scale : float
        What the time of one call is multiplied with: 0.5 for a message sent there and back.
    """

    reset: Callable[[], None]
    run: Callable[[], None]
    correct: Callable[[], bool]
    workers: int
    participants: Sequence[int]
    scale: float = 1.0


@dataclass(frozen=True, slots=True)
class Operation:
    """A row of the table: an operation with the algorithm that carries it out."""

    operation: str
    algorithm: str
    placement: str
    prepare: Callable[["Workspace", int], Prepared]


def find_operations(names: Sequence[str], algorithms: Sequence[str], placement: Placement) -> list[Operation]:
    """Return the rows for operations and algorithms by name.

    Parameters
    ----------
    names : sequence of str
        ``allreduce``, ``sendrecv``.
    algorithms : sequence of str
        ``vendor``, names of the registry, or ``all``.
    placement : Placement
        Ranks of the run. Algorithms that need more of them are left out, and those that work inside
        nodes first where there is one node, or nodes differ.

    Raises
    ------
    SpecError
        An unknown name, or nothing that these ranks can play.
    """
    check_names(names, algorithms)
    wanted = [VENDOR, *ALGORITHMS] if "all" in algorithms else algorithms
    rows = {
        "allreduce": [row for name in wanted for row in _allreduce(name, placement)],
        "sendrecv": [
            Operation("sendrecv", VENDOR, "out", partial(_sendrecv, peer)) for peer in placement.partners()
        ],
    }
    found = [row for name in names for row in rows[name]]
    if not found:
        told = f"{placement.ranks} ranks on {placement.nodes} nodes"
        raise SpecError("--algorithms", f"must be such that {told} can play", got=", ".join(algorithms),
                        remedy="start more ranks")  # fmt: skip
    return found


def check_names(names: Sequence[str], algorithms: Sequence[str]) -> None:
    """Refuse operations and algorithms that do not exist; ``SpecError`` has the nearest names."""
    for where, given, known in (
        ("--ops", names, OPERATIONS),
        ("--algorithms", algorithms, (VENDOR, *ALGORITHMS, "all")),
    ):
        for name in given:
            if name not in known:
                remedy = nearest(name, list(known)) or f"known are {', '.join(known)}"
                raise SpecError(where, "must be known", got=name, remedy=remedy)
        if not given:
            raise SpecError(where, "must name at least one", remedy=f"known are {', '.join(known)}")


def _fitting(name: str, placement: Placement) -> Schedule | None:
    """Return the largest schedule that these ranks can play; servers take ranks of their own."""
    algorithm, choices = ALGORITHMS[name], Choices(group=placement.per_node or 1)
    if algorithm.nested and (choices.group == 1 or placement.nodes == 1):
        return None
    for workers in range(placement.ranks, 1, -1):
        schedule = algorithm.schedule_for(workers, choices)
        if schedule.ranks <= placement.ranks:
            return schedule
    return None


def _allreduce(algorithm: str, placement: Placement) -> list[Operation]:
    if algorithm == VENDOR:
        return [Operation("allreduce", VENDOR, "out", _vendor_allreduce)]
    schedule = _fitting(algorithm, placement)
    if schedule is None:
        return []
    return [Operation("allreduce", algorithm, "in", partial(_rounds_allreduce, schedule))]


class Workspace:
    """Arrays shared by all cells of a run, grown to the largest size asked for.

    Every cell works on the first elements of the same few arrays, so a sweep up to a gigabyte needs a
    few gigabytes and not one set of arrays per size and algorithm.
    """

    def __init__(self, transport: Transport, dtype: str) -> None:
        self.transport, self.dtype = transport, dtype
        self._arrays: dict[str, Any] = {}

    def take(self, role: str, elements: int, fill: Callable[[int], Any]) -> Any:
        """Return the first ``elements`` of the array kept for a role, made by ``fill`` when too short."""
        if role not in self._arrays or len(self._arrays[role]) < elements:
            self._arrays[role] = fill(elements)
        return self._arrays[role][:elements]

    def own(self, elements: int, rank: int) -> Any:
        """Return small integers that differ from rank to rank: what this rank contributes."""
        return self.take(f"own{rank % PERIOD}", elements, lambda n: self._pattern(n, rank))

    def zeros(self, role: str, elements: int) -> Any:
        """Return room for results."""
        xp = self.transport.buffers.arrays
        return self.take(role, elements, lambda n: xp.zeros(n, dtype=self.dtype))

    def expected(self, elements: int, workers: int) -> Any:
        """Return the sum over workers of what they contribute."""
        full, rest = divmod(workers, PERIOD)
        total = self.transport.buffers.arrays.full(
            elements, full * (PERIOD * (PERIOD - 1) // 2), dtype=self.dtype
        )
        for rank in range(rest):
            total += self.own(elements, rank)
        return total

    def _pattern(self, elements: int, rank: int) -> Any:
        xp = self.transport.buffers.arrays
        return ((xp.arange(elements, dtype="int32") + rank) % PERIOD).astype(self.dtype)


def _vendor_allreduce(space: Workspace, elements: int) -> Prepared:
    transport = space.transport
    send, receive = space.own(elements, transport.rank), space.zeros("result", elements)

    def correct() -> bool:
        return bool((receive == space.expected(elements, transport.ranks)).all())

    def reset() -> None:
        receive[:] = 0  # the array is shared: what another cell left there must not pass the check

    everyone = range(transport.ranks)
    return Prepared(reset, lambda: transport.allreduce(send, receive), correct, transport.ranks, everyone)


def _rounds_allreduce(schedule: Schedule, space: Workspace, elements: int) -> Prepared:
    transport, workers = space.transport, schedule.workers
    serves = transport.rank >= workers
    program = RankProgram(schedule, transport.rank, elements)
    landing = space.zeros("landing", program.landing_elements)
    vector = space.zeros("result", elements)
    own = space.zeros("nothing", elements) if serves else space.own(elements, transport.rank)

    def reset() -> None:
        vector[:] = own

    def correct() -> bool:
        return serves or bool((vector == space.expected(elements, workers)).all())

    return Prepared(
        reset, lambda: program.run(transport, vector, landing), correct, workers, range(schedule.ranks)
    )


def _sendrecv(peer: int, space: Workspace, elements: int) -> Prepared:
    """Return a message from rank 0 to a peer and back; other ranks wait at the barriers."""
    transport = space.transport
    vector, back = space.own(elements, 0), space.zeros("result", elements)

    def run() -> None:
        if transport.rank == 0:
            transport.exchange([(vector, peer)], [])
            transport.exchange([], [(back, peer)])
        elif transport.rank == peer:
            transport.exchange([], [(back, 0)])
            transport.exchange([(back, 0)], [])

    def correct() -> bool:
        return transport.rank not in (0, peer) or bool((back == vector).all())

    def reset() -> None:
        back[:] = 0

    return Prepared(reset, run, correct, 2, (0, peer), scale=0.5)
