"""Run by every rank: each algorithm's rounds, with real messages, against the exact sum.

Prints the number of checked sums on rank 0; leaves with status 5 where one is wrong.
"""

import sys

import numpy as np
from mpi4py import MPI

from nearlinear.measure.buffers import choose_buffers
from nearlinear.measure.operations import Workspace, find_operations
from nearlinear.measure.placement import Placement
from nearlinear.measure.transport import MpiTransport

LENGTHS = (0, 1, 2, 3, 7, 64, 1001)


def main() -> int:
    """Return 0 where every sum of every algorithm is exact on every rank, 5 otherwise."""
    comm = MPI.COMM_WORLD
    transport = MpiTransport(comm, choose_buffers("auto", comm.Get_rank()))
    placement = Placement.regular(transport.ranks, 2 if transport.ranks % 2 == 0 else transport.ranks)
    rows = find_operations(["allreduce", "sendrecv"], ["all"], placement)
    wrong, checked = [], 0
    for elements in LENGTHS:
        for row in rows:
            prepared = row.prepare(Workspace(transport, "float32"), elements)
            prepared.reset()
            prepared.run()
            everyone = transport.gather(np.array([float(prepared.correct())]))
            checked += 1
            if everyone is not None and not everyone.all():
                wrong.append((row.algorithm, elements))
    if transport.rank == 0:
        print(f"{checked} sums of {len(rows)} operations, wrong: {wrong}")
    return 5 if transport.share(float(len(wrong))) else 0


if __name__ == "__main__":
    sys.exit(main())
