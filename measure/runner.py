"""One measuring run under a launcher: from the communicator to the closed record."""

import sys
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar, cast

import numpy as np

from nearlinear.measure.buffers import CHOICES, Buffers, choose_buffers
from nearlinear.measure.environment import clock, host, variables, versions
from nearlinear.measure.launcher import launched_size, require_mpi
from nearlinear.measure.operations import find_operations
from nearlinear.measure.placement import Placement, in_node_order
from nearlinear.measure.records import RecordWriter, Sample
from nearlinear.measure.sampling import Sampling, run_sampling
from nearlinear.measure.transport import MpiTransport
from nearlinear.models.errors import AbsentError, SpecError, TargetError

NAME_BYTES = 128
FEWEST_RANKS = 2

T = TypeVar("T")
Failed = Callable[[BaseException], int]


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasureSpec:
    """What to measure.

    Attributes
    ----------
    operations, algorithms : tuple of str
        ``allreduce``, ``sendrecv``; ``vendor``, names of the registry, or ``all``.
    sampling : Sampling
        Sizes, repetitions, budget.
    buffers : {"auto", "host", "cuda"}
        Where vectors live.
    out : Path
        New record file.
    """

    operations: tuple[str, ...]
    algorithms: tuple[str, ...]
    sampling: Sampling
    buffers: str
    out: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What a run gave, on rank 0: its samples and why it ended; nothing on other ranks."""

    rank: int
    samples: tuple[Sample, ...]
    reason: str


def log_sizes(smallest: int, largest: int, per_octave: int = 1) -> tuple[int, ...]:
    """Return sizes spaced evenly in logarithm, multiples of 8 bytes, both ends included.

    Examples
    --------
    >>> log_sizes(1024, 8192)
    (1024, 2048, 4096, 8192)
    """
    octaves = np.log2(largest / smallest)
    count = round(octaves * per_octave) + 1
    sizes = smallest * 2 ** np.linspace(0.0, octaves, max(count, 2))
    return tuple(sorted({max(round(size / 8) * 8, 8) for size in sizes}))


def measure(spec: MeasureSpec, failed: Failed) -> Measured:
    """Measure under a launcher; every rank calls this.

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
        Fewer than two ranks, or the launcher started more processes than MPI joined.
    AbsentError
        No MPI, or no GPU where one was asked for.
    TargetError
        A collective gave a wrong result; the record says which.
    """
    require_mpi()
    from mpi4py import MPI

    _check_size(MPI.COMM_WORLD.Get_size())
    comm = in_node_order(MPI.COMM_WORLD)
    placement = Placement.of(comm)
    transport = MpiTransport(comm, _same_buffers(comm, spec, placement))
    operations = _everywhere(comm, lambda: find_operations(spec.operations, spec.algorithms, placement))
    device = _everywhere(comm, lambda: transport.buffers.device() or host()["processor"])
    header = _header(transport, spec, placement, device)
    writer = _everywhere(comm, lambda: _Keeper(spec.out, header) if transport.rank == 0 else None)
    with _together(comm, writer, failed):
        reason = run_sampling(
            transport, operations, spec.sampling, placement, writer.keep if writer else _drop, _progress
        )
    if writer is None:
        return Measured(rank=transport.rank, samples=(), reason=reason)
    writer.file.end(complete=True, reason=reason)
    _check_correct(writer.samples, spec.out)
    return Measured(rank=0, samples=tuple(writer.samples), reason=reason)


def _everywhere(comm: Any, step: Callable[[], T]) -> T:
    """Return what a step gives on this rank; where it fails on any, the first such rank says so alone."""
    from mpi4py import MPI

    error, value = None, None
    try:
        value = step()
    except Exception as failure:
        error = failure
    first = np.array([comm.Get_size() if error is None else comm.Get_rank()], dtype=np.int64)
    comm.Allreduce(MPI.IN_PLACE, first, op=MPI.MIN)
    if error is not None and first[0] == comm.Get_rank():
        raise error
    if first[0] < comm.Get_size():
        raise SystemExit(0)
    return cast("T", value)


def _same_buffers(comm: Any, spec: MeasureSpec, placement: Placement) -> Buffers:
    """Return the buffers of this rank, which must be of one kind on all."""
    from mpi4py import MPI

    rank = comm.Get_rank()
    local_rank = placement.node_of[:rank].count(placement.node_of[rank])
    buffers = _everywhere(comm, lambda: choose_buffers(spec.buffers, local_rank))
    ends = np.array([CHOICES.index(buffers.name), -CHOICES.index(buffers.name)], dtype=np.int64)
    comm.Allreduce(MPI.IN_PLACE, ends, op=MPI.MIN)

    def check() -> None:
        if ends[0] != -ends[1]:
            remedy = "say --buffers host, or leave out the nodes without a GPU"
            raise AbsentError("--buffers", "some ranks have a GPU and some have none", remedy=remedy)

    _everywhere(comm, check)
    return buffers


@contextmanager
def _together(comm: Any, writer: "_Keeper | None", failed: Failed) -> Iterator[None]:
    """End all ranks when one cannot go on: the others would wait for it forever."""
    try:
        yield
    except BaseException as error:
        try:
            if writer:
                writer.close(error)
        finally:
            comm.Abort(failed(error))


class _Keeper:
    """Writes samples and keeps them for the final table."""

    def __init__(self, path: Path, header: Mapping[str, Any]) -> None:
        self.samples: list[Sample] = []
        self.file = RecordWriter(path, header)

    def keep(self, sample: Sample) -> None:
        self.file.add(sample)
        self.samples.append(sample)

    def close(self, error: BaseException) -> None:
        """Say that the run was interrupted; a record without a sample is of no use."""
        if isinstance(error, KeyboardInterrupt):
            self.file.end(complete=False, reason="interrupted")
        elif not self.samples:
            self.file.discard()


def _drop(sample: Sample) -> None:
    """Other ranks keep nothing."""


def _progress(line: str) -> None:
    if sys.stderr.isatty():
        print(f"\r\x1b[K{line}", end="", file=sys.stderr, flush=True)


def _check_size(ranks: int) -> None:
    started = launched_size()
    if started is not None and started != ranks:
        raise SpecError(
            "measure",
            f"the launcher started {started} processes but MPI joined {ranks}",
            remedy="use the mpiexec of the MPI that mpi4py was built for",
        )
    if ranks < FEWEST_RANKS:
        remedy = "mpiexec -n 2 nearlinear measure ..., or nearlinear measure --launch 2"
        raise SpecError("measure", f"needs at least {FEWEST_RANKS} ranks", got=ranks, remedy=remedy)


def _header(transport: MpiTransport, spec: MeasureSpec, placement: Placement, device: str) -> dict[str, Any]:
    from mpi4py import MPI

    here, library = host(), MPI.Get_library_version()
    return {
        "run_id": uuid.uuid4().hex,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "hosts": _names(transport, here["name"]),
        "devices": _names(transport, device),
        "host": here,
        "ranks": transport.ranks,
        "nodes": placement.nodes,
        "ranks_per_node": list(placement.ranks_per_node),
        "transport": transport.name,
        "versions": versions() | {"mpi": " ".join(library.split())[:200]},
        "environment": variables(),
        "clock": clock(),
        "command": ["nearlinear", *sys.argv[1:]],
        "sizes": list(spec.sampling.sizes),
        "budget_s": spec.sampling.budget_s,
        "seed": spec.sampling.seed,
    }


def _names(transport: MpiTransport, name: str) -> list[str]:
    """Return the names of all ranks on rank 0."""
    encoded = np.zeros(NAME_BYTES, dtype=np.uint8)
    raw = name.encode()[:NAME_BYTES]
    encoded[: len(raw)] = np.frombuffer(raw, dtype=np.uint8)
    everyone = transport.gather(encoded)
    if everyone is None:
        return []
    return [bytes(row).rstrip(b"\0").decode(errors="replace") for row in everyone]


def _check_correct(samples: list[Sample], path: Path) -> None:
    wrong = sorted({(s.operation, s.algorithm, s.size_bytes) for s in samples if s.correct is False})
    if wrong:
        operation, algorithm, size = wrong[0]
        raise TargetError(
            str(path),
            f"{len(wrong)} measured results are wrong, first {operation}/{algorithm} at {size} bytes",
            remedy="do not use these numbers; check the MPI library and the network",
        )
