"""A schedule on a fabric as flat arrays that a kernel sweeps in one call.

A phase is packed once, whatever its number of rounds: as a *permutation* where every rank sends one
message and receives one of unchanging size, else as a *list* of transfers whose chunks, and on a uniform
fabric whose peers, advance by a rule. Phases whose sharing changes from round to round are packed a
round at a time. Parts are made one after another, so that memory does not grow with the messages.

What a message costs is looked up by its *class*: level, slowdown, bytes and whether the receiver adds.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import accumulate
from typing import TYPE_CHECKING

import numpy as np

from nearlinear.models.arrays import IntArray
from nearlinear.models.collectives.schedule import Schedule
from nearlinear.simulator.exchange import Vector
from nearlinear.simulator.fabrics.fabric import Fabric
from nearlinear.simulator.rounds.packed_phase import NOTHING, Classes, PackedPhase
from nearlinear.simulator.rounds.phases import pack_phases

if TYPE_CHECKING:
    from nearlinear.simulator.rounds.flat import Flat

PART_TRANSFERS = 1 << 20  # a part ends once it holds so many transfers
KEEP_TRANSFERS = 1 << 22  # packed schedules up to this size are kept for the next run


@dataclass(frozen=True, kw_only=True, eq=False)
class Part:
    """Consecutive phases, and one table of all their classes.

    Attributes
    ----------
    phases : tuple of PackedPhase
        In order.
    offsets : tuple of int
        Where the classes of each phase begin in the table.
    classes : Classes
        Of all phases.
    source, destination : ndarray of int, shape (classes,)
        Whose class it is, where every transfer has one of its own; else empty.
    kept : list
        Costs that an engine keeps for its next run.
    """

    phases: tuple[PackedPhase, ...]
    offsets: tuple[int, ...]
    classes: Classes
    source: IntArray
    destination: IntArray
    kept: list[tuple[IntArray, ...]] = field(default_factory=list)

    @cached_property
    def flat(self) -> "Flat":
        """The part as the arrays that kernels take."""
        from nearlinear.simulator.rounds.flat import Flat

        return Flat.of(self)

    def personal(self) -> "Part":
        """Return the part with classes of their own for every transfer, for ranks that are unequal."""
        phases, source, destination = [], [], []
        for phase in self.phases:
            lengths = 2 if len(phase.longer) else 1
            own = (phase.group[:, None] + np.arange(lengths)).ravel()
            classes = Classes(**{name: getattr(phase.classes, name)[own] for name in Classes.__slots__})
            phases.append(replace(phase, group=lengths * np.arange(len(phase.source)), classes=classes))
            source.append(np.repeat(phase.source, lengths))
            destination.append(np.repeat(phase.destination, lengths))
        part = _part(phases)
        return replace(part, source=np.concatenate(source), destination=np.concatenate(destination))


class Packed:
    """A packed schedule: its parts, made when asked for and kept where they are small.

    Parameters
    ----------
    schedule : Schedule
        What is transferred.
    fabric : Fabric
        Who shares what.
    vector : Vector
        What is summed.
    unequal : bool
        Give every transfer a class of its own, for ranks that are unequal.
    """

    def __init__(self, schedule: Schedule, fabric: Fabric, vector: Vector, unequal: bool = False) -> None:
        self.schedule, self.fabric, self.vector, self.unequal = schedule, fabric, vector, unequal
        self._kept: tuple[Part, ...] | None = None

    def parts(self) -> Iterator[Part]:
        """Yield the parts in order."""
        if self._kept is not None:
            yield from self._kept
            return
        made: list[Part] = []
        size = 0
        for part in _parts(pack_phases(self.schedule, self.fabric, self.vector, self.unequal)):
            size += sum(len(phase.source) for phase in part.phases)
            part = part.personal() if self.unequal else part
            if size <= KEEP_TRANSFERS:
                made.append(part)
            yield part
        if size <= KEEP_TRANSFERS:
            self._kept = tuple(made)


def _parts(phases: Iterator[PackedPhase]) -> Iterator[Part]:
    gathered: list[PackedPhase] = []
    size = 0
    for phase in phases:
        gathered.append(phase)
        size += len(phase.source)
        if size >= PART_TRANSFERS:
            yield _part(gathered)
            gathered, size = [], 0
    if gathered:
        yield _part(gathered)


def _part(phases: list[PackedPhase]) -> Part:
    counts = [len(phase.classes.level) for phase in phases]
    columns = {
        name: np.concatenate([getattr(phase.classes, name) for phase in phases]) for name in Classes.__slots__
    }
    return Part(
        phases=tuple(phases), offsets=(0, *accumulate(counts[:-1])), classes=Classes(**columns),
        source=NOTHING, destination=NOTHING,
    )  # fmt: skip
