"""One round of clocks, by hand and in both forms."""

import sys
from importlib.util import find_spec

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nearlinear.models.collectives.schedule import Transfers
from nearlinear.simulator import clocks
from nearlinear.simulator.clocks import Peers, advance, advance_for, compiled_advance

needs_numba = pytest.mark.skipif(find_spec("numba") is None, reason="needs numba, the extra [fast]")


def _peers(source: list[int], destination: list[int]) -> Peers:
    none = np.zeros(len(source), dtype=int)
    return Peers.of(
        Transfers(
            source=np.array(source), destination=np.array(destination), chunk=none, chunks=1, reduce=True
        )
    )


FORMS = [advance, pytest.param(compiled_advance, marks=needs_numba)]


@pytest.mark.parametrize("form", FORMS)
def test_a_pair_by_hand(form: clocks.Advance) -> None:
    """Rank 0 is ready at 5, rank 1 at 9: the message of 4 ends at 13, its handling of 2 at 15."""
    after = form(np.array([[5, 9, 1]]), _peers([0], [1]), np.array([[4]]), np.array([[2]]))
    assert after.tolist() == [[13, 15, 1]]


@pytest.mark.parametrize("form", FORMS)
def test_receives_are_handled_one_after_another(form: clocks.Advance) -> None:
    """Both messages end at 10; the first waits 3 and then 5 for the second, together at 18."""
    after = form(np.array([[0, 0, 0]]), _peers([1, 2], [0, 0]), np.array([[10, 10]]), np.array([[3, 5]]))
    assert after.tolist() == [[18, 10, 10]]


@pytest.mark.parametrize("form", FORMS)
def test_a_late_second_message_does_not_wait_for_the_first(form: clocks.Advance) -> None:
    after = form(np.array([[0, 0, 0]]), _peers([1, 2], [0, 0]), np.array([[1, 10]]), np.array([[3, 5]]))
    assert after.tolist() == [[15, 1, 10]]


@needs_numba
@given(st.data())
def test_both_forms_are_equal(data: st.DataObject) -> None:
    ranks = data.draw(st.integers(2, 9))
    count = data.draw(st.integers(1, 20))
    samples = data.draw(st.integers(1, 3))
    rng = np.random.default_rng(data.draw(st.integers(0, 2**31)))
    source = rng.integers(0, ranks, count)
    destination = (source + rng.integers(1, ranks, count)) % ranks
    entered = rng.integers(0, 1000, (samples, ranks))
    duration = rng.integers(0, 1000, (data.draw(st.sampled_from([1, samples])), count))
    handling = rng.integers(0, 50, (samples, data.draw(st.sampled_from([1, count]))))
    peers = _peers(source.tolist(), destination.tolist())
    one, other = (form(entered, peers, duration, handling) for form in (advance, compiled_advance))
    assert (one == other).all()


def test_the_loops_are_the_same_source_without_numba(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clocks, "_compiled", lambda: clocks._loops)
    entered, peers = np.array([[5, 9, 1]]), _peers([0, 2], [1, 1])
    duration, handling = np.array([[4, 6]]), np.array([[2, 3]])
    one, other = (form(entered, peers, duration, handling) for form in (advance, compiled_advance))
    assert (one == other).all()


def test_small_work_never_loads_numba(monkeypatch: pytest.MonkeyPatch) -> None:
    assert advance_for(1000) is advance
    monkeypatch.setitem(sys.modules, "numba", None)
    monkeypatch.setattr(clocks, "find_spec", lambda name: None)
    assert advance_for(10**9) is advance


@needs_numba
def test_large_work_is_compiled() -> None:
    assert advance_for(10**9) is compiled_advance
