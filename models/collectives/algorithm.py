"""What an entry of the registry of collectives is, and the choices an algorithm can be given."""

from collections.abc import Callable
from dataclasses import dataclass

from nearlinear.models.arrays import FloatArray, IntArray
from nearlinear.models.collectives.schedule import Schedule
from nearlinear.models.hardware.topology import Topology


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """Choices beside rank count and size.

    Attributes
    ----------
    servers : int
        Parameter servers; 0 leaves the algorithm's own default.
    group : int
        Devices that a hierarchical algorithm treats as one unit (usually the devices of a node).
    outer : str
        Allreduce that a hierarchical algorithm uses between units.
    wire_fraction : float
        Bytes on the wire per byte in memory: 0.5 for 16-bit messages of 32-bit sums.
    """

    servers: int = 0
    group: int = 1
    outer: str = "ring"
    wire_fraction: float = 1.0

    def landed(self, size_bytes: FloatArray | float) -> FloatArray | float:
        """Return the bytes a receiver must convert after a copy: all of them if the wire is narrower."""
        return size_bytes if self.wire_fraction < 1.0 else 0.0 * size_bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Algorithm:
    """An allreduce algorithm: its schedule as data, and its cost in closed form.

    Attributes
    ----------
    schedule : callable or None
        ``schedule(workers, choices)`` returns the :class:`Schedule`; None for a library's own
        collective, whose schedule nobody sees.
    time_s : callable
        ``time_s(topology, ranks, size_bytes, choices)`` returns seconds; broadcasts over sizes, ranks
        and parameter samples, and never iterates over rounds. Zero for one rank or an empty vector.
    source : str
        Where the algorithm is described.
    cuts : bool
        Whether its messages are parts of the vector, one per rank, instead of up to all of it.
    aligned : bool
        Whether its closed form is exact on several levels for powers of two only, and a bound from
        above elsewhere.
    nested : bool
        Whether it exchanges inside groups (nodes) before it does between them.
    """

    name: str
    title: str
    source: str
    schedule: Callable[[int, Choices], Schedule] | None
    time_s: Callable[[Topology, int | IntArray, FloatArray | float, Choices], FloatArray]
    cuts: bool = False
    aligned: bool = False
    nested: bool = False

    def schedule_for(self, workers: int, choices: Choices) -> Schedule:
        """Return the schedule of an algorithm that has one."""
        assert self.schedule is not None, f"{self.name} has no schedule"
        return self.schedule(workers, choices)
