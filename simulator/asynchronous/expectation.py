"""Which closed form says how stale a course should be."""

from dataclasses import dataclass

import numpy as np

from nearlinear.models.arrays import FloatArray
from nearlinear.models.training.compute_spread import spread_out
from nearlinear.models.training.jitter import Jitter
from nearlinear.models.training.staleness import never_resting, renewal, together
from nearlinear.models.training.synchronisation import BulkSynchronous, StaleSynchronous
from nearlinear.simulator.asynchronous.course import Course
from nearlinear.simulator.asynchronous.crew import Crew, Visits
from nearlinear.simulator.exchange import TICKS_PER_SECOND
from nearlinear.simulator.steps.conditions import Conditions

SELDOM = 0.5  # use of a server up to which waiting is left out
NEARLY_ALL = 0.999  # of the compute times must be shorter than a round of all others


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Expectation:
    """A distribution in closed form.

    Attributes
    ----------
    name : str
        Why it should hold.
    probability : ndarray
        Of 0, 1, 2 ... moves missed.
    steps : int
        Steps after which it holds: workers that begin together must first drift apart.
    """

    name: str
    probability: FloatArray
    steps: int = 0


def expected_staleness(course: Course, conditions: Conditions) -> Expectation | None:
    """Return what closed forms say of a course, or None where none of them holds.

    There is none for unequal workers, for a bound on how far they may be apart, and for a server that is
    neither seldom waited for nor always busy.
    """
    crew = course.crew
    if isinstance(crew.rule, BulkSynchronous):
        return Expectation(name="all together", probability=np.ones(1))
    if (
        crew.visits is None
        or isinstance(crew.rule, StaleSynchronous)
        or len(set(crew.step_ticks.tolist())) > 1
    ):
        return None
    if conditions.jitter.spread == 0 and crew.visits.servers > 1:
        return None  # visits of several servers in a row overtake one another
    if conditions.jitter.spread == 0:
        return Expectation(name="in turn", probability=together(crew.workers))
    return _of_jitter(crew, crew.visits, conditions.jitter)


def _of_jitter(crew: Crew, visits: Visits, jitter: Jitter) -> Expectation | None:
    """Return the form of a server that is seldom waited for, or that never rests; None in between."""
    step_s, held_s = float(crew.step_ticks[0]) / TICKS_PER_SECOND, visits.held_s
    cycle = spread_out(jitter, step_s, visits.servers * held_s + visits.answers_s, crew.period)
    away = spread_out(jitter, step_s, visits.answers_s, crew.period)
    if cycle is None or away is None:
        return None
    if crew.workers * held_s <= SELDOM * cycle.mean_s:
        # A random walk of the phase covers a whole cycle after (mean / deviation)^2 cycles.
        drifting = crew.period * int(np.ceil((cycle.mean_s / cycle.deviation_s) ** 2))
        return Expectation(name="renewal", probability=renewal(crew.workers, cycle), steps=drifting)
    if visits.servers == 1 and (crew.workers - 1) * held_s >= away.quantile_s(NEARLY_ALL):
        probability = never_resting(crew.workers, away, held_s)
        return Expectation(name="a server that never rests", probability=probability)
    return None
