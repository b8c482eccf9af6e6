"""Whether the MPI library takes GPU memory: what it says, and what a process that tries it comes to.

A library that says yes and cannot do it ends the process (SIGSEGV), so it is tried in another one.
"""

import ctypes
import os
import subprocess
import sys
from collections.abc import Mapping

from nearlinear.measure.launcher import without_launcher

PROBE_S = 120.0
SAID_BY_VARIABLES = {"MPICH_GPU_SUPPORT_ENABLED": "1", "MV2_USE_CUDA": "1", "PSP_CUDA": "1"}


def says_yes() -> bool:
    """Return what the MPI library says of GPU memory, in one of three ways.

    ``MPIX_Query_cuda_support`` (Open MPI, MPICH), variables of libraries that must be told (Cray,
    MVAPICH2, ParaStation), the info key ``mpi_memory_alloc_kinds`` of MPI 4.1.
    """
    return _queried() or _told(os.environ) or "cuda" in _memory_kinds()


def works() -> str | None:
    """Return None where a process can send GPU arrays to itself, else what came of it."""
    command = [sys.executable, "-P", "-m", "nearlinear.measure.transports.cuda_probe"]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=PROBE_S, env=without_launcher(), check=False
        )
    except subprocess.TimeoutExpired:
        return "a message of GPU memory to itself did not arrive"
    if done.returncode == 0:
        return None
    if done.returncode < 0:
        return f"a message of GPU memory to itself ended the process (signal {-done.returncode})"
    return (done.stderr.strip().splitlines() or [f"status {done.returncode}"])[-1]


def _queried() -> bool:
    from mpi4py import MPI

    try:
        query = ctypes.CDLL(MPI.__file__).MPIX_Query_cuda_support
    except (AttributeError, OSError):
        return False
    query.restype = ctypes.c_int
    return bool(query())


def _told(variables: Mapping[str, str]) -> bool:
    return any(variables.get(name) == value for name, value in SAID_BY_VARIABLES.items())


def _memory_kinds() -> str:
    from mpi4py import MPI

    info = MPI.COMM_WORLD.Get_info()
    kinds = info.Get("mpi_memory_alloc_kinds") or ""
    info.Free()
    return str(kinds)


def _send_to_itself() -> int:
    """Return 0 where GPU arrays arrive and are added."""
    import cupy
    from mpi4py import MPI

    comm = MPI.COMM_SELF
    for elements in (1, 1 << 20):
        own, landed, total = (
            cupy.arange(elements),
            cupy.zeros(elements, "int64"),
            cupy.zeros(elements, "int64"),
        )
        cupy.cuda.get_current_stream().synchronize()
        comm.Sendrecv(own, dest=0, recvbuf=landed, source=0)
        comm.Allreduce(landed, total, op=MPI.SUM)
        if not bool((total == own).all()):
            print("a message of GPU memory to itself arrived wrong", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(_send_to_itself())
