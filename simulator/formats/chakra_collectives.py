"""Collectives of execution traces: who takes part in which, and what each rank does in it."""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np

from nearlinear.models.arrays import IntArray
from nearlinear.models.collectives.schedule import Schedule
from nearlinear.models.errors import ContentError, SpecError
from nearlinear.simulator.formats.collective_ops import Shares, message_count, shares
from nearlinear.simulator.formats.et_file import Node
from nearlinear.simulator.formats.transcript import LARGEST, MOST_OPERATIONS

COLLECTIVES = {
    0: "allreduce", 1: "reduce", 2: "allgather", 3: "gather", 4: "scatter", 5: "broadcast", 6: "alltoall",
    7: "reduce-scatter", 8: "reduce-scatter-block", 9: "barrier",
}  # fmt: skip
KNOWN = ("allreduce",)  # those that a Schedule can describe

Expansion: TypeAlias = Callable[[str, int, int], Schedule]


@dataclass(frozen=True, slots=True, kw_only=True)
class Joint:
    """A collective as one rank sees it.

    Attributes
    ----------
    tag : int
        Of its messages, below 0.
    members : ndarray of int, shape (members,)
        Ranks that take part.
    member : int
        Which of them this rank is.
    shares : Shares
        What each member does.
    """

    tag: int
    members: IntArray
    member: int
    shares: Shares


class Collectives:
    """The collectives of all ranks, joined.

    Parameters
    ----------
    files : list of Path
        Trace of every rank, for errors.
    ranks : list of list of Node
        Nodes of every rank.
    expand : callable or None
        As for ``read_chakra``.

    Attributes
    ----------
    joint : dict
        By rank and id of a node.
    """

    def __init__(self, files: list[Path], ranks: list[list[Node]], expand: Expansion | None) -> None:
        self.files, self.expand = files, expand
        self.kept: dict[tuple[str, int, int], Shares] = {}
        self.joint: dict[tuple[int, int], Joint] = {}
        self.operations = 0
        groups: dict[str, dict[int, list[Node]]] = defaultdict(lambda: defaultdict(list))
        for rank, nodes in enumerate(ranks):
            for node in nodes:
                if node.kind == "COMM_COLL_NODE":
                    groups[str(node.attributes.get("pg_name", ""))][rank].append(node)
        for group, members in groups.items():
            self._join(group, members)

    def _where(self, rank: int, node: Node) -> str:
        return f"{self.files[rank]}: node {node.number}"

    def _join(self, group: str, members: dict[int, list[Node]]) -> None:
        first = min(members)
        everyone = np.array(sorted(members) if group else range(len(self.files)))
        for rank in everyone.tolist():
            count = len(members.get(rank, ()))
            if count != len(members[first]):
                told = (
                    f"must take part in {len(members[first])} collectives of group {group!r}, as rank {first}"
                )
                raise ContentError(str(self.files[rank]), told, got=count)
        for k, model in enumerate(members[first]):
            name, size = self._understand(model, self._where(first, model))
            done = self._shares(name, size, len(everyone), self._where(first, model))
            tag = -1 - len(self.joint)
            for member, rank in enumerate(everyone.tolist()):
                node = members[rank][k]
                where = self._where(rank, node)
                if (other := self._understand(node, where)) != (name, size):
                    told = f"must be the {name} of {size} bytes of rank {first} (node {model.number})"
                    raise ContentError(where, told, got=f"{other[0]} of {other[1]} bytes")
                self.joint[rank, node.number] = Joint(tag=tag, members=everyone, member=member, shares=done)

    def _understand(self, node: Node, where: str) -> tuple[str, int]:
        kind = node.whole("comm_type", where, 2**31)
        name = COLLECTIVES.get(kind, f"type {kind}")
        if name not in KNOWN:
            remedy = f"{' and '.join(KNOWN)} alone has schedules"
            raise ContentError(where, "must be a collective that can be expanded", got=name, remedy=remedy)
        if not all(node.attributes.get("involved_dim", ())):
            remedy = "name the group by pg_name"
            raise ContentError(where, "must involve every dimension", field="involved_dim", remedy=remedy)
        return name, node.whole("comm_size", where, LARGEST)

    def _shares(self, name: str, size: int, ranks: int, where: str) -> Shares:
        if self.expand is None:
            remedy = "say how it is done: expand_collective"
            raise ContentError(where, "must not be a collective", got=name, remedy=remedy)
        key = name, size, ranks
        if key not in self.kept:
            schedule = self.expand(*key)
            if schedule.servers or schedule.workers != ranks:
                got = f"{schedule.workers} and {schedule.servers} servers"
                raise SpecError("expand_collective", f"must return a schedule of {ranks} ranks", got=got)
            self._count(2 * message_count(schedule), where)
            self.kept[key] = shares(schedule, size)
        else:
            self._count(len(self.kept[key].kind), where)
        return self.kept[key]

    def _count(self, operations: int, where: str) -> None:
        self.operations += operations
        if self.operations > MOST_OPERATIONS:
            raise ContentError(where, f"must stay within {MOST_OPERATIONS:,} operations of all collectives")
