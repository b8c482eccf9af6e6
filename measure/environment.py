"""Where a measurement was made: host, processor, versions, and the few variables that matter.

Never the whole environment, which leaks secrets.
"""

import os
import platform
import subprocess
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

PREFIXES = ("NCCL_", "UCX_", "OMPI_MCA_", "MPIR_CVAR_", "FI_", "I_MPI_", "MPICH_", "MV2_")
NAMES = (
    "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_PROC_BIND", "OMP_PLACES",
    "CUDA_VISIBLE_DEVICES", "SLURM_JOB_ID", "SLURM_JOB_NUM_NODES", "SLURM_NTASKS", "SLURM_NTASKS_PER_NODE",
    "SLURM_JOB_PARTITION", "SLURM_CPUS_PER_TASK", "SLURM_JOB_NODELIST", "SLURM_GPUS_ON_NODE",
    "SLURM_TOPOLOGY_ADDR", "SLURM_MPI_TYPE",
)  # fmt: skip
SECRET = ("KEY", "TOKEN", "SECRET", "PASS", "CREDENTIAL")
PACKAGES = (
    "nearlinear", "numpy", "mpi4py", "mpich", "openmpi", "impi-rt", "cupy-cuda12x", "cupy-cuda13x",
    "nvidia-nccl-cu12", "nvidia-nccl-cu13", "torch",
)  # fmt: skip
SMI_S, TOPOLOGY_CHARACTERS = 20.0, 20_000


def variables() -> dict[str, str]:
    """Return the variables that change how messages move, and the facts of a Slurm job."""
    return {
        name: value
        for name, value in sorted(os.environ.items())
        if (name.startswith(PREFIXES) or name in NAMES) and not any(word in name.upper() for word in SECRET)
    }


def versions() -> dict[str, str]:
    """Return versions of Python and of the packages that are installed."""
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def host() -> dict[str, Any]:
    """Return name, kernel, processor and cores of this host."""
    return {
        "name": platform.node(),
        "system": f"{platform.system()} {platform.release()}",
        "processor": _processor(),
        "cores": cores(),
        "affinity": sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None,
    }


def cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def own_cores() -> str:
    """Return the cores that this process may use, with commas between."""
    if hasattr(os, "sched_getaffinity"):
        return ",".join(str(core) for core in sorted(os.sched_getaffinity(0)))
    return ",".join(str(core) for core in range(os.cpu_count() or 1))


def graphics() -> dict[str, str]:
    """Return driver and link matrix of the GPUs as ``nvidia-smi`` tells them; empty without it."""
    asked = {
        "driver": ["--query-gpu=driver_version", "--format=csv,noheader"],
        "topology": ["topo", "-m"],
    }
    told = {name: _smi(arguments) for name, arguments in asked.items()}
    return {name: text[:TOPOLOGY_CHARACTERS] for name, text in told.items() if text}


def clock() -> dict[str, Any]:
    """Return the clock that samples are taken with, and its tick."""
    info = time.get_clock_info("perf_counter")
    return {"name": info.implementation, "tick_s": info.resolution, "global": False}


def _smi(arguments: list[str]) -> str:
    try:
        done = subprocess.run(
            ["nvidia-smi", *arguments], capture_output=True, text=True, timeout=SMI_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()
