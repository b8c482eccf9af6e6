"""Which transport a run uses: the one asked for, or the best that every rank has."""

from collections.abc import Callable
from typing import Any

import numpy as np

from nearlinear.measure.agreement import everywhere, lowest
from nearlinear.measure.sanity import check_devices, shared_devices
from nearlinear.measure.transports import cuda_probe
from nearlinear.measure.transports.buffers import HOST, Buffers, device_buffers, missing_device
from nearlinear.measure.transports.mpi import MpiTransport
from nearlinear.measure.transports.staged import StagedTransport
from nearlinear.measure.transports.transport import Transport
from nearlinear.models.errors import AbsentError

NAMES = ("host", "staged", "cuda", "nccl")  # from what everybody has to what is best
CHOICES = ("auto", *NAMES)
WHERE = "--transport"


def choose_transport(wanted: str, comm: Any, local_rank: int, waiting: str, share_gpu: bool) -> Transport:
    """Return the transport of a run; all ranks call this and get one of the same kind.

    Parameters
    ----------
    wanted : {"auto", "host", "staged", "cuda", "nccl"}
        ``auto`` takes the host where no rank has a device, else NCCL where each has one of its own, else
        a CUDA-aware MPI that was seen to work, else staging through the host.
    local_rank : int
        Chooses the device where a node has several.
    share_gpu : bool
        Whether ranks may share one.

    Raises
    ------
    AbsentError
        What was asked for is missing, or only some ranks have a device; says what.
    SpecError
        Ranks share a GPU and must not.
    """
    if wanted != "auto":
        everywhere(comm, lambda: _require(wanted))
    if wanted == "host" or (wanted == "auto" and not _all_have_devices(comm)):
        return MpiTransport(comm, HOST, waiting)
    buffers = everywhere(comm, lambda: device_buffers(local_rank))
    shared = shared_devices(comm, buffers)
    best = everywhere(comm, lambda: _best(one_each=not shared))
    name = wanted if wanted != "auto" else NAMES[lowest(comm, NAMES.index(best))]
    everywhere(comm, lambda: check_devices(shared, name, share_gpu))
    return everywhere(comm, lambda: _made(name, comm, buffers, waiting))


def _made(name: str, comm: Any, buffers: Buffers, waiting: str) -> Transport:
    if name == "staged":
        return StagedTransport(comm, buffers, waiting)
    if name == "cuda":
        return MpiTransport(comm, buffers, waiting)
    from nearlinear.measure.transports.nccl import NcclTransport

    return NcclTransport(comm, buffers, waiting)


def library_sums(transport: Transport, storage: str, native: bool) -> bool:
    """Return whether the library behind a transport adds elements of a type."""
    if transport.name == "nccl":
        return True
    if not native:
        return False
    from mpi4py import MPI

    one, total = np.ones(1, dtype=storage), np.zeros(1, dtype=storage)
    try:
        MPI.COMM_SELF.Allreduce(one, total, op=MPI.SUM)
    except (KeyError, TypeError, ValueError, MPI.Exception):
        return False
    return bool(total[0] == 1)


def _all_have_devices(comm: Any) -> bool:
    """Return whether every rank has a device; some with one and some without is an error."""
    here = int(missing_device() is None)
    fewest, most = lowest(comm, here), -lowest(comm, -here)

    def check() -> None:
        if fewest != most:
            remedy = "say --transport host, or leave out the nodes without a GPU"
            raise AbsentError(WHERE, "some ranks have a GPU and some have none", remedy=remedy)

    everywhere(comm, check)
    return bool(fewest)


def _best(one_each: bool) -> str:
    """Return the best transport of this rank's device."""
    if one_each and _without_nccl() is None:
        return "nccl"
    return "cuda" if _without_cuda_mpi() is None else "staged"


def _require(name: str) -> None:
    lacking = None if name == "host" else missing_device()
    more: dict[str, Callable[[], str | None]] = {"nccl": _without_nccl, "cuda": _without_cuda_mpi}
    if lacking is None and name in more:
        lacking = more[name]()
    if lacking is not None:
        raise AbsentError(WHERE, lacking, got=name, remedy="use --transport host")


def _without_nccl() -> str | None:
    from cupy.cuda import nccl

    return None if nccl.available else "needs NCCL for CuPy (pip install nvidia-nccl-cu12)"


def _without_cuda_mpi() -> str | None:
    if not cuda_probe.says_yes():
        return "needs a CUDA-aware MPI (this library says that it is none)"
    failed = cuda_probe.works()
    return None if failed is None else f"needs a CUDA-aware MPI that works ({failed})"
