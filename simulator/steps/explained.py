"""The run of one scale explained in its median sample: path, links, ranks, and what was checked."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from nearlinear.simulator.cause import CriticalPath
from nearlinear.simulator.crosscheck import SharingCheck, check_against, check_size, counterpart
from nearlinear.simulator.detail import Detail
from nearlinear.simulator.engines import Engine, by_rounds, execute_program
from nearlinear.simulator.exchange import TICKS_PER_SECOND, Outcome, to_ticks
from nearlinear.simulator.fabrics.fabric import contention_free
from nearlinear.simulator.programs.execution import Execution
from nearlinear.simulator.programs.program_path import program_path
from nearlinear.simulator.rounds.bounds import check_bounds
from nearlinear.simulator.rounds.packing import Packed
from nearlinear.simulator.rounds.tally import Tally
from nearlinear.simulator.steps.conditions import Conditions
from nearlinear.simulator.steps.starvation import Starvation
from nearlinear.simulator.steps.step_path import StepRecord, step_path
from nearlinear.simulator.steps.step_program import StepProgram, step_program
from nearlinear.simulator.steps.stragglers import Slowest
from nearlinear.simulator.steps.training_step import Run, Workers, run_steps
from nearlinear.simulator.usage import schedule_usage

MOST_PROGRAM = 2_000_000  # messages that are spelled out to explain a run
MOST_SHARED = 100_000  # messages that are executed again to compare sharing by round with flow
CHECKS = ("every send is matched", "bytes are conserved", "every rank is done")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Explained:
    """A run and how it is told.

    Attributes
    ----------
    workers : Workers
        Devices, links and exchanges.
    engine : Engine
        What executed.
    conditions : Conditions
        Steps, jitter and so on.
    run : Run
        What came of it.
    records : sequence of StepRecord
        Clocks of every step, where the round engine kept them.
    """

    workers: Workers
    engine: Engine
    conditions: Conditions
    run: Run
    records: Sequence[StepRecord]

    @property
    def sample(self) -> int:
        """The sample in the middle by step time."""
        return int(np.argsort(self.run.step_s, kind="stable")[len(self.run.step_s) // 2])

    @property
    def exchanges(self) -> list[Packed]:
        """The schedules of all buckets that have one."""
        options = enumerate(self.workers.exchange.options)
        return [self.workers.packed(b, o) for b, o in options if o.algorithm.schedule is not None]

    @property
    def messages(self) -> int:
        """Messages of all steps."""
        return self.conditions.steps * sum(Tally.of(packed).messages for packed in self.exchanges)

    def detail(self, cross: bool) -> Detail:
        """Return the run explained; with ``cross`` another engine runs it as well.

        Raises
        ------
        SelfCheckError
            An invariant is violated.
        """
        exchanges, messages = self.exchanges, self.messages
        for record in self.records:
            for one in record.exchanges:
                if one.packed is not None:
                    outcome = Outcome(
                        end_ticks=one.end, messages=0, sent_bytes=np.zeros(1, np.int64),
                        received_bytes=np.zeros(1, np.int64),
                    )  # fmt: skip
                    check_bounds(one.packed, outcome, one.start)
        checks, warnings = [*CHECKS], []
        path = self._path(messages)
        if path is None:
            warnings.append(f"the critical path is not shown: {messages:,} messages in order priority")
        else:
            checks.append("the critical path sums up")
        if self.records:
            checks.append("no rank is faster than its own messages")
        if cross:
            checks.append(self._cross_check(messages))
        sharing = self._sharing(exchanges, messages)
        if sharing is not None:
            checks += [sharing.finding] if sharing.finding else []
            warnings += [sharing.warning] if sharing.warning else []
        return self._told(exchanges, messages, path, checks, warnings)

    def _told(
        self, exchanges: list[Packed], messages: int, path: CriticalPath | None, checks: list[str],
        warnings: list[str],
    ) -> Detail:  # fmt: skip
        steps, ranks = self.conditions.steps, max((p.schedule.ranks for p in exchanges), default=1)
        makespan = self.run.step_s * steps
        sent, received = np.zeros(ranks, np.int64), np.zeros(ranks, np.int64)
        for packed in exchanges:
            sent += Tally.of(packed).sent_elements * packed.vector.element_bytes * steps
            received += Tally.of(packed).received_elements * packed.vector.element_bytes * steps
        devices = self.workers.placement.devices
        ticks = int(to_ticks(makespan[self.sample]))
        return Detail(
            engine=self.engine.title, makespan_s=makespan, messages=messages,
            rank_end_s=self.run.rank_end_s[self.sample],
            sent_bytes=np.resize(sent, devices) if exchanges else np.zeros(devices, np.int64),
            received_bytes=np.resize(received, devices) if exchanges else np.zeros(devices, np.int64),
            links=schedule_usage(exchanges, steps, ticks) if exchanges else None, path=path,
            checks=tuple(checks), warnings=tuple(warnings), slowest=self.slowest(),
            starvation=Starvation.of(self.workers, self.conditions, self.run, self.sample),
        )  # fmt: skip

    def slowest(self, devices: int | None = None) -> Slowest | None:
        """Return the slowest device of a step at a scale, the largest by default; None without jitter."""
        placement, samples = self.workers.placement, len(self.run.step_s)
        scale = placement.devices if devices is None else devices
        return Slowest.of(self.conditions, samples, scale, placement.per_node)

    def program(self, flow: bool) -> StepProgram:
        """Return the median sample as a program."""
        return step_program(self.workers, self.conditions, self.sample, flow)

    def executed(self) -> tuple[StepProgram, Execution]:
        """Return the median sample as a program, and its execution with the engine's way of sharing."""
        steps = self.program(self.engine.flow)
        runner = Engine(name="events", sharing=self.engine.sharing)
        return steps, execute_program(runner, steps.program, steps.fabric)

    def _path(self, messages: int) -> CriticalPath | None:
        if self.records:
            return step_path(self.records, self.sample)
        if messages > MOST_PROGRAM:
            return None
        steps, execution = self.executed()
        self._same(steps, execution, Engine(name="events", sharing=self.engine.sharing))
        return program_path(steps.program, execution)

    def _same(self, steps: StepProgram, execution: Execution, second: Engine) -> str:
        """Check that a program ends as the run did."""
        ends = to_ticks(self.run.rank_end_s[self.sample])
        return check_against(self.engine, ends, steps.endings[-1].ticks(execution.done_ticks), second)

    def _cross_check(self, messages: int) -> str:
        second = counterpart(self.engine)
        check_size(second, messages)
        if second.name == "rounds":
            other = run_steps(self.workers, by_rounds, self.conditions)
            ends = to_ticks(self.run.rank_end_s[self.sample])
            return check_against(self.engine, ends, to_ticks(other.rank_end_s[self.sample]), second)
        steps = self.program(second.flow)
        return self._same(steps, execute_program(second, steps.program, steps.fabric), second)

    def _sharing(self, exchanges: list[Packed], messages: int) -> SharingCheck | None:
        """Compare sharing by round with flow, where links are shared."""
        if self.engine.flow or all(contention_free(p.schedule, p.fabric) for p in exchanges):
            return None
        if messages > MOST_SHARED:
            return SharingCheck(excess=None, messages=messages)
        steps = self.program(flow=True)
        execution = execute_program(Engine(name="events", sharing="flow"), steps.program, steps.fabric)
        flow = int(steps.endings[-1].ticks(execution.done_ticks).max())
        return SharingCheck(excess=self._makespan() / max(flow, 1) - 1.0, messages=messages)

    def _makespan(self) -> float:
        return float(self.run.rank_end_s[self.sample].max() * TICKS_PER_SECOND)
