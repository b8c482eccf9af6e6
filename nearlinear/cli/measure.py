"""``nearlinear measure``: under mpiexec, or starting ranks itself with ``--launch``."""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nearlinear.cli.options import JSON

if TYPE_CHECKING:
    from nearlinear.measure.records import Sample
    from nearlinear.measure.runner import MeasureSpec

RANKS_PER_CORE = 32
HOW = "How"


def measure(
    out: Annotated[
        str, typer.Option("--out", "-o", metavar="FILE", help="New record file (.jsonl); never overwritten.")
    ] = "run.jsonl",
    ops: Annotated[
        str, typer.Option("--ops", metavar="LIST", help="allreduce, sendrecv.")
    ] = "allreduce,sendrecv",
    algorithms: Annotated[
        str, typer.Option("--algorithms", metavar="LIST", help="vendor, ring, tree, ps … or all.")
    ] = "vendor,ring,tree,recursive-doubling",
    sizes: Annotated[str, typer.Option("--sizes", metavar="RANGE", help="Vector sizes.")] = "1K..16M",
    per_octave: Annotated[int, typer.Option("--per-octave", min=1, help="Sizes per doubling.")] = 1,
    repetitions: Annotated[int, typer.Option("--repetitions", min=1, help="Samples per size.")] = 20,
    budget: Annotated[str, typer.Option("--budget", metavar="TIME", help="Time for everything.")] = "60s",
    dtype: Annotated[str, typer.Option("--dtype", help="float32 or float64.")] = "float32",
    buffers: Annotated[
        str, typer.Option("--buffers", help="auto, host or cuda.", rich_help_panel=HOW)
    ] = "auto",
    launch: Annotated[
        int, typer.Option("--launch", min=0, metavar="N", help="Start N local ranks.", rich_help_panel=HOW)
    ] = 0,
    seed: Annotated[
        int, typer.Option("--seed", min=0, help="Of the order of sizes.", rich_help_panel=HOW)
    ] = 0,
    as_json: JSON = False,
) -> None:
    """Measure collectives and messages on a live cluster, under mpiexec or with --launch N."""
    from nearlinear.measure.launcher import launched_size, speaks
    from nearlinear.models.errors import NearlinearError, SpecError

    try:
        spec = _spec(ops, algorithms, sizes, per_octave, repetitions, budget, dtype, buffers, seed, out)
    except NearlinearError as error:
        if speaks():
            raise
        raise typer.Exit(error.exit_code) from None
    if launch and launched_size() is not None:
        raise SpecError("--launch", "starts ranks itself", got=launch, remedy="leave out mpiexec or --launch")
    if launch:
        _launch(launch, Path(out), as_json)
        return
    if launched_size() is None:
        remedy = (
            "mpiexec -n 8 nearlinear measure ..., srun nearlinear measure ..., or --launch 2 on this host"
        )
        raise SpecError("measure", "needs ranks to measure between", got=1, remedy=remedy)
    _run(spec, as_json)


def _spec(
    ops: str, algorithms: str, sizes: str, per_octave: int, repetitions: int, budget: str, dtype: str,
    buffers: str, seed: int, out: str,
) -> "MeasureSpec":  # fmt: skip
    from nearlinear.measure.buffers import CHOICES
    from nearlinear.measure.operations import check_names
    from nearlinear.measure.runner import MeasureSpec, log_sizes
    from nearlinear.measure.sampling import Sampling
    from nearlinear.models.errors import SpecError
    from nearlinear.models.option import one_of
    from nearlinear.models.units import parse_duration, parse_size_range

    smallest, largest = parse_size_range(sizes, "--sizes")
    budget_s = parse_duration(budget, "--budget")
    if budget_s <= 0:
        raise SpecError("--budget", "must be > 0", got=budget)
    if smallest < 1:
        raise SpecError("--sizes", "must be at least one byte", got=sizes, remedy="write 1K..16M")
    names, how = _words(ops), _words(algorithms)
    check_names(names, how)
    _check_new(Path(out))
    return MeasureSpec(
        operations=names,
        algorithms=how,
        sampling=Sampling(
            sizes=log_sizes(int(smallest), int(largest), per_octave),
            dtype=one_of("float32", "float64")(dtype, "--dtype"),
            repetitions=repetitions,
            budget_s=budget_s,
            seed=seed,
        ),
        buffers=one_of(*CHOICES)(buffers, "--buffers"),
        out=Path(out),
    )


def _words(text: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in text.split(",") if word.strip())


def _check_new(out: Path) -> None:
    """Refuse an output that cannot be made, before any rank is started."""
    from nearlinear.models.errors import ContentError, SpecError

    if out.exists():
        remedy = "choose another --out, or remove it: records are never overwritten"
        raise ContentError("--out", "must be a new file", got=str(out), remedy=remedy)
    if not out.parent.is_dir():
        raise SpecError("--out", "must lie in a folder that is there", got=str(out), remedy="make it first")


def _launch(ranks: int, out: Path, as_json: bool) -> None:
    """Start ranks, pass their result on, and say what is left when they end badly."""
    from nearlinear.measure.launcher import launch, require_mpi
    from nearlinear.models.errors import IncompleteError, SpecError

    most = RANKS_PER_CORE * (os.cpu_count() or 1)
    if not 2 <= ranks <= most:
        raise SpecError("--launch", f"must be 2 to {most} on this host", got=ranks)
    require_mpi()
    ended = launch(ranks, _without_launch(sys.argv[1:]))
    if ended.status == 0:
        print(ended.output, end="")
        return
    print(ended.output, end="", file=sys.stderr)
    kept = _kept(out)
    if ended.interrupted:
        print(kept, file=sys.stderr)
        raise KeyboardInterrupt
    if 0 < ended.status < 8 and not out.exists():
        raise typer.Exit(ended.status)  # a rank has said why
    if _ended(out) and 0 < ended.status <= 8:
        raise typer.Exit(ended.status)
    raise IncompleteError("measure", f"a rank ended early (status {ended.status}); {kept}")


def _without_launch(arguments: list[str]) -> list[str]:
    """Return the arguments for the ranks."""
    rest, skip = [], False
    for argument in arguments:
        if skip or argument == "--launch" or argument.startswith("--launch="):
            skip = argument == "--launch" and not skip
            continue
        rest.append(argument)
    return rest


def _kept(out: Path) -> str:
    from nearlinear.measure.records import read_record

    if not out.exists():
        return "nothing was measured"
    return f"{len(read_record(out).samples)} samples are kept in {out}"


def _ended(out: Path) -> bool:
    from nearlinear.measure.records import read_record

    return out.exists() and read_record(out).complete


def _run(spec: "MeasureSpec", as_json: bool) -> None:
    """Measure as one of the ranks; rank 0 prints."""
    from nearlinear.cli.failure import failed
    from nearlinear.measure.runner import measure as run

    measured = run(spec, failed)
    if measured.rank:
        return
    _print(measured.samples, spec.out, measured.reason, as_json)


def _print(samples: tuple["Sample", ...], out: Path, reason: str, as_json: bool) -> None:
    import numpy as np

    from nearlinear.cli.output import print_document, print_table
    from nearlinear.measure.records import samples_by
    from nearlinear.models.units import format_size

    rows, plain = [], []
    for (operation, algorithm, ranks, nodes, size), group in samples_by(
        samples, "operation", "algorithm", "ranks", "nodes", "size_bytes"
    ).items():
        times = np.array([sample.time_s for sample in group])
        low, median, high = np.percentile(times, [5, 50, 95])
        bus = (2 * (ranks - 1) / ranks if operation == "allreduce" else 1.0) * size / median
        plain.append({
            "operation": operation, "algorithm": algorithm, "ranks": ranks, "nodes": nodes,
            "size_bytes": size, "samples": len(group),
            "time_s": {"median": median, "low": low, "high": high}, "bus_bandwidth_bytes_per_s": bus,
        })  # fmt: skip
        key = (operation, algorithm, ranks, nodes, size)
        spread = f"{low * 1e6:.1f} - {high * 1e6:.1f}"
        rows.append((key, [operation, algorithm, f"{ranks} on {nodes}", format_size(size), str(len(group)),
                           f"{median * 1e6:.1f}", spread, f"{bus / 1e9:.3f}"]))  # fmt: skip
    if as_json:
        print_document("measurement", {"record": str(out)}, {"ended": reason, "operations": plain})
        return
    columns = ["operation", "algorithm", "ranks on nodes", "size", "n", "time us", "5 - 95 %", "busbw GB/s"]
    print_table(columns, [row for _, row in sorted(rows)], left=(0, 1))
    spent = " (the budget is spent)" if reason == "budget" else ""
    print(f"\nwrote {out}: {len(samples)} samples{spent}")
    print(f"Next: nearlinear calibrate {out} -o profile.toml")
