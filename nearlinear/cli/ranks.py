"""Ranks that a verb starts itself, and an output that is refused before they start."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import typer

RANKS_PER_CORE, WRONG = 32, 5
OWN = ("--launch", "--print-launch", "--nodes", "--per-node")


def prepare_rank() -> None:
    """Give this process its share of the cores, before NumPy is loaded."""
    from nearlinear.measure.environment import cores
    from nearlinear.measure.launcher import share_cores

    share_cores(cores())


@contextmanager
def said_once() -> Iterator[None]:
    """Let one rank alone say what is wrong with options that all of them have."""
    from nearlinear.measure.launcher import speaks
    from nearlinear.models.errors import NearlinearError

    try:
        yield
    except NearlinearError as error:
        if speaks():
            raise
        raise typer.Exit(error.exit_code) from None


def check_new(out: Path) -> None:
    """Refuse an output that cannot be made, before any rank is started.

    Ranks themselves must not: what one of them sees may have changed when the next one looks, and the
    others would wait for it forever. They agree when rank 0 opens the record.
    """
    from nearlinear.measure.launcher import launched_size
    from nearlinear.models.errors import ContentError, SpecError

    if launched_size() is not None:
        return
    if out.suffix != ".jsonl":
        raise SpecError("--out", "must end in .jsonl", got=str(out))
    if out.exists():
        remedy = "choose another --out, or remove it: records are never overwritten"
        raise ContentError("--out", "must be a new file", got=str(out), remedy=remedy)
    if not out.parent.is_dir():
        raise SpecError("--out", "must lie in a folder that is there", got=str(out), remedy="make it first")
    _try_folder(out)


def _try_folder(out: Path) -> None:
    """Write and remove a file beside the output: permissions alone do not tell what a file system takes."""
    from nearlinear.models.errors import ContentError

    probe = out.with_name(f".{out.name}.{os.getpid()}")
    try:
        probe.write_bytes(b"")
        probe.unlink()
    except OSError as error:
        told = f"must lie in a folder that can be written to ({error.strerror})"
        raise ContentError("--out", told, got=str(out)) from None


def launch_ranks(verb: str, ranks: int, out: Path) -> None:
    """Start ranks, pass their result on, and say what is left when they end badly."""
    from nearlinear.cli.output import say
    from nearlinear.measure.launch import launch
    from nearlinear.measure.launch_line import without
    from nearlinear.measure.launcher import launched_size, mpi_vendor, mpiexec, require_mpi
    from nearlinear.measure.records import kept
    from nearlinear.models.errors import IncompleteError, SpecError

    if launched_size() is not None:
        remedy = "leave out mpiexec or --launch"
        raise SpecError("--launch", "starts ranks itself", got=ranks, remedy=remedy)
    most = RANKS_PER_CORE * (os.cpu_count() or 1)
    if not 2 <= ranks <= most:
        raise SpecError("--launch", f"must be 2 to {most} on this host", got=ranks)
    require_mpi()
    starter = mpiexec()
    say(f"starting {ranks} ranks with {starter} ({mpi_vendor()})")
    ended = launch(starter, ranks, without(sys.argv[1:], OWN))
    if ended.status == 0:
        print(ended.output, end="")
        return
    print(ended.output, end="", file=sys.stderr)
    record, told = kept(out, ended.run_id)
    if ended.interrupted:
        print(told, file=sys.stderr)
        raise KeyboardInterrupt
    if ended.status == WRONG and record is not None:
        say(told)
    if ended.status == WRONG or (0 < ended.status <= 8 and record is None):
        raise typer.Exit(ended.status)  # a rank has said why
    if record is not None and record.complete and 0 < ended.status <= 8:
        raise typer.Exit(ended.status)
    raise IncompleteError(verb, f"a rank ended early (status {ended.status}); {told}")
