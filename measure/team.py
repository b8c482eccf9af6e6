"""The ranks of a run before they start: their nodes, their transport, how they wait."""

from dataclasses import dataclass
from typing import Any

from nearlinear.measure.agreement import lowest, texts
from nearlinear.measure.environment import own_cores
from nearlinear.measure.placement import Placement
from nearlinear.measure.protocol.load import machine_id
from nearlinear.measure.transports.alone import LoneTransport
from nearlinear.measure.transports.buffers import HOST, device_buffers, missing_device
from nearlinear.measure.transports.choice import choose_transport
from nearlinear.measure.transports.mpi import MpiTransport
from nearlinear.measure.transports.transport import Transport
from nearlinear.models.errors import AbsentError


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Team:
    """Ranks that know each other.

    Attributes
    ----------
    comm : mpi4py.MPI.Comm or None
        None for one process without MPI.
    transport : Transport
        For what is measured.
    control : Transport
        On host memory, between measurements.
    placement : Placement
        Their nodes.
    waiting : {"poll", "sleep"}
        How they wait.
    """

    comm: Any
    transport: Transport
    control: Transport
    placement: Placement
    waiting: str

    @property
    def rank(self) -> int:
        """Number of this rank."""
        return self.control.rank


def team_of(
    comm: Any, placement: Placement, transport: str, waiting: str, threads: int = 1, share_gpu: bool = False
) -> Team:
    """Return the team of a communicator whose ranks are in the order of their nodes; all call this.

    Parameters
    ----------
    transport, waiting : str
        As asked for; ``auto`` chooses.
    threads : int
        Of each rank that work at once, where ``auto`` looks for room to wait busily.
    share_gpu : bool
        Whether ranks may share one GPU.

    Raises
    ------
    AbsentError
        What the transport needs is missing on some rank.
    """
    rank = comm.Get_rank()
    local_rank = placement.node_of[:rank].count(placement.node_of[rank])
    way = waiting if waiting != "auto" else _fitting_waiting(comm, threads)
    chosen = choose_transport(transport, comm, local_rank, way, share_gpu)
    control = MpiTransport(comm, HOST, way)
    return Team(comm=comm, transport=chosen, control=control, placement=placement, waiting=way)


def lone_team(transport: str) -> Team:
    """Return the team of this process alone.

    Raises
    ------
    AbsentError
        A device was asked for and is missing.
    """
    missing = missing_device()
    if transport not in ("auto", "host") and missing:
        raise AbsentError("--transport", missing, got=transport, remedy="use --transport host")
    on_device = transport != "host" and missing is None
    alone = LoneTransport(device_buffers(0) if on_device else HOST)
    return Team(
        comm=None, transport=alone, control=LoneTransport(HOST), placement=Placement((0,)), waiting="poll"
    )


def crowded(team: Team) -> list[str]:
    """Return a note where some machine has more ranks than cores; all ranks call this."""
    room = _room(team.comm, 1)
    if room >= 0:
        return []
    told = "ranks sleep while they wait" if team.waiting == "sleep" else "ranks poll while they wait"
    what = f"a machine has {-room} more ranks than cores ({told})"
    return [f"{what}: times are of processors, too, not of links alone"]


def _fitting_waiting(comm: Any, threads: int) -> str:
    """Return ``sleep`` where some machine has more of the ranks' threads than cores."""
    return "sleep" if _room(comm, threads) < 0 else "poll"


def _room(comm: Any, threads: int) -> int:
    """Return the fewest cores that any machine has left; all ranks call this.

    A machine has the cores that any of its ranks may use: launchers bind each rank to its own.
    """
    here = machine_id()
    mine = [text.partition(" ")[2] for text in texts(comm, f"{here} {own_cores()}") if text.startswith(here)]
    open_to = {core for cores in mine for core in cores.split(",")}
    return lowest(comm, len(open_to) - threads * len(mine))
