"""Chakra execution traces as programs: one file per rank, ``name.0.et``, ``name.1.et`` and so on.

Every rank has two streams. On the first it computes: COMP, memory and metadata nodes, for as long as the
trace says (``duration_micros``, or an attribute ``runtime`` in microseconds). On the second it communicates:
sends, receives and collectives. Both take their nodes in the order of ids; dependencies, of control or
data, are waits. Devices that run several kernels at once are therefore slower here than in the trace.

A collective is spelled out by a schedule that the caller gives. Members of a process group are the ranks
whose traces use its name, all ranks where none is given; the k-th collective of a group is the same for all.

References
----------
Sridharan et al. 2023, "Chakra: Advancing Performance Benchmarking and Co-design using Standardized
Execution Traces"; mlcommons/chakra, src/feeder/et_feeder_node.cpp (attributes).
"""

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from nearlinear.models.errors import ContentError, SpecError
from nearlinear.simulator.formats.chakra_collectives import Collectives, Expansion
from nearlinear.simulator.formats.et_file import Node, read_nodes
from nearlinear.simulator.formats.transcript import (
    AMOUNT,
    KIND,
    LARGEST,
    MOST_RANKS,
    PEER,
    WIDTH,
    Origin,
    Transcript,
)
from nearlinear.simulator.programs.program import COMPUTE, NOBODY, RECEIVE, SEND, Program

TICKS_PER_MICROSECOND = 10**6
COMPUTING, COMMUNICATING = 0, 1
MOST_TAG = 2**32
RANK = re.compile(r"\.(\d{1,9})\.et\Z")
AMOUNTS = {"COMP_NODE": "num_ops", "MEM_LOAD_NODE": "tensor_size", "MEM_STORE_NODE": "tensor_size"}


def read_chakra(paths: Sequence[Path], expand_collective: Expansion | None = None) -> Program:
    """Return the program of execution traces, without prices other than sizes.

    Parameters
    ----------
    paths : sequence of Path
        One trace per rank, in any order; the number before ``.et`` is the rank.
    expand_collective : callable, optional
        ``expand_collective(name, size_bytes, ranks)`` returns the schedule of a collective; ``name`` is
        ``allreduce``. Without it a collective is an error.

    Raises
    ------
    SpecError
        A rank without its trace, a file that is missing, a schedule for other ranks.
    ContentError
        A damaged file; a node that cannot be; dependencies on nodes that are not there, or in a circle;
        collectives that differ between ranks. The message has the file and the node.
    AbsentError
        The protobuf library is not there.
    """
    files = _by_rank(paths)
    ranks = [read_nodes(path) for path in files]
    transcript = Transcript(len(files), Origin(files=files, unit="node"))
    joined = Collectives(files, ranks, expand_collective)
    for rank, nodes in enumerate(ranks):
        _Rank(transcript, rank, joined).add(nodes)
    return transcript.program()


def _by_rank(paths: Sequence[Path]) -> list[Path]:
    files: dict[int, Path] = {}
    for path in paths:
        found = RANK.search(path.name)
        if not found:
            raise SpecError(str(path), "must be named after its rank", remedy="such as trace.0.et")
        rank = int(found[1])
        if rank in files:
            raise SpecError(str(path), f"must be the one trace of rank {rank}", got=str(files[rank]))
        files[rank] = path
    if not 1 <= len(files) <= MOST_RANKS:
        raise SpecError("traces", f"must be 1 to {MOST_RANKS:,} files", got=len(files))
    for rank in range(len(files)):
        if rank not in files:
            remedy = f"is there a file .{rank}.et?"
            raise SpecError(
                str(paths[0]), f"must have a trace of every rank, none of rank {rank}", remedy=remedy
            )
    return [files[rank] for rank in range(len(files))]


class _Rank:
    """The nodes of one rank on their way into the transcript."""

    def __init__(self, transcript: Transcript, rank: int, collectives: Collectives) -> None:
        self.transcript, self.rank, self.collectives = transcript, rank, collectives
        self.begin: dict[int, int] = {}
        self.end: dict[int, int] = {}

    def add(self, nodes: list[Node]) -> None:
        """Add all nodes, and then what they wait for."""
        for node in nodes:
            where = self.transcript.origin.where(self.rank, node.number)
            if node.kind == "COMM_COLL_NODE":
                self._collective(node)
            elif node.kind in ("COMM_SEND_NODE", "COMM_RECV_NODE"):
                self._message(node, where)
            else:
                ticks = _duration_us(node, where) * TICKS_PER_MICROSECOND
                self._one(node, COMPUTING, COMPUTE, ticks, NOBODY, 0)
        for node in nodes:
            for target in node.waits:
                if target not in self.end:
                    where = self.transcript.origin.where(self.rank, node.number)
                    raise ContentError(where, "must depend on nodes of its trace", got=target)
                self.transcript.wait(self.begin[node.number], self.end[target])

    def _one(self, node: Node, stream: int, kind: int, amount: int, peer: int, tag: int) -> None:
        name = self.transcript.name(node.name)
        done = self.transcript.add(self.rank, stream, kind, amount, peer, tag, node.number, name)
        self.begin[node.number] = self.end[node.number] = done

    def _message(self, node: Node, where: str) -> None:
        last = self.transcript.ranks - 1
        here, there = "comm_src", "comm_dst"
        if node.kind == "COMM_RECV_NODE":
            here, there = there, here
        if node.whole(here, where, last, self.rank) != self.rank:
            told = f"must be rank {self.rank}, whose trace this is"
            raise ContentError(where, told, field=here, got=node.attributes[here])
        peer, tag = node.whole(there, where, last), node.whole("comm_tag", where, MOST_TAG, 0)
        kind = SEND if node.kind == "COMM_SEND_NODE" else RECEIVE
        self._one(node, COMMUNICATING, kind, node.whole("comm_size", where, LARGEST), peer, tag)

    def _collective(self, node: Node) -> None:
        """Add what this rank does, between an operation that waits for all before and one for all after."""
        joint = self.collectives.joint[self.rank, node.number]
        done, member = joint.shares, joint.member
        self._one(node, COMMUNICATING, COMPUTE, 0, NOBODY, 0)
        first, last = int(done.first[member]), int(done.first[member + 1])
        rows = np.empty((last - first, WIDTH), dtype=np.int64)
        rows[:] = self.rank, COMMUNICATING, 0, 0, 0, joint.tag, node.number, self.transcript.name(node.name)
        rows[:, KIND], rows[:, AMOUNT] = done.kind[first:last], done.size_bytes[first:last]
        rows[:, PEER] = joint.members[done.peer[first:last]]
        shift = self.transcript.extend(rows) - first
        waits = slice(int(done.wait_first[member]), int(done.wait_first[member + 1]))
        self.transcript.wait_all(done.operation[waits] + shift, done.target[waits] + shift)
        begin = self.begin[node.number]
        self._one(node, COMMUNICATING, COMPUTE, 0, NOBODY, 0)
        self.begin[node.number] = begin
        end = self.end[node.number]
        awaited = np.append(np.arange(done.last_round[member], last) + shift, begin)
        self.transcript.wait_all(np.full(len(awaited), end), awaited)


def _duration_us(node: Node, where: str) -> int:
    """Return how long a node takes; work whose time is not told is refused."""
    if node.kind in ("STORAGE_NODE", "BATCH_NODE", "CHECKPOINT_NODE"):
        raise ContentError(where, "must compute, move memory or communicate", got=node.kind)
    told = node.duration_us or node.whole("runtime", where, LARGEST, 0)
    if told > LARGEST // 1000:
        raise ContentError(where, f"must last at most {LARGEST // 1000} us", got=told)
    amount = AMOUNTS.get(node.kind, "")
    if not told and node.attributes.get(amount):
        remedy = "write duration_micros: a trace does not say how fast its device is"
        raise ContentError(where, f"must say how long its {amount} takes", got=0, remedy=remedy)
    return told
