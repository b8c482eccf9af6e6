"""Workers under a rule of synchronisation, with all their times: what a course is made of."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from nearlinear.models.arrays import IntArray
from nearlinear.models.training.synchronisation import Gossip, Rule
from nearlinear.simulator.asynchronous.durations import Draw, constant, ticks
from nearlinear.simulator.exchange import TICKS_PER_SECOND

WARM = 4  # the first steps, one for so many that count, are left out


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Visits:
    """What a visit to a server takes; the server is held until a part is there and added.

    Attributes
    ----------
    bring_ticks : ndarray of int, shape (workers,)
        Until a worker's part is there and added.
    answer_ticks : ndarray of int, shape (workers,)
        From then until the answer is back, by the other direction of the server's link.
    servers : int
        Each has a part of the weights and is visited in turn.
    node : ndarray of int, shape (workers,)
        Whose adapters a worker uses.
    adapters : int
        Visits at once that a node has adapters for.
    draw : Draw
        Factors on ``bring_ticks``.
    """

    bring_ticks: IntArray
    answer_ticks: IntArray
    servers: int = 1
    node: IntArray = field(default_factory=lambda: np.zeros(0, np.int64))
    adapters: int = 1
    draw: Draw = constant

    @property
    def held_s(self) -> float:
        """How long a visit holds a server on average."""
        return float(self.bring_ticks.mean()) / TICKS_PER_SECOND

    @property
    def answers_s(self) -> float:
        """How long the answers of all servers take on average, one after the other."""
        return self.servers * float(self.answer_ticks.mean()) / TICKS_PER_SECOND

    @property
    def narrow(self) -> bool:
        """Whether the adapters of a node can be what visits wait for."""
        return len(self.node) > 0 and self.servers > self.adapters


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Links:
    """What a push takes, and which links it holds.

    Attributes
    ----------
    transfer_ticks : ndarray of int, shape (levels, workers)
        On each level of links, for a slow sender or receiver longer.
    unit : ndarray of int, shape (levels, workers)
        Whose uplink on that level a worker uses.
    inside : ndarray of int, shape (levels, workers)
        In which unit of the level a worker is: a push takes the innermost level that both share.
    uplinks : ndarray of int, shape (levels,)
        Pushes at once that an uplink carries.
    merge_ticks : int
        At the receiver, for each push.
    """

    transfer_ticks: IntArray
    unit: IntArray
    inside: IntArray
    uplinks: IntArray
    merge_ticks: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Crew:
    """Workers under a rule.

    Attributes
    ----------
    rule : Rule
        How they stay together.
    step_ticks : ndarray of int, shape (workers,)
        Compute of a step.
    draw : Draw
        Factors on it.
    steps : int
        Per worker, that count; whole periods are taken.
    seed : tuple of int
        Of all that is drawn.
    visits, links, average_ticks : Visits, Links, int
        What the rule's exchange takes: visits to a server, pushes, or averaging over all.
    """

    rule: Rule
    step_ticks: IntArray
    draw: Draw = constant
    steps: int
    seed: tuple[int, ...] = (0,)
    visits: Visits | None = None
    links: Links | None = None
    average_ticks: int = 0

    @property
    def workers(self) -> int:
        """How many."""
        return len(self.step_ticks)

    @property
    def period(self) -> int:
        """Steps between exchanges; 1 where chance decides."""
        return 1 if isinstance(self.rule, Gossip) else self.rule.period

    @property
    def counted(self) -> int:
        """Steps per worker that count, in whole periods."""
        return -(-self.steps // self.period) * self.period

    @property
    def warm(self) -> int:
        """Steps per worker before those, in whole periods: one in which workers begin together, and more."""
        return (1 + -(-self.steps // (WARM * self.period))) * self.period

    def compute(self, worker: int) -> Iterator[int]:
        """Yield the compute of a worker's steps, drawn by a generator of its own."""
        generator = np.random.default_rng([*self.seed, 0, worker])
        return ticks(int(self.step_ticks[worker]), self.draw, generator)
