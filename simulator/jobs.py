"""Several jobs on one fabric, and traffic in the background: who else is on the links."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from nearlinear.models.arrays import IntArray
from nearlinear.models.collectives.schedule import Phase, Schedule
from nearlinear.models.errors import SpecError
from nearlinear.models.hardware.topology import Topology
from nearlinear.models.units import parse_size
from nearlinear.simulator.crosscheck import check_against, check_size, counterpart
from nearlinear.simulator.detail import Detail
from nearlinear.simulator.engines import Engine, execute_program
from nearlinear.simulator.exchange import TICKS_PER_SECOND, Vector
from nearlinear.simulator.fabrics.fabric import Fabric
from nearlinear.simulator.programs.assembly import Assembly
from nearlinear.simulator.programs.execution import Execution
from nearlinear.simulator.programs.program import Program
from nearlinear.simulator.programs.program_path import program_path
from nearlinear.simulator.rounds.packing import Packed
from nearlinear.simulator.rounds.tally import Tally
from nearlinear.simulator.steps.placement import Placement
from nearlinear.simulator.usage import program_usage

CHECKS = ("every send is matched", "bytes are conserved", "every rank is done", "the critical path sums up")
MOST_JOBS, MOST_MESSAGES = 64, {"events": 30_000_000, "simpy": 300_000}
BACKGROUND = "write pairs=16,size=1MiB,messages=100"


@dataclass(frozen=True, slots=True, kw_only=True)
class Background:
    """Pairs of ranks that send one message after another from the start.

    Attributes
    ----------
    pairs, messages : int
        How many pairs, and messages of each.
    size_bytes : int
        Of a message.
    """

    pairs: int
    size_bytes: int
    messages: int

    @classmethod
    def of(cls, text: str) -> "Background":
        """Return the background of ``pairs=16,size=1MiB,messages=100``.

        Raises
        ------
        SpecError
            A key is missing or unknown, or no number >= 1.
        """
        given = dict(part.split("=", 1) for part in text.replace(" ", "").split(",") if "=" in part)
        if set(given) != {"pairs", "size", "messages"} or text.count("=") != len(given):
            raise SpecError("--background", "needs pairs, size and messages", got=text, remedy=BACKGROUND)
        size = int(parse_size(given["size"], "--background: size"))
        counts = [given[key] for key in ("pairs", "messages")]
        if size < 1 or not all(count.isdecimal() and 1 <= int(count) <= 10**6 for count in counts):
            raise SpecError(
                "--background", "must have numbers from 1 to a million", got=text, remedy=BACKGROUND
            )
        return cls(pairs=int(counts[0]), size_bytes=size, messages=int(counts[1]))

    def schedule(self, ranks: int, seed: int) -> Schedule:
        """Return the traffic as rounds of a random pattern; no rank sends to itself."""
        generator = np.random.default_rng(seed)
        source = generator.integers(0, ranks, self.pairs)
        destination = (source + generator.integers(1, ranks, self.pairs)) % ranks
        nothing = np.zeros(self.pairs, dtype=np.int64)
        phase = Phase(
            source=source, destination=destination, chunk=nothing, reduce=False, rounds=self.messages
        )

        def phases() -> Iterator[Phase]:
            yield phase

        return Schedule(workers=ranks, phases=phases)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Jobs:
    """A collective and who runs beside it.

    Attributes
    ----------
    schedule : Schedule
        What every job runs.
    vector : Vector
        What it sums.
    topology : Topology
        Levels of links, one sample.
    placement : Placement
        Of one job; nodes of several are dealt in turn, so that job j has nodes j, j + jobs, ...
    count : int
        How many jobs.
    background : Background, optional
        Traffic between ranks of all jobs.
    seed : int
        Of the background.
    """

    schedule: Schedule
    vector: Vector
    topology: Topology
    placement: Placement
    count: int = 1
    background: Background | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        if not 1 <= self.count <= MOST_JOBS:
            raise SpecError("--jobs", f"must lie in 1..{MOST_JOBS}", got=self.count)
        if self.count > 1 and self.placement.devices % self.placement.per_node:
            rule = f"must fill nodes of {self.placement.per_node} where there are several jobs"
            raise SpecError("--ranks", rule, got=self.placement.devices)

    @property
    def fabric(self) -> Fabric:
        """Where the ranks of all jobs sit."""
        workers, servers = self.count * self.schedule.workers, self.count * self.schedule.servers
        everyone = Schedule(workers=workers, servers=servers, phases=lambda: iter(()))
        return replace(self.placement, devices=workers).fabric(self.topology, everyone)

    def places(self, job: int) -> IntArray:
        """Return which rank of the fabric each rank of a job is."""
        per_node, workers = self.placement.per_node, self.schedule.workers
        rank = np.arange(workers)
        here = (rank // per_node * self.count + job) * per_node + rank % per_node
        server = self.count * workers + job * self.schedule.servers + np.arange(self.schedule.servers)
        return np.concatenate([here if self.count > 1 else rank, server])

    def program(self) -> tuple[Program, IntArray]:
        """Return all jobs as one program, and the streams of the first job."""
        assembly = Assembly(self.fabric)
        packed = Packed(self.schedule, self.placement.fabric(self.topology, self.schedule), self.vector)
        first = None
        for job in range(self.count):
            places = self.places(job)
            streams = assembly.streams(places, np.zeros(1, dtype=np.int64))
            assembly.exchange(packed, streams, f"job {job}", places)
            first = streams if first is None else first
        if self.background is not None:
            ranks = self.count * self.schedule.workers
            traffic = self.background.schedule(ranks, self.seed)
            fabric = replace(self.placement, devices=ranks).fabric(self.topology, traffic)
            vector = Vector(elements=self.background.size_bytes, element_bytes=1)
            streams = assembly.streams(np.arange(ranks), np.zeros(1, dtype=np.int64))
            assembly.exchange(Packed(traffic, fabric, vector), streams, "background")
        assert first is not None
        return assembly.placed_program()[0], first


def run_jobs(jobs: Jobs, engine: Engine, cross: bool = False) -> Detail:
    """Return the first job, explained, with the others on its links.

    Raises
    ------
    SpecError
        An engine that does not share by flow, or too many messages for it.
    SelfCheckError
        An invariant is violated.
    """
    if not engine.flow:
        raise SpecError("--sharing", "must be flow with other traffic", got=engine.sharing)
    program, streams = jobs.program()
    if len(program.messages) > MOST_MESSAGES[engine.name]:
        rule = f"{engine.name} would execute {len(program.messages):,} messages"
        raise SpecError("--engine", rule, got=engine.name, remedy="use fewer --ranks or less --background")
    execution = execute_program(engine, program, jobs.fabric)
    checks = [*CHECKS]
    if cross:
        second = counterpart(engine)
        check_size(second, len(program.messages))
        other = execute_program(second, program, jobs.fabric)
        checks.append(check_against(engine, execution.rank_ends(program), other.rank_ends(program), second))
    return _told(jobs, engine, program, execution, streams, checks)


def _told(
    jobs: Jobs, engine: Engine, program: Program, execution: Execution, streams: IntArray, checks: list[str]
) -> Detail:
    ends = np.array([_end(program, execution, stream) for stream in streams])
    stream = int(streams[np.argmax(ends)])
    first, end = int(program.first[stream]), int(program.first[stream + 1])
    path = None
    if end > first:
        last = first + int(np.argmax(execution.done_ticks[first:end]))
        path = program_path(program, execution, last=last)
    own = Tally.of(Packed(jobs.schedule, jobs.placement.fabric(jobs.topology, jobs.schedule), jobs.vector))
    return Detail(
        engine=engine.title, makespan_s=np.array([ends.max() / TICKS_PER_SECOND]),
        messages=len(program.messages), rank_end_s=ends / TICKS_PER_SECOND,
        sent_bytes=own.sent_elements * jobs.vector.element_bytes,
        received_bytes=own.received_elements * jobs.vector.element_bytes,
        links=program_usage(jobs.fabric, program, execution.makespan_ticks), path=path, checks=tuple(checks),
    )  # fmt: skip


def _end(program: Program, execution: Execution, stream: int) -> int:
    """Return when a stream is done."""
    done = execution.done_ticks[program.first[stream] : program.first[stream + 1]]
    return int(done.max(initial=0))
