"""The first line of a record: who measured what, on which machines, with which software."""

import os
import sys
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from nearlinear.measure.agreement import texts
from nearlinear.measure.environment import clock, graphics, host, variables, versions
from nearlinear.measure.placement import Placement
from nearlinear.measure.protocol.clocks import Clocks
from nearlinear.measure.transports.transport import Transport

if TYPE_CHECKING:
    from nearlinear.measure.runner import MeasureSpec

MPI_CHARACTERS = 200
LAUNCH_VARIABLE = "NEARLINEAR_LAUNCH"
RUN_VARIABLE = "NEARLINEAR_RUN"  # set by whoever starts ranks, to know their record


def header(
    comm: Any,
    spec: "MeasureSpec",
    transport: Transport,
    placement: Placement,
    clocks: Clocks,
    waiting: str,
    notes: Sequence[str],
) -> dict[str, Any]:
    """Return the header; all ranks call this, and rank 0 writes it."""
    sampling, stopping = spec.sampling, spec.sampling.stopping
    return facts(comm, transport, placement) | {
        "clock": clock()
        | {"offsets_s": clocks.offset_s.tolist(), "uncertainty_s": clocks.uncertainty_s.tolist()},
        "sizes": list(sampling.sizes),
        "budget_s": sampling.budget_s,
        "seed": sampling.seed,
        "protocol": {
            "modes": list(sampling.modes),
            "start": spec.start,
            "waiting": waiting,
            "least": stopping.least,
            "most": stopping.most,
            "precision": stopping.precision,
            "companies": [list(members) for members in spec.companies],
        },
        "notes": list(notes),
    }


def facts(comm: Any, transport: Transport, placement: Placement) -> dict[str, Any]:
    """Return what does not depend on what is measured; all ranks call this."""
    here = host()
    device = transport.buffers.device() or here["processor"]
    return {
        "run_id": os.environ.get(RUN_VARIABLE) or uuid.uuid4().hex,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "hosts": texts(comm, here["name"]) if comm else [here["name"]],
        "devices": texts(comm, device) if comm else [device],
        "host": here,
        "graphics": graphics(),
        "ranks": transport.ranks,
        "nodes": placement.nodes,
        "ranks_per_node": list(placement.ranks_per_node),
        "transport": transport.name,
        "versions": versions() | _libraries(comm, transport),
        "environment": variables(),
        "clock": clock(),
        "command": ["nearlinear", *sys.argv[1:], *_launched()],
    }


def _launched() -> list[str]:
    """Return how ranks were started, if that was done by the command itself."""
    ranks = os.environ.get(LAUNCH_VARIABLE, "")
    return ["--launch", ranks] if ranks else []


def _libraries(comm: Any, transport: Transport) -> dict[str, str]:
    """Return versions of the MPI library, in its own words, and of NCCL and CUDA where they are used."""
    found = {}
    if comm is not None:
        from mpi4py import MPI

        found["mpi"] = " ".join(MPI.Get_library_version().split())[:MPI_CHARACTERS]
    if transport.buffers.name == "cuda":
        from nearlinear.measure.transports import nccl

        found["cuda"] = str(transport.buffers.arrays.cuda.runtime.runtimeGetVersion())
        found |= {"nccl": told} if (told := nccl.version()) else {}
    return found
