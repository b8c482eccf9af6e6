"""The engines by name, and which way of sharing links each one has."""

from dataclasses import dataclass

import numpy as np

from nearlinear.models.arrays import IntArray
from nearlinear.models.errors import SpecError, nearest
from nearlinear.simulator.exchange import Outcome
from nearlinear.simulator.fabrics.fabric import Fabric
from nearlinear.simulator.programs.assembly import expand
from nearlinear.simulator.programs.execution import Execution
from nearlinear.simulator.programs.program import Program
from nearlinear.simulator.rounds.engine import run_packed
from nearlinear.simulator.rounds.packing import Packed
from nearlinear.simulator.steps.conditions import Conditions
from nearlinear.simulator.steps.step_path import StepRecord
from nearlinear.simulator.steps.step_program import StepProgram, run_step_programs
from nearlinear.simulator.steps.training_step import Run, Workers, run_steps

SHARINGS = ("round", "flow")


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """An engine and its discipline of sharing links.

    Attributes
    ----------
    name : {"rounds", "events", "simpy"}
        What executes.
    sharing : {"round", "flow"}
        Rates held for a round, or solved anew whenever a message starts or ends.
    """

    name: str
    sharing: str

    @classmethod
    def of(cls, name: str, sharing: str | None = None) -> "Engine":
        """Return the engine of a name, with its usual sharing where none is asked for.

        Raises
        ------
        SpecError
            No such engine, or one that cannot share so.
        """
        if name not in USUAL_SHARING:
            remedy = nearest(name, list(USUAL_SHARING)) or "see docs/simulator.md"
            raise SpecError("--engine", f"must be {', '.join(USUAL_SHARING)}", got=name, remedy=remedy)
        sharing = sharing or USUAL_SHARING[name]
        if sharing not in SHARINGS:
            raise SpecError("--sharing", f"must be {' or '.join(SHARINGS)}", got=sharing)
        if name == "rounds" and sharing == "flow":
            remedy = "use --engine events or simpy"
            raise SpecError("--sharing", "is by round in the round engine", got=sharing, remedy=remedy)
        return cls(name=name, sharing=sharing)

    @property
    def flow(self) -> bool:
        """Whether links are shared by flow."""
        return self.sharing == "flow"

    @property
    def title(self) -> str:
        """Name and sharing, as results show them."""
        return self.name if self.sharing == USUAL_SHARING[self.name] else f"{self.name} ({self.sharing})"

    def run(self, workers: Workers, conditions: Conditions, records: list[StepRecord] | None = None) -> Run:
        """Return training steps of all samples; the round engine keeps clocks in ``records``."""
        if self.name == "rounds":
            return run_steps(workers, by_rounds, conditions, records)
        return run_step_programs(workers, conditions, self.execute, self.flow)

    def execute(self, steps: StepProgram) -> Execution:
        """Return the execution of steps as a program."""
        return execute_program(self, steps.program, steps.fabric)


def run_schedule(engine: Engine, packed: Packed, start_ticks: IntArray | None = None) -> Outcome:
    """Return when every rank is done with a schedule by any engine, with the costs of its first sample.

    Parameters
    ----------
    engine : Engine
        What executes.
    packed : Packed
        Schedule, fabric and vector.
    start_ticks : ndarray of int, shape (ranks,), optional
        When every rank starts; all at zero by default.
    """
    if engine.name == "rounds":
        return run_packed(packed, start_ticks)
    program = expand(packed, start_ticks, engine.flow)
    return outcome_of(program, execute_program(engine, program, packed.fabric))


def execute_program(engine: Engine, program: Program, fabric: Fabric, where: str = "schedule") -> Execution:
    """Return the execution of a program by the event engine or SimPy."""
    capacity = fabric.link_capacity if engine.flow and fabric.loggops is None else None
    if engine.name == "events":
        from nearlinear.simulator.programs.events import run_events, run_events_loggops

        if fabric.loggops is not None:
            return run_events_loggops(program, fabric.loggops, where)
        return run_events(program, capacity, where)
    from nearlinear.simulator.programs.overheads import run_processes_loggops
    from nearlinear.simulator.programs.processes import run_processes

    if fabric.loggops is not None:
        return run_processes_loggops(program, fabric.loggops, where)
    return run_processes(program, capacity, where)


def outcome_of(program: Program, execution: Execution) -> Outcome:
    """Return what a program moved and when its ranks were done, bytes counted on the wire."""
    messages = program.messages
    sent, received = (
        np.bincount(ranks, messages.size_bytes, minlength=program.ranks).astype(np.int64)
        for ranks in (messages.source, messages.destination)
    )
    return Outcome(
        end_ticks=execution.rank_ends(program)[None, :], messages=len(messages), sent_bytes=sent,
        received_bytes=received,
    )  # fmt: skip


USUAL_SHARING = {"rounds": "round", "events": "flow", "simpy": "round"}


def by_rounds(packed: Packed, starts: IntArray) -> IntArray:
    """Return end clocks of an exchange by the round engine, shape (samples, ranks)."""
    return np.asarray(run_packed(packed, starts).end_ticks)
