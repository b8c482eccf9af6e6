"""Under which launcher this process runs, and how to start ranks where it runs under none."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nearlinear.models.errors import AbsentError

RANK_VARIABLES = ("PMI_RANK", "OMPI_COMM_WORLD_RANK", "PMIX_RANK", "MV2_COMM_WORLD_RANK", "SLURM_PROCID")
SIZE_VARIABLES = ("PMI_SIZE", "OMPI_COMM_WORLD_SIZE", "PMIX_SIZE", "MV2_COMM_WORLD_SIZE")
GRACE_S = 10.0


@dataclass(frozen=True, slots=True)
class Launched:
    """What came of ranks that were started here: exit status, what they printed, an interruption."""

    status: int
    output: str
    interrupted: bool


def launched_size() -> int | None:
    """Return how many ranks the launcher started, or None outside of one."""
    for name in SIZE_VARIABLES:
        if os.environ.get(name, "").isdecimal():
            return int(os.environ[name])
    if "SLURM_PROCID" in os.environ and os.environ.get("SLURM_STEP_NUM_TASKS", "").isdecimal():
        return int(os.environ["SLURM_STEP_NUM_TASKS"])
    return None


def speaks() -> bool:
    """Return whether this process says what is wrong everywhere: the first rank, or one alone."""
    if launched_size() is None:
        return True
    return next((os.environ[name] for name in RANK_VARIABLES if name in os.environ), "0") == "0"


def require_mpi() -> None:
    """Refuse to go on without mpi4py and its MPI library.

    Raises
    ------
    AbsentError
        Names what to install.
    """
    from importlib.util import find_spec

    if find_spec("mpi4py") is None:
        remedy = "pip install 'nearlinear[mpi]' on a cluster, 'nearlinear[mpi-local]' on a laptop"
        raise AbsentError("measure", "needs mpi4py", remedy=remedy)


def mpiexec() -> str:
    """Return the launcher: the one beside this Python (a wheel's), else the one on the path.

    Raises
    ------
    AbsentError
        There is none.
    """
    beside = Path(sys.executable).parent / "mpiexec"
    found = str(beside) if beside.is_file() else shutil.which("mpiexec")
    if found is None:
        remedy = "load your cluster's MPI module, or pip install 'nearlinear[mpi-local]'"
        raise AbsentError("measure", "needs mpiexec", remedy=remedy)
    return found


def launch(ranks: int, arguments: Sequence[str]) -> Launched:
    """Start ``nearlinear`` with ``arguments`` on so many local ranks and wait for them.

    Progress goes to standard error as it comes; what the ranks print is returned.
    """
    command = [mpiexec(), "-n", str(ranks), sys.executable, "-P", "-m", "nearlinear.cli.app", *arguments]
    with (
        _termination_as_interruption(),
        subprocess.Popen(
            command, stdout=subprocess.PIPE, text=True, env=_environment(), start_new_session=True
        ) as process,
    ):
        try:
            output, _ = process.communicate()
            return Launched(process.returncode, output, False)
        except KeyboardInterrupt:
            return Launched(130, _stop(process), True)


@contextmanager
def _termination_as_interruption() -> Iterator[None]:
    """Let SIGTERM stop the ranks, too: they would go on without their parent."""

    def interrupt(number: int, frame: Any) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _stop(process: subprocess.Popen[str]) -> str:
    """Pass an interruption on, wait for the ranks to close their record, then make sure."""
    os.killpg(process.pid, signal.SIGINT)
    try:
        output, _ = process.communicate(timeout=GRACE_S)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        output, _ = process.communicate()
    return output


def _environment() -> dict[str, str]:
    """Return the environment in which Open MPI, too, starts more ranks than cores, and as root."""
    extra = {"PRTE_MCA_rmaps_default_mapping_policy": ":oversubscribe"}
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        extra |= {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}
    return extra | os.environ
