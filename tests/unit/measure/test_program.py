"""What a rank does in a schedule and in the sampling loop, with a transport that stays in memory."""

from collections import deque
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from nearlinear.measure.buffers import Buffers
from nearlinear.measure.operations import PERIOD, VENDOR, Workspace, check_names, find_operations
from nearlinear.measure.placement import Placement
from nearlinear.measure.program import RankProgram
from nearlinear.measure.runner import log_sizes
from nearlinear.measure.sampling import Sampling, run_sampling
from nearlinear.models.collectives import ALGORITHMS, Choices
from nearlinear.models.errors import AbsentError, SpecError

ALONE = Placement.regular(1, 1)


class Loopback:
    """One rank alone: an allreduce copies, a message to itself arrives, nothing else is there."""

    name, rank, ranks = "loopback", 0, 1

    def __init__(self, off_by: float = 0.0) -> None:
        self.buffers = Buffers("host", np)
        self.off_by = off_by
        self.sent: deque[Any] = deque()

    def allreduce(self, send: Any, receive: Any) -> None:
        receive[:] = send + self.off_by

    def exchange(self, sends: Sequence[Any], receives: Sequence[Any]) -> None:
        self.sent.extend(np.copy(array) for array, _ in sends)
        for array, _ in receives:
            array[:] = self.sent.popleft()

    def barrier(self) -> None:
        pass

    def gather(self, values: Any) -> Any:
        return np.array([values])

    def share(self, value: float) -> float:
        return value


def test_a_ring_rank_adds_what_lands_and_passes_it_on() -> None:
    program = RankProgram(ALGORITHMS["ring"].schedule_for(2, Choices()), rank=0, elements=4)
    assert program.landing_elements == 2
    transport, vector = Scripted([[10.0, 20.0], [30.0, 40.0]]), np.array([1.0, 2.0, 3.0, 4.0])
    program.run(transport, vector, np.zeros(2))
    # Round 0 sends chunk 0 and adds to chunk 1; round 1 sends that sum and takes the other's.
    assert [list(sent) for sent in transport.out] == [[1.0, 2.0], [13.0, 24.0]]
    assert vector.tolist() == [30.0, 40.0, 13.0, 24.0]


@pytest.mark.parametrize("name", ALGORITHMS)
def test_no_program_for_a_rank_beyond_the_schedule(name: str) -> None:
    schedule = ALGORITHMS[name].schedule_for(3, Choices())
    program = RankProgram(schedule, rank=schedule.ranks, elements=10)
    assert program.landing_elements == 0
    transport = Loopback()
    program.run(transport, np.zeros(10), np.zeros(0))
    assert not transport.sent


class Scripted(Loopback):
    """A rank whose peer sends what is written here."""

    def __init__(self, arriving: list[list[float]]) -> None:
        super().__init__()
        self.arriving, self.out = deque(arriving), list[Any]()

    def exchange(self, sends: Sequence[Any], receives: Sequence[Any]) -> None:
        self.out += [np.copy(array) for array, _ in sends]
        for array, _ in receives:
            array[:] = self.arriving.popleft()


def _sample(transport: Loopback, sizes: tuple[int, ...], repetitions: int, budget_s: float) -> Any:
    kept: list[Any] = []
    sampling = Sampling(sizes=sizes, dtype="float32", repetitions=repetitions, budget_s=budget_s, seed=1)
    rows = find_operations(["allreduce"], [VENDOR], ALONE)
    return run_sampling(transport, rows, sampling, ALONE, kept.append, lambda line: None), kept


def test_every_cell_gets_its_repetitions() -> None:
    reason, kept = _sample(Loopback(), (8, 64), 5, 60.0)
    assert reason == "done"
    assert sorted((s.size_bytes, s.repetition) for s in kept) == [
        (size, repetition) for size in (8, 64) for repetition in range(5)
    ]
    assert all(s.correct and s.time_s > 0 for s in kept)


def test_sizes_are_shuffled() -> None:
    _, kept = _sample(Loopback(), tuple(8 * 2**k for k in range(8)), 3, 60.0)
    sizes = [s.size_bytes for s in kept]
    assert sizes != sorted(sizes)


def test_a_spent_budget_ends_the_run() -> None:
    reason, kept = _sample(Loopback(), (8, 64), 10**9, 0.05)
    assert reason == "budget"
    assert len(kept) > 0


def test_a_wrong_sum_is_seen() -> None:
    _, kept = _sample(Loopback(off_by=1.0), (8,), 1, 60.0)
    assert [s.correct for s in kept] == [False]


@pytest.mark.parametrize("ranks", [1, 2, 5, 7, 8, 20, 5000])
def test_expected_sums(ranks: int) -> None:
    space = Workspace(Loopback(), "float32")
    summed = sum((np.arange(30) + rank) % PERIOD for rank in range(ranks))
    assert (space.expected(30, ranks) == summed).all()


def test_cells_share_memory() -> None:
    space = Workspace(Loopback(), "float32")
    large, small = space.zeros("result", 100), space.zeros("result", 10)
    assert np.shares_memory(large, small)
    assert space.own(4, 1).tolist() == [1, 2, 3, 4]


def test_algorithms_that_need_more_ranks_are_left_out() -> None:
    two = {row.algorithm for row in find_operations(["allreduce"], ["all"], Placement.regular(2, 2))}
    three = {row.algorithm for row in find_operations(["allreduce"], ["all"], Placement.regular(3, 3))}
    assert VENDOR in two
    assert "ps" in three - two


@pytest.mark.parametrize(
    ("ops", "algorithms", "message"),
    [
        (["allreduc"], ["ring"], "--ops: must be known, got 'allreduc'; did you mean allreduce?"),
        (["allreduce"], ["rnig"], "--algorithms: must be known, got 'rnig'; did you mean ring?"),
        ([], ["ring"], "--ops: must name at least one; known are allreduce, sendrecv"),
    ],
)
def test_unknown_names(ops: list[str], algorithms: list[str], message: str) -> None:
    with pytest.raises(SpecError) as caught:
        check_names(ops, algorithms)
    assert message in str(caught.value)


def test_sizes_are_even_in_logarithm_and_whole_elements() -> None:
    assert log_sizes(1024, 8192) == (1024, 2048, 4096, 8192)
    assert log_sizes(1000, 1000) == (1000,)
    assert log_sizes(1, 16) == (8, 16)
    halves = log_sizes(1024, 4096, 2)
    assert halves == (1024, 1448, 2048, 2896, 4096)
    assert all(size % 8 == 0 for size in log_sizes(100, 10**6, 3))


def test_cuda_buffers_say_what_is_missing() -> None:
    from importlib.util import find_spec

    from nearlinear.measure.buffers import choose_buffers

    assert choose_buffers("host", 0).name == "host"
    if find_spec("cupy") is None:
        with pytest.raises(AbsentError, match=r"--buffers: needs CuPy \(pip install"):
            choose_buffers("cuda", 0)
        assert choose_buffers("auto", 0).name == "host"
