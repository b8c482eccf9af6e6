"""What must be true before a number is worth taking: the launcher, the versions, the devices."""

import json
from collections import Counter
from typing import Any

from nearlinear.measure.agreement import texts
from nearlinear.measure.environment import host, versions
from nearlinear.measure.launcher import launched_size
from nearlinear.measure.transports.transport import Transport
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
    told = texts(comm, json.dumps(_software(), sort_keys=True))
    if len(set(told)) == 1:
        return
    usual = json.loads(Counter(told).most_common(1)[0][0])
    odd = next(rank for rank, text in enumerate(told) if json.loads(text) != usual)
    other = json.loads(told[odd])
    name = next(n for n in {**usual, **other} if usual.get(n) != other.get(n))
    raise SpecError(
        WHERE,
        f"rank {odd} has {name} {other.get(name, 'missing')} where others have {usual.get(name, 'none')}",
        remedy="use the same environment on all nodes",
    )


def _software() -> dict[str, str]:
    """Return versions, shortened so that they fit into one message."""
    from mpi4py import MPI

    return versions() | {"mpi": " ".join(MPI.Get_library_version().split())[:60]}


def check_devices(comm: Any, transport: Transport, shared: bool) -> None:
    """Refuse ranks that share a GPU unless they are meant to; NCCL never can."""
    if transport.buffers.name == "host":
        return
    told = texts(comm, f"{host()['name']} {transport.buffers.device_id()}")
    twice = [place for place, count in Counter(told).items() if count > 1]
    if twice and (not shared or transport.name == ONE_EACH):
        ranks = [rank for rank, place in enumerate(told) if place == twice[0]]
        means = "start one rank per GPU" + ("" if transport.name == ONE_EACH else ", or say --share-gpu")
        raise SpecError(
            WHERE, f"ranks {', '.join(map(str, ranks))} share one GPU of {twice[0].split()[0]}", remedy=means
        )
