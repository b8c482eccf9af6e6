"""Goodput over the interval between checkpoints."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from nearlinear.models.arrays import FloatArray
from nearlinear.models.duration import format_duration
from nearlinear.models.errors import SpecError
from nearlinear.simulator.failures.job import TICKS_PER_SECOND
from nearlinear.simulator.failures.outcome import Simulated
from nearlinear.simulator.failures.question import LONGEST, Scale

FEWEST = 3  # intervals that make a picture
LINE = 120  # points of the formula
SWEEP = np.geomspace(0.2, 5.0, 13)  # intervals, over the one in the middle


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sweep:
    """Goodput over the interval at one scale, by formula and simulated on the same failures.

    Attributes
    ----------
    interval_s : ndarray, shape (intervals,)
        Compute between checkpoints.
    simulated : sequence of Simulated
        Of every interval.
    line_s, formula : ndarray, shape (points,)
        Intervals closer together, and work over the expected time of a run at each.
    """

    interval_s: FloatArray
    simulated: Sequence[Simulated]
    line_s: FloatArray
    formula: FloatArray

    @classmethod
    def of(cls, scale: Scale) -> "Sweep":
        """Return the sweep about Daly's interval of a scale, without intervals that get nowhere.

        Raises
        ------
        SpecError
            Runs too short to have several intervals.
        """
        how, work_s = scale.question.how, float(scale.work_s.mean())
        middle = how.interval_s(scale.mtbf_s)
        wanted = [t for t in middle * SWEEP if how.behind_s <= t <= work_s]
        kept = [t for t in wanted if scale.expected_s(t) <= LONGEST * work_s]
        if len(kept) < FEWEST:
            rule = f"needs runs that are longer than {format_duration(float(SWEEP[FEWEST] * middle))}"
            raise SpecError("--plot", rule, remedy="say a longer --duration, or more --steps")
        line = np.geomspace(kept[0], kept[-1], LINE)
        walls = [scale.spent(t).wall / TICKS_PER_SECOND for t in kept]
        return cls(
            interval_s=np.array(kept),
            simulated=[Simulated.of(scale.work_s, wall) for wall in walls],
            line_s=line,
            formula=np.array([work_s / scale.expected_s(float(t)) for t in line]),
        )

    @property
    def best_s(self) -> float:
        """The interval of the largest simulated goodput: the top of a parabola through its log neighbours."""
        value = np.array([one.mean for one in self.simulated])
        place = int(value.argmax())
        if not 0 < place < len(value) - 1:
            return float(self.interval_s[place])
        logs = np.log(self.interval_s[place - 1 : place + 2])
        square, slope, _ = np.polyfit(logs - logs[1], value[place - 1 : place + 2], 2)
        return float(np.exp(logs[1] - slope / (2.0 * square)))
