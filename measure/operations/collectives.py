"""The library's own collectives: what each rank gives, what it must get, in place and out of place."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from nearlinear.measure.operations.operation import VENDOR, Operation, Prepared, Workspace
from nearlinear.measure.transports.transport import Transport

CUT = ("reduce-scatter", "allgather", "alltoall")  # their vectors are cut into one part per rank
ADDING = ("allreduce", "reduce-scatter", "reduce")
COLLECTIVES = ("allreduce", "reduce-scatter", "allgather", "alltoall", "broadcast", "reduce", "barrier")
AT_OWN_PART = "nccl"  # a reduce-scatter in place leaves its part here where it was, MPI at the start


def collective_rows(name: str, ranks: int, transport_name: str, placements: Sequence[str]) -> list[Operation]:
    """Return the rows of a library's collective among all ranks, in the placements that exist."""
    everyone = range(ranks)
    if name == "barrier":
        return [
            Operation(operation=name, algorithm=VENDOR, placement="out", prepare=_barrier, workers=ranks,
                      participants=everyone, sized=False)
        ]  # fmt: skip
    ways = {"out": partial(_out_of_place, name), "in": partial(_in_place, name)}
    return [
        Operation(operation=name, algorithm=VENDOR, placement=placement, prepare=ways[placement],
                  workers=ranks, participants=everyone)
        for placement in _existing(name, transport_name)
        if placement in placements or len(_existing(name, transport_name)) == 1
    ]  # fmt: skip


def _existing(name: str, transport_name: str) -> tuple[str, ...]:
    """Return the placements of a collective: a broadcast has one buffer, NCCL swaps nothing in place."""
    if name == "broadcast":
        return ("in",)
    return ("out",) if name == "alltoall" and transport_name == "nccl" else ("out", "in")


def _barrier(space: Workspace, transport: Transport, size_bytes: int) -> Prepared:
    return Prepared(
        reset=_nothing, run=lambda: transport.collective("barrier", None, None), wrong=lambda: 0, size_bytes=0
    )


def _out_of_place(name: str, space: Workspace, transport: Transport, size_bytes: int) -> Prepared:
    whole = _whole(name, space, transport, size_bytes)
    part = whole // transport.ranks
    send = space.own(transport.rank, part if name == "allgather" else whole)
    receive = space.room("result", part if name == "reduce-scatter" else whole)
    check = _check(name, space, transport, whole, receive)

    def reset() -> None:
        receive[:] = 0  # the array is shared: what another cell left there must not pass the check

    return Prepared(
        reset=reset,
        run=lambda: transport.collective(name, send, receive),
        wrong=check,
        size_bytes=whole * space.element.item_bytes,
    )


def _in_place(name: str, space: Workspace, transport: Transport, size_bytes: int) -> Prepared:
    whole = _whole(name, space, transport, size_bytes)
    part = whole // transport.ranks
    vector, mine = space.room("result", whole), slice(transport.rank * part, (transport.rank + 1) * part)
    own = space.own(transport.rank, whole)
    result = vector
    if name == "reduce-scatter":
        result = vector[mine] if transport.name == AT_OWN_PART else vector[:part]

    def reset() -> None:
        if name == "allgather":
            vector[:] = 0
            vector[mine] = own[:part]
        elif name == "broadcast" and transport.rank > 0:
            vector[:] = 0  # every seventh rank would hold the right result already
        else:
            vector[:] = own

    return Prepared(
        reset=reset,
        run=lambda: transport.collective(name, None, vector),
        wrong=_check(name, space, transport, whole, result),
        size_bytes=whole * space.element.item_bytes,
    )


def _whole(name: str, space: Workspace, transport: Transport, size_bytes: int) -> int:
    return space.elements_of(size_bytes, transport.ranks if name in CUT else 1)


def _check(name: str, space: Workspace, transport: Transport, whole: int, result: Any) -> Callable[[], int]:
    if name == "reduce" and transport.rank > 0:
        return lambda: 0
    return lambda: space.wrong(result, expected(name, space, transport.rank, transport.ranks, whole))


def expected(name: str, space: Workspace, rank: int, ranks: int, whole: int) -> Any:
    """Return what a rank must hold after a collective of ``whole`` elements, as 32-bit floats."""
    xp, pattern, part = space.xp, space.pattern, whole // ranks
    if name in ("allreduce", "reduce"):
        return pattern.total(xp, ranks, whole)
    if name == "reduce-scatter":
        return pattern.total(xp, ranks, part, first=rank * part)
    if name == "broadcast":
        return pattern.own(xp, 0, whole)
    first = 0 if name == "allgather" else rank * part
    return xp.concatenate([pattern.own(xp, peer, part, first) for peer in range(ranks)])


def _nothing() -> None:
    """Reset a barrier, which has no input."""
