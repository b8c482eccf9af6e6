"""``nearlinear measure``: under mpiexec or srun, or starting ranks itself with ``--launch``."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nearlinear.cli import measuring
from nearlinear.cli.options import JSON
from nearlinear.cli.ranks import OWN, check_new, launch_ranks, prepare_rank, said_once

if TYPE_CHECKING:
    from nearlinear.measure.runner import Measured, MeasureSpec


def measure(
    out: measuring.OUT = "run.jsonl",
    ops: measuring.OPS = "allreduce,sendrecv",
    algorithms: measuring.ALGORITHMS = "vendor,ring,tree,recursive-doubling",
    sizes: measuring.SIZES = "1K..16M",
    per_octave: measuring.PER_OCTAVE = 1,
    dtype: measuring.DTYPE = "float32",
    wire: measuring.WIRE = "same",
    placement: measuring.PLACEMENT = "both",
    mode: measuring.MODE = "individual",
    repetitions: measuring.REPETITIONS = 20,
    most: measuring.MOST = 0,
    precision: measuring.PRECISION = "2%",
    budget: measuring.BUDGET = "60s",
    start: measuring.START = "barrier",
    seed: measuring.SEED = 0,
    transport: measuring.TRANSPORT = "auto",
    waiting: measuring.WAITING = "auto",
    ranks_sweep: measuring.RANKS_SWEEP = "",
    share_gpu: measuring.SHARE_GPU = False,
    launch: measuring.LAUNCH = 0,
    print_launch: measuring.PRINT_LAUNCH = "",
    nodes: measuring.NODES = 0,
    per_node: measuring.PER_NODE = 0,
    as_json: JSON = False,
) -> None:
    """Measure collectives, messages and kernels on a live cluster, under mpiexec, srun or --launch N."""
    asked = dict(locals())
    prepare_rank()
    from nearlinear.measure.launcher import launched_size
    from nearlinear.models.errors import SpecError

    with said_once():
        spec = measuring.measure_spec(**{name: asked[name] for name in measuring.SPEC})
        if print_launch:
            _print_launch(print_launch, nodes or 1, per_node or 2, spec)
            return
        if nodes or per_node:
            raise SpecError("--nodes", "and --per-node belong to --print-launch", got=nodes or per_node)
        check_new(spec.out)
    if launch:
        launch_ranks("measure", launch, spec.out)
        return
    if launched_size() is None and spec.wanted.needs_ranks:
        remedy = (
            "mpiexec -n 8 nearlinear measure ..., srun nearlinear measure ..., or --launch 2 on this host"
        )
        raise SpecError("measure", "needs ranks to measure between", got=1, remedy=remedy)
    _run(spec, as_json)


def _print_launch(launcher: str, nodes: int, per_node: int, spec: "MeasureSpec") -> None:
    from nearlinear.measure.launch_line import LAUNCHERS, LaunchPlan, launch_text, without
    from nearlinear.measure.launcher import MPICH, mpi_vendor
    from nearlinear.models.option import one_of

    name = one_of(*LAUNCHERS)(launcher, "--print-launch")
    plan = LaunchPlan(
        command=(_program(), *without(sys.argv[1:], OWN), *_job_out(name)), nodes=nodes, per_node=per_node,
        gpus=spec.transport in ("staged", "cuda", "nccl"), vendor=_vendor(mpi_vendor) or MPICH,
        budget_s=spec.sampling.budget_s,
    )  # fmt: skip
    print(launch_text(name, plan))


def _program() -> str:
    """Return the command with its path, because jobs start without this environment."""
    beside = Path(sys.executable).with_name("nearlinear")
    return str(beside) if beside.exists() else "nearlinear"


def _job_out(launcher: str) -> tuple[str, ...]:
    """Return an output with the number of the job, so that the same script can run again."""
    given = any(argument.split("=")[0] in ("--out", "-o") for argument in sys.argv)
    return () if given or launcher != "slurm-script" else ("--out", "run-$SLURM_JOB_ID.jsonl")


def _vendor(ask: Any) -> str:
    """Return whose MPI is installed, empty where there is none: the cluster may have another Python."""
    try:
        return str(ask())
    except (ImportError, RuntimeError):
        return ""


def _run(spec: "MeasureSpec", as_json: bool) -> None:
    """Measure as one of the ranks; rank 0 prints."""
    from nearlinear.cli.failure import failed
    from nearlinear.cli.output import warn
    from nearlinear.measure.runner import measure as run

    measured = run(spec, failed)
    if measured.rank:
        return
    warn(measured.notes)
    _print(measured, spec.out, as_json)


def _print(measured: "Measured", out: Path, as_json: bool) -> None:
    from nearlinear.cli.output import print_document
    from nearlinear.reports.measured import summaries
    from nearlinear.reports.measured_tables import measured_text

    if as_json:
        rows = [row.plain() for row in summaries(measured.samples)]
        result = {"ended": measured.reason, "operations": rows}
        print_document("measurement", {"record": str(out)}, result, measured.notes)
        return
    print(measured_text(measured.samples))
    spent = " (the budget is spent)" if measured.reason == "budget" else ""
    print(f"\nwrote {out}: {len(measured.samples)} samples{spent}")
    print(f"Next: {_next(measured, out)}")


FEWEST_SIZES = 4  # that a fit of latency and bandwidth takes


def _next(measured: "Measured", out: Path) -> str:
    """Return what to do with the record: calibrate where it can be."""
    links = [s for s in measured.samples if s.operation in ("allreduce", "sendrecv") and not s.wire_dtype]
    if len({s.size_bytes for s in links}) >= FEWEST_SIZES:
        return f"nearlinear calibrate {out} -o profile.toml"
    return f"nearlinear records show {out}"
