"""One round of clocks, by hand, and in NumPy and kernels alike."""

from collections.abc import Callable, Iterator
from importlib.util import find_spec

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nearlinear.models.arrays import IntArray
from nearlinear.models.collectives.schedule import Phase, Schedule
from nearlinear.models.hardware.message import LinkCost
from nearlinear.models.hardware.topology import Topology
from nearlinear.simulator.exchange import Vector
from nearlinear.simulator.fabrics.fabric import Fabric
from nearlinear.simulator.rounds import engine
from nearlinear.simulator.rounds.clocks import advance, advance_loggops
from nearlinear.simulator.rounds.engine import Way, run_rounds

needs_numba = pytest.mark.skipif(find_spec("numba") is None, reason="needs numba, the extra [fast]")


def _after(
    clock: list[int], source: list[int], destination: list[int], duration: list[int], handling: list[int]
) -> list[int]:
    """Return the clocks of one sample after a round."""
    columns = (np.array(source), np.array(destination))
    ticks = (np.array(duration)[:, None], np.array(handling)[:, None])
    return list(advance(np.array(clock)[:, None], *columns, *ticks)[:, 0].tolist())


def test_a_pair_by_hand() -> None:
    """Rank 0 is ready at 5, rank 1 at 9: the message of 4 ends at 13, its handling of 2 at 15."""
    assert _after([5, 9, 1], [0], [1], [4], [2]) == [13, 15, 1]


def test_receives_are_handled_one_after_another() -> None:
    """Both messages end at 10; the first waits 3 and then 5 for the second, together at 18."""
    assert _after([0, 0, 0], [1, 2], [0, 0], [10, 10], [3, 5]) == [18, 10, 10]


def test_a_late_second_message_does_not_wait_for_the_first() -> None:
    assert _after([0, 0, 0], [1, 2], [0, 0], [1, 10], [3, 5]) == [15, 1, 10]


def _one_by_one(
    clock: IntArray, source: IntArray, destination: IntArray, duration: IntArray, handling: IntArray
) -> IntArray:
    """Return the clocks after a round, message by message."""
    after = clock.copy()
    handled = clock.copy()
    for i, (s, d) in enumerate(zip(source, destination, strict=True)):
        for sample in range(clock.shape[1]):
            wire, adding = (column[i, sample % column.shape[1]] for column in (duration, handling))
            end = max(clock[s, sample], clock[d, sample]) + wire
            after[s, sample] = max(after[s, sample], end)
            handled[d, sample] = max(handled[d, sample], end) + adding
            after[d, sample] = max(after[d, sample], end)
    receives = np.unique(destination)
    after[receives] = np.maximum(after[receives], handled[receives])
    return after


@given(st.data())
def test_a_round_is_its_messages_one_by_one(data: st.DataObject) -> None:
    ranks = data.draw(st.integers(2, 9))
    count = data.draw(st.integers(1, 20))
    samples = data.draw(st.integers(1, 3))
    rng = np.random.default_rng(data.draw(st.integers(0, 2**31)))
    source = rng.integers(0, ranks, count)
    destination = (source + rng.integers(1, ranks, count)) % ranks
    entered = rng.integers(0, 1000, (ranks, samples))
    duration = rng.integers(0, 1000, (count, data.draw(st.sampled_from([1, samples]))))
    handling = rng.integers(0, 50, (count, data.draw(st.sampled_from([1, samples]))))
    expected = _one_by_one(entered, source, destination, duration, handling)
    assert (expected == advance(entered, source, destination, duration, handling)).all()


def test_overheads_by_hand() -> None:
    """0 sends to 1 and 2, o = 3, g = 10, L = 5; rank 1 is busy until 20.

    The first leaves at 0, the second when the adapter is free again, at 10; the CPU is free at 13.
    They arrive at 0 + 3 + 5 = 8 and 10 + 3 + 5 = 18; rank 1 takes its at 20, rank 2 at 18.
    """
    cpu, out, into = np.array([[0], [20], [0]]), np.zeros((3, 1), np.int64), np.zeros((3, 1), np.int64)
    cost = np.repeat(np.array([3, 10, 3, 10, 8, 3])[:, None, None], 2, axis=1)
    advance_loggops(cpu, out, into, np.array([0, 0]), np.array([1, 2]), cost, np.zeros(2, np.uint8))
    assert cpu[:, 0].tolist() == [13, 23, 21]
    assert out[:, 0].tolist() == [20, 0, 0]
    assert into[:, 0].tolist() == [0, 30, 28]


def test_an_asking_send_by_hand() -> None:
    """0 asks 1, which posts its receive at 20: o = 3, o + L = 8, the adapter of 0 is free at 40.

    Request arrives at 8, is granted at 20, the grant is back at 28, data leave at 40 and arrive at 48.
    """
    cpu, out, into = np.array([[0], [20]]), np.array([[40], [0]]), np.zeros((2, 1), np.int64)
    cost = np.array([7, 10, 9, 10, 8, 3])[:, None, None]
    advance_loggops(cpu, out, into, np.array([0]), np.array([1]), cost, np.ones(1, np.uint8))
    assert cpu[:, 0].tolist() == [47, 57]
    assert out[:, 0].tolist() == [50, 0]
    assert into[:, 0].tolist() == [0, 58]


def _ring(rounds: int) -> tuple[Schedule, Fabric]:
    def phases() -> Iterator[Phase]:
        rank = np.arange(4)
        yield Phase(source=rank, destination=(rank + 1) % 4, chunk=rank, reduce=True, rounds=rounds)

    schedule = Schedule(workers=4, chunk_count=4, phases=phases)
    return schedule, Fabric.of(Topology.flat(LinkCost.of(1e-6, 1e9)), schedule)


def _sweeps(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return a list that tells from now on which way work takes."""
    taken: list[str] = []

    def noting(name: str) -> Callable[..., IntArray]:
        original: Callable[..., IntArray] = getattr(engine, name)

        def note(*arguments: object) -> IntArray:
            taken.append(name)
            return original(*arguments)

        return note

    for name in ("_sweep", "_by_round"):
        monkeypatch.setattr(engine, name, noting(name))
    return taken


def test_small_work_never_loads_numba(monkeypatch: pytest.MonkeyPatch) -> None:
    taken = _sweeps(monkeypatch)
    run_rounds(*_ring(250), Vector(elements=40))
    assert taken == ["_by_round"]


@needs_numba
def test_large_work_is_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    taken = _sweeps(monkeypatch)
    run_rounds(*_ring(engine.WORTH_COMPILING // 4), Vector(elements=40))
    run_rounds(*_ring(250), Vector(elements=40), way=Way(compile=True))
    assert taken == ["_sweep", "_sweep"]


def test_large_work_is_numpy_without_numba(monkeypatch: pytest.MonkeyPatch) -> None:
    taken = _sweeps(monkeypatch)
    monkeypatch.setattr(engine, "available", lambda: False)
    monkeypatch.setattr(engine, "WORTH_COMPILING", 1000)
    run_rounds(*_ring(250), Vector(elements=40))
    assert taken == ["_by_round"]
