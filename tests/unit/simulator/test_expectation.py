"""Which closed form a course is held against."""

import numpy as np
import pytest

from nearlinear.models.training.jitter import Jitter
from nearlinear.models.training.synchronisation import (
    AsynchronousServer,
    BulkSynchronous,
    Rule,
    StaleSynchronous,
)  # fmt: skip
from nearlinear.simulator.asynchronous.course import run_course
from nearlinear.simulator.asynchronous.crew import Crew, Visits
from nearlinear.simulator.asynchronous.durations import drawn
from nearlinear.simulator.asynchronous.expectation import expected_staleness
from nearlinear.simulator.steps.conditions import Conditions


def _form(rule: Rule, held: int, jitter: float = 0.0, step: tuple[int, ...] = (1000,) * 8) -> str | None:
    conditions = Conditions(steps=4, jitter=Jitter(spread=jitter))
    none = np.zeros(len(step), dtype=np.int64)
    crew = Crew(
        rule=rule, step_ticks=np.array(step), steps=4, draw=drawn(conditions.jitter),
        visits=Visits(bring_ticks=none + held, answer_ticks=none) if rule.serves else None,
    )  # fmt: skip
    found = expected_staleness(run_course(crew), conditions)
    return None if found is None else found.name


@pytest.mark.parametrize(
    ("held", "jitter", "form"),
    [
        (10, 0.0, "in turn"),
        (900, 0.0, "in turn"),
        (10, 0.1, "renewal"),
        (900, 0.1, "a server that never rests"),
        (120, 0.1, None),  # used to 86 %: neither
    ],
)
def test_forms_of_a_server(held: int, jitter: float, form: str | None) -> None:
    assert _form(AsynchronousServer(), held, jitter) == form


def test_forms_of_others() -> None:
    assert _form(BulkSynchronous(averages="weights"), 0) == "all together"
    assert _form(StaleSynchronous(), 10) is None
    assert _form(AsynchronousServer(), 10, step=(1000, 2000)) is None


def test_after_how_many_steps_a_renewal_holds() -> None:
    """A deviation of a tenth: the phase has walked through a cycle after some hundred cycles."""
    none = np.zeros(4, dtype=np.int64)
    conditions = Conditions(steps=4, jitter=Jitter(spread=0.1))
    crew = Crew(
        rule=AsynchronousServer(), step_ticks=none + 1000, steps=4, draw=drawn(conditions.jitter),
        visits=Visits(bring_ticks=none, answer_ticks=none),
    )  # fmt: skip
    found = expected_staleness(run_course(crew), conditions)
    assert found is not None
    assert found.steps == pytest.approx(100, rel=0.03)
