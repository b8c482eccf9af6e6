"""Run by every rank: one body over several communicators, every operation against the exact result.

The communicators: the rank alone, the world, a duplicate, a split in two, and the first 1, 2, … ranks of the
world as a transport's part. Prints the number of checked results on rank 0; leaves with status 5 where one
is wrong.
"""

import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
from mpi4py import MPI

from nearlinear.measure.elements import element_type
from nearlinear.measure.operations.collectives import COLLECTIVES, collective_rows
from nearlinear.measure.operations.messages import MESSAGES, message_rows
from nearlinear.measure.operations.operation import Operation, Workspace
from nearlinear.measure.operations.rounds import rounds_rows
from nearlinear.measure.pattern import Pattern
from nearlinear.measure.placement import Placement
from nearlinear.measure.transports.buffers import HOST
from nearlinear.measure.transports.choice import library_sums
from nearlinear.measure.transports.mpi import MpiTransport
from nearlinear.models.collectives import ALGORITHMS

LENGTHS = (0, 1, 3, 7, 1001)
TYPES = (
    ("float32", ("", "float16", "bfloat16")),
    ("float64", ("",)),
    ("float16", ("",)),
    ("bfloat16", ("",)),
)


def transports(waiting: str) -> Iterator[tuple[str, MpiTransport | None]]:
    """Yield every communicator as a transport; None on ranks that are not of it."""
    world = MPI.COMM_WORLD
    yield "self", MpiTransport(MPI.COMM_SELF, HOST, waiting)
    yield "duplicate", MpiTransport(world.Dup(), HOST, waiting)
    yield "split", MpiTransport(world.Split(world.Get_rank() % 2), HOST, waiting)
    whole = MpiTransport(world, HOST, waiting)
    for count in range(1, whole.ranks + 1):
        yield f"first {count}", whole.part(range(count))


def operations(ranks: int, dtype: str, wires: tuple[str, ...], sums: bool) -> list[Operation]:
    """Return all rows that so many ranks can play, two to a node where that is even."""
    placement = Placement.regular(ranks, 2 if ranks % 2 == 0 else ranks)
    adding = ("allreduce", "reduce-scatter", "reduce")
    found = [row for name in COLLECTIVES if sums or name not in adding
             for row in collective_rows(name, ranks, "mpi-host", ("out", "in"))]  # fmt: skip
    found += [row for name in ALGORITHMS for row in rounds_rows(name, placement, wires)]
    return found + [row for name in MESSAGES if ranks > 1 for row in message_rows(name, placement)]


def wrong_results(transport: MpiTransport, dtype: str, wires: tuple[str, ...]) -> tuple[int, list[Any]]:
    """Return how many results were checked, and those that are wrong on this rank."""
    element, wrong, checked = element_type(dtype), [], 0
    limit = min([element.exact, *(element_type(wire).exact for wire in wires if wire)])
    sums = library_sums(transport, element.storage, element.is_native)
    for row in operations(transport.ranks, dtype, wires, sums):
        for elements in LENGTHS:
            space = Workspace(HOST, element, Pattern.exact(transport.ranks, limit))
            prepared = row.prepare(space, transport, elements * element.item_bytes)
            prepared.reset()
            transport.barrier(range(transport.ranks))
            if transport.rank in row.participants:
                prepared.run()
            checked += 1
            if prepared.wrong():
                wrong.append((dtype, row.operation, row.algorithm, row.placement, row.wire_dtype, elements))
    return checked, wrong


def main() -> int:
    """Return 0 where every result is exact on every rank, 5 otherwise."""
    world = MpiTransport(MPI.COMM_WORLD, HOST, "sleep")
    everything, wrong = 0, []
    for name, transport in transports(sys.argv[1] if len(sys.argv) > 1 else "sleep"):
        for dtype, wires in TYPES:
            checked, bad = wrong_results(transport, dtype, wires) if transport else (0, [])
            everything += checked
            wrong += [(name, *one) for one in bad]
    counts = world.gather(np.array([float(len(wrong))]))
    if wrong:
        print(f"rank {world.rank}: wrong: {wrong[:5]}")
    if counts is not None:
        print(f"{everything} results, wrong on {int(counts.sum())}")
    return 5 if world.share(np.array([counts.sum() if counts is not None else 0.0]))[0] else 0


if __name__ == "__main__":
    sys.exit(main())
