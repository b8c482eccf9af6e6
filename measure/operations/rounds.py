"""An allreduce by our own rounds: a schedule executed with messages, and with sums of our own."""

from functools import partial

from nearlinear.measure.elements import ELEMENTS, ElementType
from nearlinear.measure.operations.operation import Operation, Prepared, Workspace
from nearlinear.measure.placement import Placement
from nearlinear.measure.program import RankProgram
from nearlinear.measure.transports.transport import Transport
from nearlinear.models.collectives import ALGORITHMS, Choices
from nearlinear.models.collectives.schedule import Schedule


def fitting(name: str, placement: Placement) -> Schedule | None:
    """Return the largest schedule of an algorithm that the ranks can play; servers take ranks of their own.

    None where there are too few ranks, or where an algorithm that exchanges inside nodes first finds one
    node, or nodes that differ.
    """
    algorithm, choices = ALGORITHMS[name], Choices(group=placement.per_node or 1)
    if algorithm.nested and (choices.group == 1 or placement.nodes == 1):
        return None
    fewest = min(placement.ranks, 2)
    for workers in range(placement.ranks, fewest - 1, -1):
        schedule = algorithm.schedule_for(workers, choices)
        if schedule.ranks <= placement.ranks:
            return schedule
    return None


def rounds_rows(algorithm: str, placement: Placement, wires: tuple[str, ...]) -> list[Operation]:
    """Return a row for each type on the wire (empty: that of the vector), if these ranks can play it."""
    schedule = fitting(algorithm, placement)
    if schedule is None:
        return []
    return [
        Operation(operation="allreduce", algorithm=algorithm, placement="in", wire_dtype=wire,
                  prepare=partial(_prepare, schedule, wire), workers=schedule.workers,
                  participants=range(schedule.ranks))
        for wire in wires
    ]  # fmt: skip


def _prepare(
    schedule: Schedule, wire_dtype: str, space: Workspace, transport: Transport, size_bytes: int
) -> Prepared:
    workers, element = schedule.workers, space.element
    serves, elements = transport.rank >= workers, space.elements_of(size_bytes)
    wire: ElementType = ELEMENTS[wire_dtype] if wire_dtype else element
    program = RankProgram(schedule, transport.rank, elements, element, wire)
    landing = space.room("landing", program.landing_elements, wire.storage)
    leaving = space.room("leaving", program.leaving_elements, wire.storage)
    vector = space.room("result", elements)
    own = space.room("nothing", elements) if serves else space.own(transport.rank, elements)

    def reset() -> None:
        vector[:] = own

    def wrong() -> int:
        return 0 if serves else space.wrong(vector, space.pattern.total(space.xp, workers, elements))

    return Prepared(
        reset=reset,
        run=program.bind(transport, vector, landing, leaving),
        wrong=wrong,
        size_bytes=elements * element.item_bytes,
    )
