"""The one sampling loop: warm up, then shuffled visits of cells until each is known well enough.

A cell is an operation at one size among some ranks; a visit takes a few samples of it and checks the
result. A sample is the time of one call on every rank, started together; its value is the slowest
rank's. *Pipelined* samples time calls back to back instead, as nccl-tests does, and are the mean of ranks.
Rank 0 chooses the next cell anew after every visit, in an order that is shuffled every round, so that
drift of the machine does not look like a dependence on size.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from nearlinear.measure.cells import Cell, Company, sample_of, take
from nearlinear.measure.interruption import INTERRUPTED, Interruption
from nearlinear.measure.operations.operation import Operation, Prepared, Workspace
from nearlinear.measure.protocol.starts import widened
from nearlinear.measure.protocol.stopping import Stopping
from nearlinear.measure.protocol.visit import Crew
from nearlinear.measure.records import Sample
from nearlinear.models.errors import SpecError

WARM_UP = 5  # calls after the first, which is checked
WARM_SHARE = 0.4  # of the budget may go into warming up
VISIT_S, VISIT_MOST = 0.15, 20  # a visit takes so long, and so many samples, at most
ENOUGH, SPENT, STOPPED, COMPARE = -1.0, -2.0, -3.0, -4.0
REASONS = {ENOUGH: "done", SPENT: "budget", STOPPED: INTERRUPTED}
COMPARED_S, COMPARED_SHARE = 1.0, 0.02  # how often clocks are compared, at most, and of the time


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampling:
    """What to sample.

    Attributes
    ----------
    sizes : tuple of int
        Bytes, rising.
    dtype : str
        Element type.
    modes : tuple of str
        ``individual``, ``pipelined``; each has cells of its own.
    stopping : Stopping
        How many samples a cell gets.
    budget_s : float
        Time for everything.
    seed : int
        Of the order.
    """

    sizes: tuple[int, ...]
    dtype: str
    modes: tuple[str, ...] = ("individual",)
    stopping: Stopping
    budget_s: float
    seed: int


def run_sampling(
    crew: Crew,
    companies: Sequence[Company],
    space: Workspace,
    sampling: Sampling,
    keep: Callable[[Sample], None],
    progress: Callable[[str], None],
    interruption: Interruption | None = None,
) -> str:
    """Sample until done and return why it ended: ``done``, ``budget`` or ``interrupted``.

    Parameters
    ----------
    crew : Crew
        All ranks of the run, and how they start and watch their load.
    companies : sequence of Company
        Who plays what.
    space : Workspace
        Arrays of this rank.
    sampling : Sampling
        Sizes, modes, repetitions, budget.
    keep : callable
        Takes every sample; called on rank 0 only.
    progress : callable
        Takes a line for people; called on rank 0 only.
    interruption : Interruption, optional
        Whether somebody wants an end; rank 0 decides.
    """
    begin = time.perf_counter()
    cells = _warm(crew, companies, space, sampling, begin, progress)
    for cell in cells:
        if cell.first is not None and cell.first.wrong:  # a result that is wrong but once is wrong
            keep(sample_of(cell, cell.first, sampling.dtype))
    stop = interruption or Interruption()
    choice = _choices(cells, sampling, begin, progress, stop) if crew.rank == 0 else None
    window_s = crew.start.window_s
    while True:
        told = crew.control.share(np.array([*next(choice), window_s] if choice else np.zeros(3)))
        if told[0] in REASONS:
            return REASONS[told[0]]
        if told[0] == COMPARE:
            crew.compare_clocks()
            continue
        cell, wanted, crew.start.window_s = cells[int(told[0])], int(told[1]), told[2]
        outcomes = take(crew, cell, wanted)
        for outcome in outcomes:
            keep(sample_of(cell, outcome, sampling.dtype))
            cell.times.append(outcome.time_s)
        window_s = widened(crew.start, spoiled=len(outcomes) < wanted)


def _choices(
    cells: list[Cell],
    sampling: Sampling,
    begin: float,
    progress: Callable[[str], None],
    stop: Interruption,
) -> Iterator[tuple[float, float]]:
    """Yield (cell, samples to take) on rank 0, at last why it is over."""
    order, deadline = np.random.default_rng(sampling.seed), begin + sampling.budget_s
    stopping, shown, started = sampling.stopping, -np.inf, time.perf_counter()
    due = started + COMPARED_S
    while waiting := [i for i, cell in enumerate(cells) if not stopping.enough(np.array(cell.times))]:
        for place in order.permutation(len(waiting)):
            cell, now = cells[waiting[place]], time.perf_counter()
            if stop.wanted or now > deadline:
                yield STOPPED if stop.wanted else SPENT, 0.0
            if now > due:
                yield COMPARE, 0.0
                spent = time.perf_counter() - now
                due = now + max(COMPARED_S, spent / COMPARED_SHARE)
            if now - shown > 0.2:
                progress(_remaining(cells, stopping, now - started, deadline - now))
                shown = now
            yield float(waiting[place]), float(_samples_of(cell, stopping))
    yield ENOUGH, 0.0


def _samples_of(cell: Cell, stopping: Stopping) -> int:
    """Return how many samples the next visit takes: at least three rounds, short visits."""
    in_time = VISIT_S / max(cell.call_s * cell.calls_per_sample, 1e-9)
    return int(np.clip(min(in_time, stopping.least // 3, VISIT_MOST), 1, stopping.most - len(cell.times)))


def _remaining(cells: list[Cell], stopping: Stopping, spent_s: float, left_s: float) -> str:
    """Return how far the run is, foreseeing as much beside calls as there was until now."""
    taken = np.array([len(cell.times) for cell in cells])
    wanted = np.array([stopping.wanted(np.array(cell.times)) for cell in cells])
    each_s = np.array([cell.call_s * cell.calls_per_sample for cell in cells])
    called_s = float(taken @ each_s)
    foreseen_s = float(wanted @ each_s) * (spent_s / called_s if called_s else 1.0)
    left = min(foreseen_s, max(left_s, 0.0)) if called_s else max(left_s, 0.0)
    done = int((wanted == 0).sum())
    return f"{taken.sum()} samples, {done} of {len(cells)} cells done, about {left:.0f} s left"


def _warm(
    crew: Crew,
    companies: Sequence[Company],
    space: Workspace,
    sampling: Sampling,
    begin: float,
    progress: Callable[[str], None],
) -> list[Cell]:
    """Return cells that are warm, smallest first, while warming up leaves time to sample."""
    cells: list[Cell] = []
    seen: set[tuple[int, int, int]] = set()
    for size, company, operation in _grid(companies, sampling.sizes):
        spent = crew.control.share(np.array([time.perf_counter() - begin]))[0]
        if spent > WARM_SHARE * sampling.budget_s and cells:
            if crew.rank == 0:
                progress(f"the budget is too short: sizes from {size} bytes on are left out")
            break
        cells += _warmed(crew, company, operation, space, size, sampling, seen)
    return cells


def _grid(companies: Sequence[Company], sizes: Sequence[int]) -> Iterator[tuple[int, Company, Operation]]:
    for place, size in enumerate(sizes):
        for company in companies:
            for operation in company.operations:
                if operation.sized or place == 0:
                    yield size, company, operation


def _warmed(
    crew: Crew,
    company: Company,
    operation: Operation,
    space: Workspace,
    size: int,
    sampling: Sampling,
    seen: set[tuple[int, int, int]],
) -> list[Cell]:
    """Return a cell for each mode after a few calls that nobody keeps; none where rounding meets another."""
    prepared = _prepared_together(crew, company, operation, space, size)
    actual = crew.control.share(np.array([prepared.size_bytes if prepared else 0], dtype=float))[0]
    if (cell_id := (id(company), id(operation), int(actual))) in seen:
        return []
    seen.add(cell_id)
    cells = [Cell(company, operation, mode, int(actual), prepared) for mode in sampling.modes]
    for calls in (1, WARM_UP):
        spent = crew.control.share(np.array([cells[0].call_s]))[0]
        outcomes = take(crew, cells[0], int(np.clip(0.2 / max(spent, 1e-9), 1, calls)), warm=True)
        cells[0].first = cells[0].first or next(iter(outcomes), None)
    for cell in cells[1:]:
        cell.call_s = cells[0].call_s
    return cells


def _prepared_together(
    crew: Crew, company: Company, operation: Operation, space: Workspace, size: int
) -> Prepared | None:
    """Return the call on this rank; where memory ends on any, rank 0 says so alone."""
    prepared, fits = None, True
    try:
        if company.transport is not None:
            prepared = operation.prepare(space, company.transport, size)
    except MemoryError:
        fits = False
    everyone = crew.control.gather(np.array([float(fits)]))
    if crew.control.share(np.array([everyone.min() if everyone is not None else 1.0]))[0]:
        return prepared
    if crew.rank:
        raise SystemExit(0)
    told = "needs several vectors in the memory of every rank"
    raise SpecError("--sizes", told, got=size, remedy="measure smaller sizes")
