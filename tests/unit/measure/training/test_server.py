"""The server of an asynchronous rule, with visits in a given order: whom it answers, and when."""

from typing import Any

import numpy as np
import pytest

from nearlinear.measure.training.roles import Server
from nearlinear.models.training.synchronisation import AsynchronousServer, ServerRule, StaleSynchronous

LAST = "last"


class _Script:
    """A mailbox whose letters are known: worker, and whether it is its last."""

    def __init__(self, visits: list[tuple[int, str]]) -> None:
        self._visits = iter(visits)
        self.answers: list[tuple[int, float]] = []

    def take(self) -> tuple[int, Any, bool]:
        peer, what = next(self._visits)
        return peer, np.ones(1), what == LAST

    def send(self, letter: Any, peer: int) -> None:
        self.answers.append((peer, float(letter[0])))


def _answers(rule: ServerRule, order: str, workers: int) -> list[tuple[int, float]]:
    """Return who was answered with what; a digit is a visit, and at last all are done."""
    ends = [(peer, LAST) for peer in range(workers)]
    mailbox = _Script([*((int(peer), "") for peer in order), *ends])
    server = Server(rule, np.zeros(1), mailbox, workers)  # type: ignore[arg-type]
    assert server.run(0) == []
    return mailbox.answers


def test_without_a_bound_everybody_is_answered_at_once() -> None:
    assert _answers(AsynchronousServer(), "0001", 2) == [(0, 1.0), (0, 2.0), (0, 3.0), (1, 4.0)]


@pytest.mark.parametrize(
    ("staleness", "order", "answers"),
    [
        # The second visit is 2 ahead: its answer comes after worker 1 and holds what that one brought.
        (1, "001", [(0, 1.0), (1, 3.0), (0, 3.0)]),
        # All wait for all: worker 0 is answered after 1 and 2, with three moves.
        (0, "012", [(2, 3.0), (0, 3.0), (1, 3.0)]),
        (2, "001", [(0, 1.0), (0, 2.0), (1, 3.0)]),
    ],
)
def test_who_is_too_far_ahead_waits(staleness: int, order: str, answers: list[tuple[int, float]]) -> None:
    assert _answers(StaleSynchronous(staleness=staleness), order, len(set(order))) == answers


def test_a_worker_that_is_done_holds_nobody_back() -> None:
    """Worker 1 ends without a visit; worker 0, which is 1 ahead, is answered then."""
    mailbox = _Script([(0, ""), (1, LAST), (0, LAST)])
    Server(StaleSynchronous(staleness=0), np.zeros(1), mailbox, 2).run(0)  # type: ignore[arg-type]
    assert mailbox.answers == [(0, 1.0)]


def test_clocks_begin_anew_with_every_run() -> None:
    mailbox = _Script([(0, ""), (0, LAST), (1, LAST), (0, ""), (0, LAST), (1, LAST)])
    server = Server(StaleSynchronous(staleness=1), np.zeros(1), mailbox, 2)  # type: ignore[arg-type]
    server.run(0)
    server.run(0)
    assert mailbox.answers == [(0, 1.0), (0, 2.0)]
