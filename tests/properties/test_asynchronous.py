"""What holds of any crew under any rule, however its workers are."""

from itertools import pairwise

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from nearlinear.models.training.jitter import Jitter
from nearlinear.models.training.staleness import most_missed
from nearlinear.models.training.synchronisation import AsynchronousServer, Gossip, StaleSynchronous
from nearlinear.simulator.asynchronous.course import Course, run_course
from nearlinear.simulator.asynchronous.crew import Crew, Links, Visits
from nearlinear.simulator.asynchronous.durations import constant, drawn, exponential

TICKS = st.integers(0, 5000)
DRAWS = st.sampled_from([constant, exponential, drawn(Jitter(spread=0.4))])


@st.composite
def _visits(draw: st.DrawFn, workers: int) -> Visits:
    return Visits(
        bring_ticks=np.full(workers, draw(TICKS)),
        answer_ticks=np.full(workers, draw(TICKS)),
        servers=draw(st.integers(1, 3)),
        node=np.arange(workers) // draw(st.integers(1, 4)),
        adapters=draw(st.integers(1, 2)),
        draw=draw(DRAWS),
    )


@st.composite
def _crews(draw: st.DrawFn, bounded: bool) -> Crew:
    workers, period = draw(st.integers(2, 6)), draw(st.integers(1, 3))
    rule = StaleSynchronous(staleness=draw(st.integers(0, 4)), period=period)
    return Crew(
        rule=rule if bounded else AsynchronousServer(period=period),
        step_ticks=np.array(draw(st.lists(st.integers(1, 9000), min_size=workers, max_size=workers))),
        draw=draw(DRAWS),
        steps=draw(st.integers(1, 40)),
        seed=(draw(st.integers(0, 99)),),
        visits=draw(_visits(workers)),
    )


def _check(course: Course) -> None:
    """Nobody is in two places, all steps are made, and a server is held by one worker at a time."""
    crew = course.crew
    assert (course.spent.sum(axis=1) == course.ticks).all()
    assert course.made.sum() == crew.workers * crew.counted


@settings(max_examples=100, deadline=None)
@given(crew=_crews(bounded=True))
def test_nobody_is_ever_beyond_the_bound(crew: Crew) -> None:
    assert isinstance(crew.rule, StaleSynchronous)
    course = run_course(crew)
    _check(course)
    assert course.lead <= crew.rule.staleness
    assert course.missed.max(initial=0) <= most_missed(crew.workers, crew.rule.staleness)


@settings(max_examples=40, deadline=None)
@given(crew=_crews(bounded=False))
def test_a_server_is_visited_by_one_worker_at_a_time(crew: Crew) -> None:
    course = run_course(crew, record=True)
    _check(course)
    for server in range(crew.workers, len(course.spent)):
        held = sorted((span.begin, span.end) for span in course.spans if span.track == server)
        assert all(end <= begin for (_, end), (begin, _) in pairwise(held))
        assert (
            sum(end - max(begin, course.begin) for begin, end in held) == course.busy[server - crew.workers]
        )


@settings(max_examples=40, deadline=None)
@given(
    workers=st.integers(1, 6), probability=st.floats(0.01, 1.0), transfer=TICKS, merge=TICKS, draw=DRAWS,
    per_node=st.integers(1, 3), seed=st.integers(0, 99),
)  # fmt: skip
def test_every_push_is_received(
    workers: int, probability: float, transfer: int, merge: int, draw: object, per_node: int, seed: int
) -> None:
    unit = np.stack([np.arange(workers), np.arange(workers) // per_node])
    inside = np.stack([np.arange(workers) // per_node, np.zeros(workers, np.int64)])
    links = Links(
        transfer_ticks=np.full((2, workers), transfer) * np.array([[1], [4]]), unit=unit, inside=inside,
        uplinks=np.array([1, 2]), merge_ticks=merge,
    )  # fmt: skip
    rule, step = Gossip(probability=probability), np.full(workers, 1000)
    course = run_course(Crew(rule=rule, step_ticks=step, draw=draw, steps=20, seed=(seed,), links=links))  # type: ignore[arg-type]
    _check(course)
    assert course.sent.sum() == course.received.sum()
    assert (course.ages >= 0).all()
