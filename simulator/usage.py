"""What links carry: bytes, and the fraction of a run for which they were busy."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from nearlinear.models.arrays import FloatArray, IntArray
from nearlinear.simulator.fabrics.fabric import Fabric
from nearlinear.simulator.pricing import price
from nearlinear.simulator.programs.program import Program
from nearlinear.simulator.rounds.packing import Packed


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LinkUsage:
    """Links that carried anything, as equally long columns, the busiest first.

    Attributes
    ----------
    link : ndarray of int
        Index into the fabric's links.
    name : tuple of str
        What they are called.
    carried_bytes : ndarray
        Bytes on the wire.
    utilisation : ndarray
        Fraction of the makespan for which the link was busy at its full rate.
    """

    link: IntArray
    name: tuple[str, ...]
    carried_bytes: FloatArray
    utilisation: FloatArray

    @classmethod
    def of(
        cls, fabric: Fabric, carried_bytes: FloatArray, work: FloatArray, makespan_ticks: int, most: int
    ) -> "LinkUsage":
        """Return the ``most`` busiest links from bytes and ticks of work, shape (links,) each."""
        busy = work / (fabric.link_capacity * max(makespan_ticks, 1))
        order = np.argsort(-busy, kind="stable")[:most]
        order = order[carried_bytes[order] > 0]
        return cls(
            link=order, name=tuple(fabric.link_name(int(link)) for link in order),
            carried_bytes=carried_bytes[order], utilisation=busy[order],
        )  # fmt: skip


def schedule_usage(exchanges: Sequence[Packed], times: int, makespan_ticks: int, most: int = 64) -> LinkUsage:
    """Return the links that schedules used most, with the costs of their first sample.

    Parameters
    ----------
    exchanges : sequence of Packed
        What ran, all on the same places.
    times : int
        How often each ran.
    makespan_ticks : int
        How long it all took.
    most : int
        How many links.
    """
    fabric = exchanges[0].fabric
    total, work = (np.zeros(len(fabric.link_capacity)) for _ in range(2))
    for packed in exchanges:
        _carry(packed, total, work)
    return LinkUsage.of(fabric, total * times, work * times, makespan_ticks, most)


def _carry(packed: Packed, total: FloatArray, work: FloatArray) -> None:
    """Add what a schedule puts on links."""
    fabric, vector = packed.fabric, packed.vector
    for part in packed.parts():
        ticks = price(part.classes, fabric, vector).work[:, 0].astype(float)
        size = part.classes.elements.astype(float) * vector.element_bytes * vector.wire_fraction
        for phase, offset in zip(part.phases, part.offsets, strict=True):
            for k in range(1 if phase.still else phase.rounds):
                source, destination, local = phase.at(k)
                often = phase.rounds if phase.still else 1
                group = local + offset
                _add(fabric, source, destination, size[group] * often, ticks[group] * often, total, work)


def program_usage(fabric: Fabric, program: Program, makespan_ticks: int, most: int = 64) -> LinkUsage:
    """Return the links that a program used most; it must know the links of its messages."""
    messages = program.messages
    total, work = (np.zeros(len(fabric.link_capacity)) for _ in range(2))
    _spread(messages.links, messages.share, messages.size_bytes.astype(float), total)
    _spread(messages.links, messages.share, messages.work.astype(float), work)
    return LinkUsage.of(fabric, total, work, makespan_ticks, most)


def _add(
    fabric: Fabric, source: IntArray, destination: IntArray, size: FloatArray, ticks: FloatArray,
    total: FloatArray, work: FloatArray,
) -> None:  # fmt: skip
    paths = fabric.paths(source, destination, everything=True)
    share = np.ones((1, 1)) if paths.share is None else paths.share
    _spread(paths.links, share, size, total)
    _spread(paths.links, share, ticks, work)


def _spread(links: IntArray, share: FloatArray, amount: FloatArray, total: FloatArray) -> None:
    used = links >= 0
    part = np.broadcast_to(amount[:, None] * share, links.shape)[used]
    total += np.bincount(links[used], part, minlength=len(total))
