"""One measuring run: from the communicator to the closed record."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nearlinear.measure.agreement import Failed, Interrupted, Saving, everywhere, together
from nearlinear.measure.cells import Company
from nearlinear.measure.elements import element_type
from nearlinear.measure.header import header
from nearlinear.measure.interruption import INTERRUPTED, STATUS, deferred
from nearlinear.measure.keeper import Keeper
from nearlinear.measure.launcher import launched_size, require_mpi
from nearlinear.measure.operations.operation import Operation, Workspace
from nearlinear.measure.operations.table import Wanted, Ways, find_operations
from nearlinear.measure.pattern import Pattern
from nearlinear.measure.placement import Placement, in_node_order
from nearlinear.measure.progress import Progress
from nearlinear.measure.protocol.clocks import Clocks, compare
from nearlinear.measure.protocol.starts import BarrierStart, WindowStart
from nearlinear.measure.protocol.visit import Crew
from nearlinear.measure.records import Sample
from nearlinear.measure.sampling import Sampling, run_sampling
from nearlinear.measure.sanity import check_size, check_versions
from nearlinear.measure.team import Team, crowded, lone_team, team_of
from nearlinear.measure.transports.choice import library_sums
from nearlinear.measure.transports.transport import Transport
from nearlinear.models.errors import SpecError


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasureSpec:
    """What to measure.

    Attributes
    ----------
    wanted : Wanted
        Operations, algorithms, placements.
    sampling : Sampling
        Sizes, repetitions, budget.
    transport : {"auto", "host", "staged", "cuda", "nccl"}
        How bytes move.
    start : {"barrier", "window"}
        How timed calls start.
    waiting : {"auto", "poll", "sleep"}
        How ranks wait; ``auto`` sleeps where a machine has more ranks than cores.
    companies : tuple of tuple of int
        Ranks that play together, in turn; empty for all of them.
    share_gpu : bool
        Whether ranks may share one GPU.
    out : Path
        New record file.
    """

    wanted: Wanted
    sampling: Sampling
    transport: str = "auto"
    start: str = "barrier"
    waiting: str = "auto"
    companies: tuple[tuple[int, ...], ...] = ()
    share_gpu: bool = False
    out: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What a run gave, on rank 0: its samples, why it ended and what was left out; nothing elsewhere."""

    rank: int
    samples: tuple[Sample, ...]
    reason: str
    notes: tuple[str, ...] = ()


def measure(spec: MeasureSpec, failed: Failed) -> Measured:
    """Measure under a launcher; every rank calls this. Kernels alone need neither launcher nor MPI.

    Parameters
    ----------
    spec : MeasureSpec
        What to measure.
    failed : callable
        Says what went wrong on a rank in the middle of the run and returns the status with which all
        ranks then end.

    Raises
    ------
    SpecError
        Fewer than two ranks, ranks that differ in software or share a GPU, or a launcher that started
        more processes than MPI joined.
    AbsentError
        No MPI, or no GPU where one was asked for.
    TargetError
        A collective gave a wrong result; the record says which.
    """
    if launched_size() is None and not spec.wanted.needs_ranks:
        return _alone(spec)
    require_mpi()
    from mpi4py import MPI

    saving = Saving()
    with together(MPI.COMM_WORLD, saving.close, failed):
        team = _team(MPI.COMM_WORLD, spec)
        notes = crowded(team)
        companies = _companies(spec, team, notes)
        clocks = compare(team.control)
        top = header(team.comm, spec, team.transport, team.placement, clocks, team.waiting, notes)
        keeper = everywhere(team.comm, lambda: Keeper(spec.out, top) if team.rank == 0 else None)
        saving.close_with = keeper.close if keeper else None
        crew = Crew(control=team.control, start=_start(spec, team.control, clocks), clocks=clocks,
                    polls=team.waiting == "poll")  # fmt: skip
        reason = _sampled(spec, crew, companies, team.transport, keeper)
    return _finished(team.rank, keeper, reason, notes)


def _team(world: Any, spec: MeasureSpec) -> Team:
    fewest = 2 if spec.wanted.needs_ranks else 1
    everywhere(world, lambda: check_size(world.Get_size(), fewest))
    check_versions(world)
    comm = in_node_order(world)
    return team_of(comm, Placement.of(comm), spec.transport, spec.waiting, share_gpu=spec.share_gpu)


def _alone(spec: MeasureSpec) -> Measured:
    """Measure kernels in this process."""
    team, notes = lone_team(spec.transport), list[str]()
    companies, clocks = _companies(spec, team, notes), Clocks.same(1)
    top = header(None, spec, team.transport, team.placement, clocks, team.waiting, notes)
    keeper = Keeper(spec.out, top)
    crew = Crew(control=team.control, start=BarrierStart(), clocks=clocks, polls=False)
    try:
        reason = _sampled(spec, crew, companies, team.transport, keeper)
    except BaseException as error:
        keeper.close(error)
        raise
    return _finished(0, keeper, reason, notes)


def _finished(rank: int, keeper: Keeper | None, reason: str, notes: Sequence[str]) -> Measured:
    if keeper is not None:
        keeper.end(reason)
    if reason == INTERRUPTED:
        raise Interrupted if rank == 0 else SystemExit(STATUS)
    if keeper is None:
        return Measured(rank=rank, samples=(), reason=reason)
    return Measured(rank=0, samples=tuple(keeper.samples), reason=reason, notes=tuple(notes))


def _companies(spec: MeasureSpec, team: Team, notes: list[str]) -> list[Company]:
    """Return who plays what; all ranks call this, and ``notes`` gets what is left out."""
    everyone = tuple(range(team.placement.ranks))
    element = element_type(spec.sampling.dtype)
    sums = team.comm is None or library_sums(team.transport, element.storage, element.is_native)
    name = team.transport.name if team.comm is not None else _lone_name(team.transport)
    scales = spec.companies or (everyone,)
    if team.comm is not None:
        everywhere(team.comm, lambda: _check_members(scales, len(everyone)))
    found, seen = [], set[tuple[Any, ...]]()
    for members in scales:
        placement = team.placement.part(members)
        ways = Ways(placement=placement, transport=name, sums=sums, dtype=element.name)
        operations = _once(find_operations(spec.wanted, ways, notes), members, seen)
        part = team.transport.part(members)
        found.append(Company(transport=part, members=members, placement=placement, operations=operations))
    if team.comm is None:
        _check_found(found, spec, team, notes)
    else:
        everywhere(team.comm, lambda: _check_found(found, spec, team, notes))
    return found


def _once(rows: list[Operation], members: tuple[int, ...], seen: set[tuple[Any, ...]]) -> list[Operation]:
    """Return rows that no other scale has: messages between the same two ranks are measured once."""
    kept = []
    for row in rows:
        who = tuple(members[rank] for rank in row.participants)
        key = (row.operation, row.algorithm, row.placement, row.wire_dtype, who)
        if key not in seen:
            kept.append(row)
        seen.add(key)
    return kept


def _check_found(found: list[Company], spec: MeasureSpec, team: Team, notes: list[str]) -> None:
    if not any(company.operations for company in found):
        told = team.placement.told
        raise SpecError("--ops", f"must be such that {told} can play", got=", ".join(spec.wanted.operations),
                        remedy="; ".join(notes) or "start more ranks")  # fmt: skip


def _lone_name(transport: Transport) -> str:
    return "device" if transport.buffers.name == "cuda" else transport.name


def _check_members(scales: Sequence[tuple[int, ...]], ranks: int) -> None:
    most = max(max(members) for members in scales)
    if most >= ranks:
        told = f"must stay within the {ranks} ranks of this run"
        raise SpecError("--ranks-sweep", told, got=most + 1)


def _start(spec: MeasureSpec, control: Transport, clocks: Clocks) -> BarrierStart | WindowStart:
    return WindowStart(control, clocks) if spec.start == "window" else BarrierStart()


def _sampled(
    spec: MeasureSpec, crew: Crew, companies: list[Company], transport: Transport, keeper: Keeper | None
) -> str:
    element = element_type(spec.sampling.dtype)
    narrowest = min([element.exact, *(element_type(w).exact for w in spec.wanted.wires if w)])
    pattern = Pattern.exact(crew.control.ranks, narrowest)
    space = Workspace(transport.buffers, element, pattern)
    progress = Progress() if crew.rank == 0 else None
    keep = keeper.keep if keeper else _drop
    try:
        with deferred(crew.rank == 0) as interruption:
            return run_sampling(
                crew, companies, space, spec.sampling, keep, progress or _silent, interruption
            )
    finally:
        if progress:
            progress.clear()


def _nothing(error: BaseException) -> None:
    """Other ranks keep nothing."""


def _drop(sample: Sample) -> None:
    """Other ranks keep nothing."""


def _silent(line: str) -> None:
    """Other ranks say nothing."""
