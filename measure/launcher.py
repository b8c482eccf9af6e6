"""Under which launcher this process runs, and which launcher fits the MPI that is installed."""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from nearlinear.models.errors import AbsentError, SpecError

RANK_VARIABLES = ("PMI_RANK", "OMPI_COMM_WORLD_RANK", "PMIX_RANK", "MV2_COMM_WORLD_RANK", "SLURM_PROCID")
SIZE_VARIABLES = ("PMI_SIZE", "OMPI_COMM_WORLD_SIZE", "PMIX_SIZE", "MV2_COMM_WORLD_SIZE")
# Whoever finds these in its environment may take itself for a rank of an MPI job.
OF_LAUNCHERS = (
    "PMI", "OMPI_COMM_WORLD", "OMPI_UNIVERSE", "OMPI_APP", "OMPI_NUM_APP", "OMPI_FIRST_RANKS", "OMPI_ARGV",
    "OMPI_COMMAND", "OMPI_FILE_LOCATION", "OMPI_MCA_orte", "OMPI_MCA_ess", "OMPI_MCA_pmix", "PRTE", "SLURM_",
    "HYDRA", "HYDI", "PALS_", "MPI_LOCAL", "MV2_COMM_",
)  # fmt: skip
LOCAL_SIZE_VARIABLES = (
    "MPI_LOCALNRANKS", "OMPI_COMM_WORLD_LOCAL_SIZE", "MV2_COMM_WORLD_LOCAL_SIZE", "SLURM_STEP_TASKS_PER_NODE",
)  # fmt: skip
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
MPICH, OPEN_MPI = "MPICH", "Open MPI"
FAMILY = {"Intel MPI": MPICH, "MVAPICH2": MPICH, "MVAPICH": MPICH, "Cray MPI": MPICH}
SPOKEN = {"HYDRA": MPICH, "Open MPI": OPEN_MPI, "OpenRTE": OPEN_MPI, "PRRTE": OPEN_MPI, "Intel": MPICH}


def launched_size() -> int | None:
    """Return how many ranks the launcher started, or None outside of one."""
    for name in SIZE_VARIABLES:
        if os.environ.get(name, "").isdecimal():
            return int(os.environ[name])
    tasks = os.environ.get("SLURM_STEP_NUM_TASKS", "")
    if "SLURM_PROCID" in os.environ and tasks.isdecimal() and int(tasks) > 1:
        return int(tasks)  # one task is a shell that people work in
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


def local_ranks() -> int:
    """Return how many ranks of this run share the node, as far as the launcher tells; 1 otherwise."""
    for name in LOCAL_SIZE_VARIABLES:
        first = os.environ.get(name, "").partition("(")[0]
        if first.isdecimal():
            return int(first)
    return 1


def share_cores(cores: int) -> None:
    """Give each rank its share of the cores for threads of its own, unless the user has said otherwise.

    Else each rank takes all of them for a product of matrices. Libraries read this when they are loaded,
    so it must come before NumPy.
    """
    if launched_size() is not None and local_ranks() > 1:
        for name in THREADS:
            os.environ.setdefault(name, str(max(cores // local_ranks(), 1)))


def without_launcher(variables: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return the environment without what makes a process a rank: for helpers that must not join MPI."""
    return {name: value for name, value in variables.items() if not name.startswith(OF_LAUNCHERS)}


def mpi_vendor() -> str:
    """Return which MPI mpi4py was built for (or runs with), without starting it."""
    import mpi4py

    mpi4py.rc.initialize = False
    from mpi4py import MPI

    return str(MPI.get_vendor()[0])


def mpiexec_vendor(path: str) -> str:
    """Return whose launcher a program is, empty where it does not say."""
    try:
        done = subprocess.run([path, "--version"], capture_output=True, text=True, timeout=30, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    told = done.stdout + done.stderr
    return next((vendor for word, vendor in SPOKEN.items() if word in told), "")


def require_matching(path: str) -> None:
    """Refuse a launcher of another MPI: its processes would fail to start, or not find each other.

    Raises
    ------
    SpecError
        Says whose both are.
    """
    theirs, ours = mpiexec_vendor(path), mpi_vendor()
    if theirs and FAMILY.get(ours, ours) != theirs:
        raise SpecError(
            "measure",
            f"mpi4py was built for {ours}, and {path} is of {theirs}",
            remedy=f"put the mpiexec of {ours} first on the path",
        )


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
