"""A collective alone: no training step around it."""

from dataclasses import dataclass, replace

import numpy as np

from nearlinear.models.arrays import IntArray
from nearlinear.models.collectives.schedule import Schedule
from nearlinear.models.errors import SpecError
from nearlinear.simulator.crosscheck import check_sharing, cross_check
from nearlinear.simulator.detail import Detail
from nearlinear.simulator.engines import Engine, execute_program, outcome_of
from nearlinear.simulator.exchange import TICKS_PER_SECOND, Outcome, Vector
from nearlinear.simulator.fabrics.fabric import Fabric
from nearlinear.simulator.noise import Noise
from nearlinear.simulator.pricing import Paces
from nearlinear.simulator.programs.assembly import expand
from nearlinear.simulator.programs.execution import Execution
from nearlinear.simulator.programs.program import Program
from nearlinear.simulator.programs.program_path import program_path
from nearlinear.simulator.rounds.bounds import check_bounds
from nearlinear.simulator.rounds.critical_path import critical_path
from nearlinear.simulator.rounds.engine import run_packed
from nearlinear.simulator.rounds.packing import Packed
from nearlinear.simulator.rounds.tally import Tally
from nearlinear.simulator.usage import program_usage, schedule_usage

MOST_MESSAGES = {"simpy": 1_000_000, "events": 30_000_000, "rounds": 10**11}
MOST_RANKS = 2**22
CHECKS = ("every send is matched", "bytes are conserved", "every rank is done", "the critical path sums up")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Lone:
    """A collective and where it runs.

    Attributes
    ----------
    schedule : Schedule
        What is transferred.
    fabric : Fabric
        Where ranks sit; its costs may have samples.
    vector : Vector
        What is summed.
    noise : Noise, optional
        How unequal ranks are, with ``samples`` draws.
    samples, seed : int
        Of the noise.
    """

    schedule: Schedule
    fabric: Fabric
    vector: Vector
    noise: Noise | None = None
    samples: int = 1
    seed: int = 0


def run_lone(lone: Lone, engine: Engine, cross: bool = False) -> Detail:
    """Return a lone collective, explained.

    Parameters
    ----------
    lone : Lone
        What runs.
    engine : Engine
        What executes it.
    cross : bool
        Run another engine as well and compare.

    Raises
    ------
    SpecError
        More messages than the engine can execute in minutes; noise in another engine than rounds.
    SelfCheckError
        An invariant is violated.
    """
    packed = Packed(lone.schedule, lone.fabric, lone.vector, unequal=_unequal(lone))
    messages = Tally.of(packed).messages
    if messages > MOST_MESSAGES[engine.name]:
        most = MOST_MESSAGES[engine.name]
        rule = f"{engine.name} would execute {messages:,} messages, more than {most:,}"
        remedy = "use fewer --ranks" if engine.name == "rounds" else "use --engine rounds or fewer --ranks"
        raise SpecError("--engine", rule, got=engine.name, remedy=remedy)
    if engine.name != "rounds":
        return _by_program(lone, packed, engine, cross)
    starts, paces = _drawn(lone)
    outcome = run_packed(packed, starts, paces)
    starts = np.broadcast_to(starts, outcome.end_ticks.shape)
    if paces is None:
        check_bounds(packed, outcome, starts)
    return _explained(lone, packed, outcome, starts, paces, engine, cross)


def _unequal(lone: Lone) -> bool:
    return lone.noise is not None and bool(lone.noise.cpu or lone.noise.link)


def _drawn(lone: Lone) -> tuple[IntArray, Paces | None]:
    if lone.noise is None:
        return np.zeros((1, lone.schedule.ranks), dtype=np.int64), None
    return lone.noise.draw(lone.samples, lone.schedule.ranks, lone.seed)


def _explained(
    lone: Lone, packed: Packed, outcome: Outcome, starts: IntArray, paces: Paces | None, engine: Engine,
    cross: bool,
) -> Detail:  # fmt: skip
    """Return the outcome of the round engine with all that explains its median sample."""
    makespan = outcome.end_ticks.max(axis=1)
    middle = int(np.argsort(makespan, kind="stable")[len(makespan) // 2])
    path = critical_path(packed, outcome, starts, paces, middle)
    checks, warnings = [*CHECKS], []
    if paces is None:
        checks.append("no rank is faster than its own messages")
        if cross:
            checks.append(cross_check(engine, packed, starts[0], outcome.end_ticks[0]))
        sharing = check_sharing(packed, starts[0], int(makespan[0]))
        if sharing is not None:
            checks += [sharing.finding] if sharing.finding else []
            warnings += [sharing.warning] if sharing.warning else []
    elif cross:
        raise SpecError("--cross-check", "needs equal ranks", remedy="leave out cpu and link of --noise")
    links = None
    if lone.fabric.loggops is None:
        links = schedule_usage([packed], 1, int(makespan[middle]))
    return Detail(
        engine=engine.title, makespan_s=makespan / TICKS_PER_SECOND, messages=outcome.messages,
        rank_end_s=outcome.end_ticks[middle] / TICKS_PER_SECOND, sent_bytes=outcome.sent_bytes,
        received_bytes=outcome.received_bytes, links=links, path=path, checks=tuple(checks),
        warnings=tuple(warnings),
    )  # fmt: skip


def _by_program(lone: Lone, packed: Packed, engine: Engine, cross: bool) -> Detail:
    if lone.noise is not None:
        remedy = "use --engine rounds"
        raise SpecError("--noise", "is drawn in the round engine", got=engine.name, remedy=remedy)
    program = expand(packed, None, flow=lone.fabric.loggops is None)
    execution = execute_program(engine, program, lone.fabric)
    detail = explained_program(program, execution, lone.fabric, engine)
    outcome = outcome_of(program, execution)
    starts = np.zeros_like(outcome.end_ticks)
    check_bounds(packed, outcome, starts)
    checks = [*detail.checks, "no rank is faster than its own messages"]
    if cross:
        checks.append(cross_check(engine, packed, starts[0], outcome.end_ticks[0]))
    return replace(detail, checks=tuple(checks))


def explained_program(program: Program, execution: Execution, fabric: Fabric, engine: Engine) -> Detail:
    """Return the execution of a program with all that explains it."""
    outcome = outcome_of(program, execution)
    links = None
    if fabric.loggops is None:
        links = program_usage(fabric, program, execution.makespan_ticks)
    return Detail(
        engine=engine.title, makespan_s=np.array([execution.makespan_ticks / TICKS_PER_SECOND]),
        messages=outcome.messages, rank_end_s=outcome.end_ticks[0] / TICKS_PER_SECOND,
        sent_bytes=outcome.sent_bytes, received_bytes=outcome.received_bytes, links=links,
        path=program_path(program, execution, fabric.loggops), checks=CHECKS,
    )  # fmt: skip
