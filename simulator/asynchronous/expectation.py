"""Which closed form says how stale a course should be."""

from dataclasses import dataclass

import numpy as np

from nearlinear.models.arrays import FloatArray
from nearlinear.models.training.compute_spread import lognormal
from nearlinear.models.training.server_queue import saturating_workers
from nearlinear.models.training.staleness import renewal, together
from nearlinear.models.training.synchronisation import BulkSynchronous, StaleSynchronous
from nearlinear.simulator.asynchronous.course import Course
from nearlinear.simulator.exchange import TICKS_PER_SECOND
from nearlinear.simulator.steps.conditions import Conditions


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

    Unequal workers and a bound on how far workers may be apart have no distribution in closed form.
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
    held = float((crew.visits.bring_ticks + crew.visits.answer_ticks)[0])
    full = saturating_workers(crew.period * course.compute_ticks, held, crew.visits.servers)
    if conditions.jitter == 0 or crew.workers >= full:
        return Expectation(name="in turn", probability=together(crew.workers))
    cycle = lognormal(
        float(crew.step_ticks[0]) / TICKS_PER_SECOND,
        conditions.jitter,
        crew.visits.servers * held / TICKS_PER_SECOND,
        crew.period,
    )
    # A random walk of the phase covers a whole cycle after (mean / deviation)^2 cycles.
    drifting = crew.period * int(np.ceil((cycle.mean_s / cycle.deviation_s) ** 2))
    return Expectation(name="renewal", probability=renewal(crew.workers, cycle), steps=drifting)
