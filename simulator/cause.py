"""A tick with its cause: what lies behind it, down to where a run began."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from nearlinear.models.errors import SelfCheckError

PARTS = ("start", "load", "compute", "copy", "overhead", "gap", "latency", "transfer", "adding")


@dataclass(frozen=True, slots=True, eq=False)
class Cause:
    """A tick that came ``ticks`` after another one.

    Attributes
    ----------
    tick : int
        When.
    before : Cause or None
        What it came after; None at the entry of what is looked at.
    part : str
        What the ticks between them were spent on, one of ``PARTS``.
    ticks : int
        How many they are.
    place : tuple of int
        At an entry: which clock of which rank. On a message: source and destination.
    """

    tick: int
    before: "Cause | None" = None
    part: str = ""
    ticks: int = 0
    place: tuple[int, ...] = ()

    def plus(self, ticks: int, part: str, place: tuple[int, ...] = ()) -> "Cause":
        """Return the tick that comes so much later."""
        return Cause(self.tick + int(ticks), self, part, int(ticks), place)


def flown(left: Cause, flight: int, overhead: int, place: tuple[int, ...] = ()) -> Cause:
    """Return when a message that left is there: the sender's overhead, then the latency of the wire."""
    first = min(int(overhead), int(flight))
    return left.plus(first, "overhead").plus(int(flight) - first, "latency", place)


def later(*causes: Cause) -> Cause:
    """Return the latest; the first of equals."""
    return max(causes, key=lambda cause: cause.tick)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hop:
    """A message on the critical path, in ticks."""

    source: int
    destination: int
    begin_ticks: int
    end_ticks: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CriticalPath:
    """Why a run took as long as it did.

    Attributes
    ----------
    parts : mapping of str to int
        Ticks by what they were spent on; they sum to the makespan.
    hops : tuple of Hop
        Messages on the path, in order; at most ``MOST_HOPS`` of them, the last ones.
    messages : int
        How many messages lie on the path.
    """

    parts: Mapping[str, int]
    hops: tuple[Hop, ...]
    messages: int


MOST_HOPS = 10_000


class PathBuilder:
    """Collects a path backwards, from its end to the start of the run."""

    def __init__(self) -> None:
        self.parts: Counter[str] = Counter()
        self.hops: list[Hop] = []
        self.messages = 0

    def follow(self, cause: Cause) -> Cause:
        """Take in the causes of a tick; return the entry that they lead to."""
        while cause.before is not None:
            self.parts[cause.part] += cause.ticks
            if cause.place:
                self.messages += 1
                if len(self.hops) < MOST_HOPS:
                    source, destination = cause.place
                    begin, end = cause.before.tick, cause.tick
                    self.hops.append(
                        Hop(source=source, destination=destination, begin_ticks=begin, end_ticks=end)
                    )
            cause = cause.before
        return cause

    def path(self, start: int, makespan: int) -> CriticalPath:
        """Return the path, which must explain the makespan to the tick.

        Raises
        ------
        SelfCheckError
            It does not.
        """
        self.parts["start"] += start
        total = sum(self.parts.values())
        if total != makespan:
            raise SelfCheckError(
                "simulator", "the critical path must sum to the makespan", got=(total, makespan)
            )
        parts = {part: self.parts[part] for part in PARTS}
        return CriticalPath(parts=parts, hops=tuple(reversed(self.hops)), messages=self.messages)
