"""What must be true before a number is worth taking: the launcher, the versions, the devices."""

from collections import Counter
from functools import partial
from typing import Any

from nearlinear.measure.agreement import everywhere, texts
from nearlinear.measure.environment import PACKAGES, host, versions
from nearlinear.measure.launcher import launched_size
from nearlinear.measure.transports.buffers import Buffers
from nearlinear.models.errors import SpecError

FEWEST_RANKS = 2
WHERE = "measure"
ONE_EACH = "nccl"  # refuses two ranks on one device itself


def check_size(ranks: int, fewest: int = FEWEST_RANKS, verb: str = WHERE) -> None:
    """Refuse a launcher of another MPI, whose processes do not find each other, and too few ranks."""
    started = launched_size()
    if started is not None and started != ranks:
        raise SpecError(
            verb,
            f"the launcher started {started} processes but MPI joined {ranks}",
            remedy="use the mpiexec of the MPI that mpi4py was built for",
        )
    if ranks < fewest:
        remedy = f"mpiexec -n {fewest} nearlinear {verb} ..., or nearlinear {verb} --launch {fewest}"
        raise SpecError(verb, f"needs at least {fewest} ranks", got=ranks, remedy=remedy)


def check_versions(comm: Any) -> None:
    """Refuse ranks that run different software: their times would be of two programs."""
    own = versions() | {"mpi": _mpi_library()}
    for name in sorted({"python", "mpi", *PACKAGES}):
        told = texts(comm, own.get(name, "none"))
        usual = Counter(told).most_common(1)[0][0]
        odd = next((rank for rank, version in enumerate(told) if version != usual), None)
        if odd is not None:
            everywhere(comm, partial(_refuse, name, odd, told[odd], usual))


def _refuse(name: str, rank: int, version: str, usual: str) -> None:
    raise SpecError(
        WHERE,
        f"rank {rank} has {name} {version} where others have {usual}",
        remedy="use the same environment on all nodes",
    )


def _mpi_library() -> str:
    from mpi4py import MPI

    return " ".join(MPI.Get_library_version().split())


def shared_devices(comm: Any, buffers: Buffers) -> list[int]:
    """Return the ranks of the first GPU that several of them have; none on the host. All ranks call this."""
    if buffers.name == "host":
        return []
    told = texts(comm, f"{host()['name']} {buffers.device_id()}")
    twice = next((place for place, count in Counter(told).items() if count > 1), None)
    return [rank for rank, place in enumerate(told) if place == twice]


def check_devices(ranks: list[int], name: str, may_share: bool) -> None:
    """Refuse ranks that share a GPU unless they are meant to; NCCL never can."""
    if ranks and (not may_share or name == ONE_EACH):
        means = "start one rank per GPU" + ("" if name == ONE_EACH else ", or say --share-gpu")
        raise SpecError(WHERE, f"ranks {', '.join(map(str, ranks))} share one GPU", remedy=means)
