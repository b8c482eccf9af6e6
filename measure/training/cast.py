"""Who plays what in a training run, and with which exchange."""

from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from nearlinear.measure.operations.operation import VENDOR
from nearlinear.measure.operations.rounds import fitting
from nearlinear.measure.team import Team
from nearlinear.measure.training.data import Dataset
from nearlinear.measure.training.exchanges import BlockingExchange, OverlappedExchange, Summing, bucket_spans
from nearlinear.measure.training.mailbox import Mailbox
from nearlinear.measure.training.networks import Network
from nearlinear.measure.training.replica import Replica
from nearlinear.measure.training.roles import BulkServer, BulkWorker, Gossiper, Role, Server, Visitor
from nearlinear.measure.training.spec import TrainSpec
from nearlinear.models.collectives.schedule import Schedule
from nearlinear.models.errors import AbsentError, SpecError
from nearlinear.models.training.synchronisation import BulkSynchronous, Gossip


@dataclass(frozen=True, slots=True, kw_only=True)
class Cast:
    """A rank's role.

    Attributes
    ----------
    role : Role
        What it does.
    replica : Replica or None
        None on servers.
    workers : int
        Ranks 0 to workers - 1 hold replicas; servers follow.
    elements : int
        Weights of the network.
    """

    role: Role
    replica: Replica | None
    workers: int
    elements: int


def cast_roles(team: Team, spec: TrainSpec, dataset: Dataset, open_: ExitStack, letters: Any = None) -> Cast:
    """Return this rank's role; what it opens is closed by ``open_``. It talks to no other rank.

    Parameters
    ----------
    letters : mpi4py.MPI.Comm or None
        Of its own for letters, where the rule needs them.

    Raises
    ------
    SpecError
        Ranks that cannot play the algorithm, or too few samples.
    AbsentError
        An MPI without threads, where the exchange is to overlap.
    """
    schedule = _schedule(team, spec)
    workers = _workers(team, spec, schedule)
    network = Network(spec.network, spec.seed)
    replica = None
    if team.rank < workers:
        replica = Replica(spec, dataset, team.rank, workers, team.transport.buffers)
        open_.callback(replica.close)
    role = _role(team, spec, schedule, workers, network, replica, letters)
    open_.callback(role.close)
    return Cast(role=role, replica=replica, workers=workers, elements=network.parameter_count)


def _schedule(team: Team, spec: TrainSpec) -> Schedule | None:
    """Return the rounds of the exchange; None for the library's own, and for other rules."""
    if spec.algorithm == VENDOR or team.placement.ranks == 1:
        return None
    schedule = fitting(spec.algorithm, team.placement)
    if schedule is None or schedule.ranks != team.placement.ranks:
        told = f"must be such that {team.placement.told} can play"
        raise SpecError("--algorithm", told, got=spec.algorithm, remedy="start other ranks")
    return schedule


def _workers(team: Team, spec: TrainSpec, schedule: Schedule | None) -> int:
    if schedule is not None:
        return schedule.workers
    return team.placement.ranks - spec.rule.serves


def _role(
    team: Team, spec: TrainSpec, schedule: Schedule | None, workers: int, network: Network,
    replica: Replica | None, letters: Any,
) -> Role:  # fmt: skip
    rule, rank = spec.rule, team.rank
    if isinstance(rule, BulkSynchronous):
        return _bulk(team, spec, rule, schedule, workers, network, replica)
    gossips = isinstance(rule, Gossip)
    mailbox = Mailbox(letters, network.parameter_count + gossips)
    if replica is None:
        assert not isinstance(rule, Gossip)
        return Server(rule, network.weights, mailbox, workers)
    if isinstance(rule, Gossip):
        return Gossiper(rule, replica, mailbox, rank, workers, spec.seed)
    return Visitor(rule, replica, mailbox, server=workers)


def _bulk(
    team: Team, spec: TrainSpec, rule: BulkSynchronous, schedule: Schedule | None, workers: int,
    network: Network, replica: Replica | None,
) -> Role:  # fmt: skip
    wanted = 0.0 if spec.overlap and spec.bucket_bytes is None else spec.bucket_bytes
    spans = bucket_spans(network.bounds, wanted)
    vector = _vector(team, rule, network, replica)
    summing = Summing(team.transport, schedule, spec.wire_dtype, vector, spans)
    if replica is None:
        return BulkServer(rule, team.transport, summing, spans, barrier=not spec.overlap)
    if team.placement.ranks == 1:
        return BulkWorker(rule, replica, None, workers)
    if not spec.overlap:
        return BulkWorker(rule, replica, BlockingExchange(team.transport, summing, spans), workers)
    _require_threads()
    return BulkWorker(rule, replica, OverlappedExchange(team.transport, summing, spans), workers)


def _vector(team: Team, rule: BulkSynchronous, network: Network, replica: Replica | None) -> Any:
    """Return what is exchanged: gradients, weights, or a server's room for them."""
    if replica is None:
        return team.transport.buffers.arrays.zeros(network.parameter_count, "float32")
    return replica.gradients if rule.averages == "gradients" else replica.weights


def _require_threads() -> None:
    from mpi4py import MPI

    if MPI.Query_thread() < MPI.THREAD_SERIALIZED:
        raise AbsentError("--overlap", "needs an MPI that lets another thread call it",
                          remedy="leave out --overlap")  # fmt: skip
