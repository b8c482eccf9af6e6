"""Packing the phases of a schedule, each once where what it shares stays the same."""

from collections.abc import Iterator

import numpy as np

from nearlinear.models.arrays import IntArray
from nearlinear.models.collectives.schedule import Phase, Schedule, Transfers
from nearlinear.simulator.compiled import compiled, loaded
from nearlinear.simulator.exchange import Vector
from nearlinear.simulator.fabrics.fabric import Fabric, repeated
from nearlinear.simulator.fabrics.meeting import Meeting
from nearlinear.simulator.kernels.examining import DROPS, LONGEST, SHORTEST, TWICE, examine
from nearlinear.simulator.kernels.table import LIST, PERMUTATION
from nearlinear.simulator.rounds.packed_phase import NO_TURN, NOTHING, Classes, PackedPhase

BATCH_TRANSFERS = 1 << 14  # rounds that are packed at once


def pack_phases(schedule: Schedule, fabric: Fabric, vector: Vector, unequal: bool) -> Iterator[PackedPhase]:
    """Yield the phases of a schedule packed; with ``unequal`` ranks, peers do not turn inside a phase."""
    bounds = schedule.chunk_bounds(vector.elements)
    may_turn = fabric.uniform and not unequal
    batch = _Batch(fabric, bounds)
    for phase in schedule.phases():
        if len(phase.source) == 0 or phase.rounds == 0:
            continue
        packed = _pack(phase, fabric, bounds, may_turn)
        if packed is not None:
            yield from batch.packed()
            yield packed
            continue
        for transfers in phase:
            batch.add(transfers)
            if batch.full:
                yield from batch.packed()
    yield from batch.packed()


def _pack(phase: Phase, fabric: Fabric, bounds: IntArray, may_turn: bool) -> PackedPhase | None:
    """Return a phase of several rounds as one, or None where its sharing changes from round to round."""
    if phase.rounds == 1:
        return None
    sizes = bounds[phase.chunks :] - bounds[: -phase.chunks]
    lengths = np.unique(sizes) if phase.chunk_turn.shift else np.unique(sizes[phase.chunk])
    if not phase.fixed_peers:
        once = not (repeated(phase.source) or repeated(phase.destination))
        if not (may_turn and once):
            return None
    keep = slice(None)
    if phase.fixed_peers and (phase.source == phase.destination).any():
        keep = phase.source != phase.destination
    source, destination = phase.source[keep], phase.destination[keep]
    meeting = fabric.meet(source, destination) if phase.fixed_peers else Meeting.alone(len(source), once=True)
    if lengths[0] == 0 and not meeting.free:  # which transfers take place changes, and so their rates
        return None
    if len(lengths) == 1 and phase.fixed_peers:
        return _of_one_length(source, destination, meeting, int(lengths[0]), phase, fabric)
    group, classes = _classes(meeting, lengths, phase.reduce)
    chunk, moves = phase.chunk[keep], len(lengths) > 1
    return PackedPhase(
        kind=LIST,
        rounds=phase.rounds,
        source=source,
        destination=destination,
        group=group * len(lengths),
        chunk=chunk if moves else NOTHING,
        longer=(sizes == lengths[-1]).astype(np.uint8) if moves else NOTHING.astype(np.uint8),
        source_turn=_rule(phase.source_turn.shift, phase.source_turn.cycle),
        destination_turn=_rule(phase.destination_turn.shift, phase.destination_turn.cycle),
        chunk_turn=_rule(phase.chunk_turn.shift, phase.chunk_turn.cycle) if moves else NO_TURN,
        source_base=_base(phase.source_turn.base, phase.source_turn.shift, phase.source, keep),
        destination_base=_base(phase.destination_turn.base, phase.destination_turn.shift, phase.source, keep),
        chunk_base=_base(phase.chunk_turn.base, phase.chunk_turn.shift * moves, phase.source, keep),
        classes=classes,
    )


class _Batch:
    """Rounds that stand alone, packed together: what NumPy costs per call is paid once."""

    def __init__(self, fabric: Fabric, bounds: IntArray) -> None:
        self.fabric, self.bounds = fabric, bounds
        self.rounds: list[Transfers] = []
        self.size = 0

    def add(self, transfers: Transfers) -> None:
        self.rounds.append(transfers)
        self.size += len(transfers.source)

    @property
    def full(self) -> bool:
        return self.size >= BATCH_TRANSFERS

    def packed(self) -> Iterator[PackedPhase]:
        """Yield the rounds gathered so far, without what does not happen, and forget them."""
        rounds, self.rounds, self.size = self.rounds, [], 0
        if not rounds:
            return
        counts = [len(one.source) for one in rounds]
        edges = np.concatenate(([0], np.cumsum(counts)))
        source = np.concatenate([one.source for one in rounds])
        destination = np.concatenate([one.destination for one in rounds])
        chunk = np.concatenate([one.chunk for one in rounds])
        chunks = np.array([one.chunks for one in rounds])
        if loaded():
            elements, facts = self._examined(source, destination, chunk, chunks, edges)
            if not facts[:, DROPS].any():
                yield from self._rounds(rounds, source, destination, elements, edges, facts)
                return
        elements = self.bounds[chunk + np.repeat(chunks, counts)] - self.bounds[chunk]
        keep = (source != destination) & (elements > 0)
        if not keep.all():
            source, destination, elements = source[keep], destination[keep], elements[keep]
            edges = np.concatenate(([0], np.cumsum(keep)))[edges]
        yield from self._rounds(
            rounds, source, destination, elements, edges, self._facts(source, destination, elements, edges)
        )

    def _rounds(
        self, rounds: list[Transfers], source: IntArray, destination: IntArray, elements: IntArray,
        edges: IntArray, facts: IntArray,
    ) -> Iterator[PackedPhase]:  # fmt: skip
        for k in np.flatnonzero(np.diff(edges)).tolist():
            part = slice(edges[k], edges[k + 1])
            alike = facts[k, SHORTEST] == facts[k, LONGEST]
            yield self._round(
                source[part], destination[part], elements[part][:1] if alike else elements[part],
                rounds[k].reduce, not facts[k, TWICE],
            )  # fmt: skip

    def _examined(
        self, source: IntArray, destination: IntArray, chunk: IntArray, chunks: IntArray, edges: IntArray
    ) -> tuple[IntArray, IntArray]:
        """Return elements and facts by the compiled loop; transfers that do not happen are still there."""
        elements, facts = np.empty(len(source), dtype=np.int64), np.zeros((len(chunks), 4), dtype=np.int64)
        seen = np.full((2, self.fabric.ranks), -1, dtype=np.int64)
        compiled(examine)(source, destination, chunk, chunks, edges, self.bounds, seen, elements, facts)
        return elements, facts

    def _facts(
        self, source: IntArray, destination: IntArray, elements: IntArray, edges: IntArray
    ) -> IntArray:
        """Return what the compiled loop finds, in NumPy; no transfer is dropped."""
        facts = np.zeros((len(edges) - 1, 4), dtype=np.int64)
        busiest = np.maximum(self._busiest(source, edges), self._busiest(destination, edges))
        facts[:, TWICE] = busiest > 1
        filled = np.flatnonzero(np.diff(edges))
        if len(filled):
            facts[filled, SHORTEST] = np.minimum.reduceat(elements, edges[filled])
            facts[filled, LONGEST] = np.maximum.reduceat(elements, edges[filled])
        return facts

    def _busiest(self, ranks: IntArray, edges: IntArray) -> IntArray:
        """Return how often the busiest rank of each round occurs."""
        rounds, count = len(edges) - 1, self.fabric.ranks
        number = np.repeat(np.arange(rounds) * count, np.diff(edges))
        occurs = np.bincount(number + ranks, minlength=rounds * count)
        return np.asarray(occurs.reshape(rounds, count).max(axis=1))

    def _round(
        self, source: IntArray, destination: IntArray, elements: IntArray, reduce: bool, once: bool
    ) -> PackedPhase:
        """Return one round; ``elements`` has one entry where all are alike."""
        if once and self.fabric.uniform:
            meeting = Meeting.alone(len(source), once)
        else:
            meeting = self.fabric.meet(source, destination)
        lengths, which = np.unique(elements, return_inverse=True) if len(elements) > 1 else (elements, 0)
        group, classes = _classes(meeting, lengths, reduce)
        group = group * len(lengths) + which if len(lengths) > 1 else group
        return _still(source, destination, group, 1, classes, once and len(source) == self.fabric.ranks)


def _of_one_length(
    source: IntArray, destination: IntArray, meeting: Meeting, length: int, phase: Phase, fabric: Fabric
) -> PackedPhase:
    group, classes = _classes(meeting, np.array([length]), phase.reduce)
    whole = meeting.once and len(source) == fabric.ranks
    return _still(source, destination, group, phase.rounds, classes, whole)


def _still(
    source: IntArray, destination: IntArray, group: IntArray, rounds: int, classes: Classes, whole: bool
) -> PackedPhase:
    """Return a phase in which nothing advances, as a permutation where it is one of all ranks."""
    whole = whole and bool((classes.elements > 0).all())
    if whole and (source[1:] < source[:-1]).any():
        order = np.argsort(source)
        source, destination, group = source[order], destination[order], group[order]
    return PackedPhase(
        kind=PERMUTATION if whole else LIST, rounds=rounds, source=source, destination=destination,
        group=group, chunk=NOTHING, longer=NOTHING.astype(np.uint8), source_base=NOTHING,
        destination_base=NOTHING, chunk_base=NOTHING, classes=classes,
    )  # fmt: skip


def _classes(meeting: Meeting, lengths: IntArray, reduce: bool) -> tuple[IntArray, Classes]:
    """Return the kind of every transfer, and classes: of each kind one per length."""
    level, hops, slowdown = meeting.level, meeting.hops, meeting.slowdown
    if meeting.alike:
        group, first = np.zeros(len(level), dtype=np.int64), np.zeros(1, dtype=np.int64)
    else:
        key = slowdown + 1j * (level + len(level) * hops)
        _, first, group = np.unique(key, return_index=True, return_inverse=True)
        group = group.astype(np.int64)
    count = len(lengths)
    kinds = np.repeat(first, count)
    return group, Classes(
        level=level[kinds],
        hops=hops[kinds],
        slowdown=slowdown[kinds],
        elements=np.tile(lengths, len(first)),
        reduce=np.full(len(kinds), reduce),
    )


def _rule(shift: int, cycle: int) -> tuple[int, int]:
    return (shift % cycle, cycle) if shift else NO_TURN


def _base(base: IntArray | int, shift: int, like: IntArray, keep: IntArray | slice) -> IntArray:
    return np.array(np.broadcast_to(base, like.shape)[keep], dtype=np.int64) if shift else NOTHING
