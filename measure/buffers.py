"""Arrays that messages are made of: NumPy on the host, CuPy where the MPI library takes GPU memory."""

import ctypes
from typing import Any

import numpy as np

from nearlinear.models.errors import AbsentError

CHOICES = ("auto", "host", "cuda")


class Buffers:
    """Where arrays live and when they are ready.

    Attributes
    ----------
    name : str
        ``host`` or ``cuda``.
    arrays : module
        NumPy, or CuPy with the same functions.
    """

    def __init__(self, name: str, arrays: Any) -> None:
        self.name, self.arrays = name, arrays

    def ready(self) -> None:
        """Wait until everything asked of the device is done.

        MPI touches GPU memory outside of CuPy's stream, so this is called before every message.
        """
        if self.name == "cuda":
            self.arrays.cuda.get_current_stream().synchronize()

    def device(self) -> str:
        """Return the name of the device, empty on the host."""
        if self.name != "cuda":
            return ""
        number = self.arrays.cuda.runtime.getDevice()
        return str(self.arrays.cuda.runtime.getDeviceProperties(number)["name"].decode())


def choose_buffers(wanted: str, local_rank: int) -> Buffers:
    """Return host or GPU buffers.

    Parameters
    ----------
    wanted : {"auto", "host", "cuda"}
        ``auto`` takes the GPU only where a device and a CUDA-aware MPI are there.
    local_rank : int
        Chooses the device where a node has several.

    Raises
    ------
    AbsentError
        ``cuda`` was asked for and something is missing; says what.
    """
    if wanted == "host":
        return Buffers("host", np)
    missing = _missing()
    if missing is None:
        import cupy

        cupy.cuda.Device(local_rank % cupy.cuda.runtime.getDeviceCount()).use()
        return Buffers("cuda", cupy)
    if wanted == "cuda":
        raise AbsentError("--buffers", missing, got="cuda", remedy="use --buffers host")
    return Buffers("host", np)


def _missing() -> str | None:
    """Return what GPU buffers lack here, or None."""
    from importlib.util import find_spec

    if find_spec("cupy") is None:
        return "needs CuPy (pip install 'nearlinear[gpu]')"
    import cupy

    if not cupy.cuda.is_available():
        return "needs a CUDA device and driver"
    return None if cuda_aware_mpi() else "needs a CUDA-aware MPI (MPIX_Query_cuda_support says no)"


def cuda_aware_mpi() -> bool:
    """Return what the MPI library itself says about GPU memory."""
    from mpi4py import MPI

    try:
        query = ctypes.CDLL(MPI.__file__).MPIX_Query_cuda_support
    except (AttributeError, OSError):
        return False
    query.restype = ctypes.c_int
    return bool(query())
