"""The command that starts a measurement on a cluster, for people to copy."""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass

from nearlinear.measure.launcher import FAMILY, OPEN_MPI

LAUNCHERS = ("mpiexec", "srun", "slurm-script")
SPARE_S = 300.0  # for starting up and closing down, beside the budget


@dataclass(frozen=True, slots=True, kw_only=True)
class LaunchPlan:
    """What to start, and where.

    Attributes
    ----------
    command : tuple of str
        With its options.
    nodes, per_node : int
        Machines, and ranks on each.
    gpus : bool
        Whether each rank has a GPU.
    vendor : str
        Whose MPI it is.
    budget_s : float
        Time that the command takes.
    """

    command: tuple[str, ...]
    nodes: int
    per_node: int
    gpus: bool
    vendor: str
    budget_s: float


def launch_text(launcher: str, plan: LaunchPlan) -> str:
    """Return the command line, or the job script, of a launcher."""
    return {"mpiexec": _mpiexec, "srun": _srun, "slurm-script": _script}[launcher](plan)


def _command(plan: LaunchPlan) -> str:
    """Return the command quoted, but for the number of the job, which the shell puts in."""
    return " ".join(word if word.startswith("run-$") else shlex.quote(word) for word in plan.command)


def _mpiexec(plan: LaunchPlan) -> str:
    ranks = plan.nodes * plan.per_node
    open_mpi = plan.vendor == OPEN_MPI
    where = f"--map-by ppr:{plan.per_node}:node --bind-to core" if open_mpi else f"-ppn {plan.per_node}"
    return f"mpiexec -n {ranks} {where} {_command(plan)}"


def _srun(plan: LaunchPlan) -> str:
    wireup = "pmix" if FAMILY.get(plan.vendor, plan.vendor) == OPEN_MPI else "pmi2"
    words = [f"--nodes={plan.nodes}", f"--ntasks-per-node={plan.per_node}", f"--mpi={wireup}"]
    words += ["--cpu-bind=cores"] + (["--gpus-per-task=1"] if plan.gpus else [])
    return " ".join(["srun", *words, _command(plan)])


def _script(plan: LaunchPlan) -> str:
    minutes = -(-int(plan.budget_s + SPARE_S) // 60)
    options = [
        "--job-name=nearlinear",
        f"--nodes={plan.nodes}",
        f"--ntasks-per-node={plan.per_node}",
        *([f"--gpus-per-node={plan.per_node}"] if plan.gpus else []),
        f"--time={minutes // 60:02d}:{minutes % 60:02d}:00",
        "--exclusive",
        "--output=nearlinear-%j.log",
    ]
    lines = ["#!/bin/sh", *(f"#SBATCH {option}" for option in options), "set -e", _srun(plan)]
    return "\n".join(lines)


def without(arguments: Sequence[str], options: Sequence[str]) -> list[str]:
    """Return arguments without some options and their values."""
    rest, skip = [], False
    for argument in arguments:
        if skip:
            skip = False
        elif argument in options:
            skip = True
        elif not any(argument.startswith(f"{option}=") for option in options):
            rest.append(argument)
    return rest
