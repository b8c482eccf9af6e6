"""The one sampling loop: warm up, then shuffled rounds of individually timed calls, checked each time.

A sample is the time of one call on every rank, started at a barrier; its value is the slowest rank's.
The order of operations and sizes is shuffled anew every round, so that drift of the machine does not
look like a dependence on size. The loop ends when every cell has its repetitions or the budget is spent.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from nearlinear.measure.operations import Operation, Prepared, Workspace
from nearlinear.measure.placement import Placement
from nearlinear.measure.records import Sample
from nearlinear.measure.transport import Transport
from nearlinear.models.errors import SpecError

WARM_UP = 2
PER_VISIT = 3  # calls in a row per visit of a cell
WARM_SHARE = 0.5  # of the budget may go into warming up


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampling:
    """What to sample.

    Attributes
    ----------
    sizes : tuple of int
        Bytes, rising.
    dtype : str
        Element type.
    repetitions : int
        Samples wanted per operation and size.
    budget_s : float
        Time for everything.
    seed : int
        Of the order.
    """

    sizes: tuple[int, ...]
    dtype: str
    repetitions: int
    budget_s: float
    seed: int


@dataclass(slots=True)
class _Cell:
    """An operation at one size, and how many samples it has."""

    operation: Operation
    size_bytes: int
    prepared: Prepared
    taken: int = 0


def run_sampling(
    transport: Transport,
    operations: list[Operation],
    sampling: Sampling,
    placement: Placement,
    keep: Callable[[Sample], None],
    progress: Callable[[str], None],
) -> str:
    """Sample until done and return why it ended: ``done`` or ``budget``.

    Parameters
    ----------
    transport : Transport
        Joins the ranks.
    operations : list of Operation
        Rows of the table.
    sampling : Sampling
        Sizes, repetitions, budget.
    placement : Placement
        Which ranks share a node.
    keep : callable
        Takes every sample; called on rank 0 only.
    progress : callable
        Takes a line for people; called on rank 0 only.
    """
    start = time.perf_counter()
    deadline = start + sampling.budget_s
    cells = _warm(transport, operations, sampling, start, progress)
    order = np.random.default_rng(sampling.seed)
    while open_cells := [cell for cell in cells if cell.taken < sampling.repetitions]:
        for index in order.permutation(len(open_cells)):
            if transport.share(time.perf_counter() - deadline) > 0:
                return "budget"
            _visit(transport, open_cells[index], sampling, placement, keep)
        done = sum(cell.taken for cell in cells)
        wanted = sampling.repetitions * len(cells)
        left = deadline - time.perf_counter()
        if transport.rank == 0:
            progress(f"{done} of {wanted} samples, at most {max(left, 0):.0f} s left")
    return "done"


def _warm(
    transport: Transport,
    operations: list[Operation],
    sampling: Sampling,
    start: float,
    progress: Callable[[str], None],
) -> list[_Cell]:
    """Return cells that are warm, smallest first, while warming up leaves time to sample."""
    cells: list[_Cell] = []
    item = np.dtype(sampling.dtype).itemsize
    space = Workspace(transport, sampling.dtype)
    for size in sampling.sizes:
        for operation in operations:
            spent = transport.share(time.perf_counter() - start)
            if spent > WARM_SHARE * sampling.budget_s:
                if transport.rank == 0:
                    progress(f"budget: sizes from {size} bytes on are left out")
                return cells
            cells.append(_Cell(operation, size, _prepared(operation, space, size, size // item)))
            for _ in range(WARM_UP):
                _timed(transport, cells[-1].prepared)
    return cells


def _prepared(operation: Operation, space: Workspace, size: int, elements: int) -> Prepared:
    try:
        return operation.prepare(space, elements)
    except MemoryError:
        told = "needs several vectors in the memory of every rank"
        raise SpecError("--sizes", told, got=size, remedy="measure smaller sizes") from None


def _agreed(transport: Transport, correct: bool) -> bool:
    """Return on all ranks whether all of them are right."""
    everyone = transport.gather(np.array([float(correct)]))
    return transport.share(float(everyone.min()) if everyone is not None else 0.0) == 1.0


def _visit(
    transport: Transport,
    cell: _Cell,
    sampling: Sampling,
    placement: Placement,
    keep: Callable[[Sample], None],
) -> None:
    """Take a few samples of one cell, and check what the last call left."""
    count = min(PER_VISIT, sampling.repetitions - cell.taken)
    times = [transport.gather(np.array([_timed(transport, cell.prepared)])) for _ in range(count)]
    correct = _agreed(transport, cell.prepared.correct())
    for everyone in times:
        if everyone is not None:
            keep(_sample(transport, cell, everyone[:, 0], sampling.dtype, placement, correct))
        cell.taken += 1


def _timed(transport: Transport, prepared: Prepared) -> float:
    prepared.reset()
    transport.buffers.ready()
    transport.barrier()
    begin = time.perf_counter()
    prepared.run()
    transport.buffers.ready()
    return (time.perf_counter() - begin) * prepared.scale


def _sample(
    transport: Transport,
    cell: _Cell,
    per_rank: np.ndarray,
    dtype: str,
    placement: Placement,
    correct: bool,
) -> Sample:
    taking_part = per_rank[list(cell.prepared.participants)]
    return Sample(
        operation=cell.operation.operation,
        algorithm=cell.operation.algorithm,
        transport=transport.name,
        dtype=dtype,
        placement=cell.operation.placement,
        size_bytes=cell.size_bytes,
        ranks=cell.prepared.workers,
        nodes=placement.nodes_among(cell.prepared.participants),
        repetition=cell.taken,
        mode="individual",
        statistic="max",
        time_s=float(taking_part.max()),
        per_rank_s=tuple(float(t) for t in taking_part),
        correct=correct,
    )
