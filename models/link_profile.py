"""What was fitted to one level of links, and the library's collective as it was measured there."""

from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from nearlinear.models.arrays import FloatArray
from nearlinear.models.collectives.surface import Surface
from nearlinear.models.hardware.message import LinkCost
from nearlinear.models.prediction import HIGH, LOW

# How errors of carried curves grow with doublings of the ranks: 0.6 to 0.8 between one and two doublings on
# switched and shared links, 0.5 between one and three on a network (python benchmarks/bands.py --data DIR).
RANK_POWER = 0.7
NARROW_TYPES = ("half", "float16", "bfloat16")


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """Best fit of a parameter with the 5th and 95th percentile of its samples.

    Where refits lean to one side, the interval is widened to hold the best fit itself.
    """

    best: float
    low: float
    high: float

    @classmethod
    def of(cls, samples: FloatArray) -> Self:
        """Return the interval of samples of shape (n, 1) whose first row is the best fit."""
        best = float(samples[0, 0])
        low, high = np.percentile(samples, [LOW, HIGH])
        return cls(best=best, low=min(best, float(low)), high=max(best, float(high)))

    def shown(self, unit: float) -> str:
        """Return the text for people, in multiples of ``unit``."""
        return f"{self.best / unit:.3g} [{self.low / unit:.3g} - {self.high / unit:.3g}]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Holdout:
    """Errors on points that the fit did not see.

    Attributes
    ----------
    median_ape, p95_ape : float
        Median and 95th percentile of the absolute error relative to the measured time.
    coverage_90 : float
        Fraction of the points inside the 90 % band.
    points : int
        How many points.
    """

    median_ape: float
    p95_ape: float
    coverage_90: float
    points: int


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldOut:
    """Those errors for one collective and placement of one file.

    Attributes
    ----------
    by : {"sizes", "ranks", "runs"}
        What was held out.
    file, collective, algorithm, placement : str
        Whose points.
    outside : int
        Points outside the range of the others, which are not counted.
    """

    by: str
    file: str
    collective: str
    algorithm: str
    placement: str
    median_ape: float
    p95_ape: float
    coverage_90: float
    points: int
    outside: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LinkProfile:
    """The fitted cost of one level of links through one transport.

    Attributes
    ----------
    level : {"group", "node", "network"}
        Which links.
    transport, dtype : str
        How bytes moved, such as ``nccl`` or ``mpi-host``, and the element type.
    operation : str
        The library's collective that was timed; empty for our own schedules and single messages.
    source : {"vendor", "rounds", "pingpong", "stream"}
        Whether the library's own collective was timed, our own schedules, single messages, or windows of
        messages one way, which predictions do not use: their latency is the gap between messages.
    form : str
        Closed form through which the library's collective was read; empty for ``rounds``.
    cost : LinkCost
        Samples of shape (n, 1) of every parameter; the first row is the best fit.
    spread, spread_per_octave, spread_per_doubling : float
        Standard deviation of what the fit leaves out, in log time: inside the measured range, more
        per octave of message size above it, more per doubling of ranks beyond those measured.
    low_bytes, high_bytes : float
        Measured message sizes.
    ranks : tuple of int
        Measured counts of units at this level.
    per_node : int
        Ranks of each of these units: 1 inside a node.
    reduction_known : bool
        Whether the measurements could tell the cost of adding from that of moving.
    fabric : {"switched", "shared", ""}
        Class of the links inside a node: switched ones keep their bandwidth among more ranks, shared ones
        may not; empty where nobody knows.
    assumed : tuple of str
        Parameters that are a prior, or follow from one; all others were measured.
    holdout : Holdout or None
        Errors at sizes that a fit to the others did not see.
    surface : Surface or None
        The library's collective as it was measured; the cost carries it elsewhere.
    """

    level: str
    transport: str
    dtype: str
    operation: str
    source: str
    form: str
    cost: LinkCost
    spread: float
    spread_per_octave: float
    spread_per_doubling: float
    low_bytes: float
    high_bytes: float
    ranks: tuple[int, ...]
    per_node: int
    reduction_known: bool
    fabric: str = ""
    assumed: tuple[str, ...] = ()
    holdout: Holdout | None = None
    surface: Surface | None = None

    @property
    def on_host(self) -> bool:
        """Whether vectors lay in host memory."""
        return self.transport.startswith("mpi-host")

    @property
    def narrow(self) -> bool:
        """Whether elements had 16 bits."""
        return self.dtype in NARROW_TYPES

    @property
    def latency_s(self) -> Interval:
        """Seconds before the first byte of a message."""
        return Interval.of(self.cost.latency_s)

    @property
    def bandwidth_bytes_per_s(self) -> tuple[Interval, ...]:
        """Bandwidth of every piece, smallest messages first."""
        return tuple(Interval.of(1.0 / slope) for slope in self.cost.seconds_per_byte)

    @property
    def reduction_s_per_byte(self) -> Interval:
        """Seconds to add a byte."""
        return Interval.of(self.cost.reduction_s_per_byte)

    @property
    def best(self) -> LinkCost:
        """The best fit alone: the first sample."""
        cost = self.cost
        return replace(
            cost,
            latency_s=cost.latency_s[:1],
            seconds_per_byte=tuple(slope[:1] for slope in cost.seconds_per_byte),
            reduction_s_per_byte=cost.reduction_s_per_byte[:1],
        )

    def doublings(self, units: int) -> float:
        """Return how many doublings of the units lie between a count and those that were measured.

        A curve is known at measured counts only; a fitted cost holds between them, too.
        """
        if not self.ranks:
            return 0.0
        if self.surface is None:
            return max(float(np.log2(units / max(self.ranks))), 0.0)
        return float(np.min(np.abs(np.log2(units / np.array(self.ranks)))))

    def fills(self, per_node: int) -> bool:
        """Return whether the curves are those of units of so many ranks: 1 inside a node."""
        return self.surface is not None and self.per_node == per_node

    def rank_spread(self, units: int, per_node: int) -> float:
        """Return the standard deviation in log time for counts that were not measured; 0 where they were.

        Of curves it grows slower than with doublings, of fits of links in proportion to them. Units that
        are filled otherwise than the measured ones are as far away as their fillings.
        """
        distance = self.doublings(units)
        if self.surface is None:
            return self.spread_per_doubling * distance
        filling = abs(float(np.log2(per_node / self.per_node)))
        return self.spread_per_doubling * float((distance + filling) ** RANK_POWER)

    def edge_spread(self, size_bytes: FloatArray) -> FloatArray:
        """Return the standard deviation in log time below the smallest size of the curves; 0 above it."""
        if self.surface is None:
            return np.zeros(np.shape(size_bytes))
        smallest = min(curve.size_bytes[0] for curve in self.surface.curves)
        return np.asarray(self.spread_per_octave * np.log2(np.maximum(smallest / size_bytes, 1.0)))
