"""Cells of a measurement: an operation at one size among some ranks, and how samples of it are taken."""

from dataclasses import dataclass, field

import numpy as np

from nearlinear.measure.operations.operation import Operation, Prepared
from nearlinear.measure.placement import Placement
from nearlinear.measure.protocol.visit import Crew, Outcome, visit
from nearlinear.measure.records import Sample
from nearlinear.measure.transports.transport import Transport

PIPELINED = 20  # calls back to back, as nccl-tests has it


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Company:
    """Ranks that play some operations together: all of the run, or a part of it.

    Attributes
    ----------
    transport : Transport or None
        Among them; None on a rank that is not one of them.
    members : tuple of int
        Their numbers in the run.
    placement : Placement
        Their nodes.
    operations : list of Operation
        What they play.
    """

    transport: Transport | None
    members: tuple[int, ...]
    placement: Placement
    operations: list[Operation]


@dataclass(slots=True, eq=False)
class Cell:
    """An operation at one size and mode, and its samples so far."""

    company: Company
    operation: Operation
    mode: str
    size_bytes: int
    prepared: Prepared | None
    times: list[float] = field(default_factory=list)
    call_s: float = 0.0
    first: Outcome | None = None

    @property
    def calls_per_sample(self) -> int:
        """Calls back to back that make one sample."""
        return PIPELINED if self.mode == "pipelined" else 1


def take(crew: Crew, cell: Cell, samples: int, warm: bool = False) -> list[Outcome]:
    """Return on rank 0 what a visit gave; nothing elsewhere."""
    calls = 1 if warm else cell.calls_per_sample
    outcomes = visit(
        crew, cell.company.transport, cell.company.members, cell.operation, cell.prepared, samples, calls
    )
    if outcomes:
        cell.call_s = float(np.median([o.time_s for o in outcomes])) / _scale(cell)
    return outcomes


def _scale(cell: Cell) -> float:
    return cell.prepared.scale if cell.prepared else 1.0


def sample_of(cell: Cell, outcome: Outcome, dtype: str) -> Sample:
    """Return the line of the record for one outcome of a cell."""
    operation, prepared, company = cell.operation, cell.prepared, cell.company
    assert prepared is not None, "rank 0 is of every company"
    members = tuple(company.members[rank] for rank in operation.participants)
    return Sample(
        operation=operation.operation,
        algorithm=operation.algorithm,
        transport=outcome.transport,
        dtype=prepared.dtype or dtype,
        wire_dtype=operation.wire_dtype,
        placement=operation.placement,
        size_bytes=cell.size_bytes,
        ranks=operation.workers,
        nodes=company.placement.nodes_among(operation.participants),
        among=members if members != tuple(range(len(members))) else None,
        repetition=len(cell.times),
        mode=cell.mode,
        statistic="max" if cell.mode == "individual" else "mean",
        time_s=outcome.time_s,
        per_rank_s=outcome.per_rank_s,
        correct=outcome.wrong == 0,
        wrong_elements=outcome.wrong,
        start=outcome.start,
        waiting=outcome.waiting,
        skew_s=outcome.skew_s,
        cpu_busy=outcome.cpu_busy,
        cpu_waiting=outcome.cpu_waiting,
        processor_bound=outcome.processor_bound,
        flop=prepared.flop,
        moved_bytes=prepared.moved_bytes,
    )
