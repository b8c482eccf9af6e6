"""What the runner adds to what it measures: samples against a bare loop with the same MPI calls.

    python benchmarks/sampling.py

It starts two ranks. Both ways work on the same arrays, and blocks of them alternate, so that drift of the
machine hits both; the ratio is that of the medians of the slowest rank's times. The last column has the time
of a whole visit (load counters, check, gathering, the choice of the next cell) over that of its calls.
"""

import os
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from nearlinear.measure.launch import launch_program
from nearlinear.models.units import format_size

SIZES = (64 * 1024, 256 * 1024, 1024**2, 4 * 1024**2)
BLOCKS, PER_BLOCK, RANKS = 100, 10, 2
INSIDE = "NEARLINEAR_BENCHMARK"


def main() -> int:
    """Print the table from rank 0 of two ranks."""
    if INSIDE not in os.environ:
        os.environ[INSIDE] = "1"
        return launch_program(RANKS, [__file__])
    return _ranks()


def _ranks() -> int:
    from mpi4py import MPI

    from nearlinear.measure.elements import element_type
    from nearlinear.measure.operations.operation import Workspace
    from nearlinear.measure.operations.table import Wanted, Ways, find_operations
    from nearlinear.measure.pattern import Pattern
    from nearlinear.measure.placement import Placement
    from nearlinear.measure.protocol.clocks import compare
    from nearlinear.measure.protocol.starts import BarrierStart
    from nearlinear.measure.protocol.visit import Crew
    from nearlinear.measure.transports.buffers import HOST
    from nearlinear.measure.transports.mpi import MpiTransport

    transport = MpiTransport(MPI.COMM_WORLD, HOST)
    crew = Crew(control=transport, start=BarrierStart(), clocks=compare(transport))
    space = Workspace(HOST, element_type("float32"), Pattern.exact(RANKS, 2**24))
    wanted = Wanted(operations=("allreduce", "sendrecv"), algorithms=("vendor", "ring"), placements=("out",))
    ways = Ways(placement=Placement((0,) * RANKS), transport="mpi-host", sums=True, dtype="float32")
    rows = {(row.operation, row.algorithm): row for row in find_operations(wanted, ways, [])}
    if transport.rank == 0:
        print("| operation | size | bare loop, us | sampled, us | ratio | visit / its calls |")
        print("|---|---:|---:|---:|---:|---:|")
    calls = {("allreduce", "vendor"): _allreduce, ("allreduce", "ring"): _ring,
             ("sendrecv", "vendor"): _there_and_back}  # fmt: skip
    for name, bare in calls.items():
        for size in SIZES:
            _compare(crew, rows[name], space, bare(MPI.COMM_WORLD, space, size // 4), size)
    return 0


def _compare(crew: Any, row: Any, space: Any, bare: Callable[[], None], size: int) -> None:
    from nearlinear.measure.protocol.visit import visit

    transport = crew.control
    prepared = row.prepare(space, transport, size)
    times: dict[str, list[float]] = {"bare": [], "sampled": []}
    visits = 0.0
    for _ in range(BLOCKS):
        times["bare"] += _bare_block(transport, prepared.reset, bare)
        begin = time.perf_counter()
        outcomes = visit(crew, transport, range(RANKS), row, prepared, PER_BLOCK, 1)
        visits += time.perf_counter() - begin
        times["sampled"] += [outcome.time_s / prepared.scale for outcome in outcomes]
    if transport.rank == 0:
        mine, theirs = (float(np.median(times[name])) for name in ("sampled", "bare"))
        calls = sum(times["sampled"])
        what = f"{row.operation}, {row.algorithm} | {format_size(size)} | {theirs * 1e6:.1f}"
        print(f"| {what} | {mine * 1e6:.1f} | {mine / theirs:.3f} | {visits / calls:.2f} |", flush=True)


def _bare_block(transport: Any, reset: Callable[[], None], call: Callable[[], None]) -> list[float]:
    """Return the slowest rank's times of a block, as a loop by hand takes them."""
    own = np.empty(PER_BLOCK)
    for index in range(PER_BLOCK):
        reset()
        transport.barrier(range(RANKS))
        begin = time.perf_counter()
        call()
        own[index] = time.perf_counter() - begin
    everyone = transport.gather(own)
    return [] if everyone is None else [float(t) for t in everyone.max(axis=0)]


def _allreduce(comm: Any, space: Any, elements: int) -> Callable[[], None]:
    from mpi4py import MPI

    send, receive = space.own(comm.Get_rank(), elements), space.room("result", elements)
    return lambda: comm.Allreduce(send, receive, op=MPI.SUM)


def _ring(comm: Any, space: Any, elements: int) -> Callable[[], None]:
    """Return a ring of two ranks: half out and half in, added, and the sums back."""
    from mpi4py import MPI

    vector, half, peer = space.room("result", elements), elements // 2, 1 - comm.Get_rank()
    halves = [vector[:half], vector[half:]]
    own, other = halves[comm.Get_rank()], halves[peer]
    landing = space.room("landing", half)
    bytes_in, first, second = landing.view("uint8"), own.view("uint8"), other.view("uint8")

    def run() -> None:
        MPI.Request.Waitall([comm.Irecv(bytes_in, source=peer), comm.Isend(first, dest=peer)])
        np.add(other, landing, out=other)
        MPI.Request.Waitall([comm.Irecv(bytes_in, source=peer), comm.Isend(second, dest=peer)])
        own[:] = landing

    return run


def _there_and_back(comm: Any, space: Any, elements: int) -> Callable[[], None]:
    from mpi4py import MPI

    vector = space.own(0, elements).view("uint8")
    back = space.room("result", elements).view("uint8")

    def run() -> None:
        if comm.Get_rank() == 0:
            MPI.Request.Waitall([comm.Isend(vector, dest=1)])
            MPI.Request.Waitall([comm.Irecv(back, source=1)])
        else:
            MPI.Request.Waitall([comm.Irecv(back, source=0)])
            MPI.Request.Waitall([comm.Isend(back, dest=0)])

    return run


if __name__ == "__main__":
    sys.exit(main())
