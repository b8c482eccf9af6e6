"""What a rank does in a schedule, with a transport that stays in memory."""

from collections import deque
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from nearlinear.measure.program import RankProgram
from nearlinear.measure.sizes import log_sizes
from nearlinear.measure.transports.alone import LoneTransport
from nearlinear.measure.transports.buffers import HOST
from nearlinear.models.collectives import ALGORITHMS, Choices


class Scripted(LoneTransport):
    """A rank whose peer sends what is written here."""

    def __init__(self, arriving: list[list[float]]) -> None:
        super().__init__(HOST)
        self.arriving, self.out = deque(arriving), list[Any]()

    def exchange(self, sends: Sequence[Any], receives: Sequence[Any]) -> None:
        self.out += [array.view(np.float32).copy() for array, _ in sends]
        for array, _ in receives:
            array.view(np.float32)[:] = self.arriving.popleft()


def test_a_ring_rank_adds_what_lands_and_passes_it_on() -> None:
    program = RankProgram(ALGORITHMS["ring"].schedule_for(2, Choices()), rank=0, elements=4)
    assert program.landing_elements == 2
    assert program.leaving_elements == 0
    transport = Scripted([[10.0, 20.0], [30.0, 40.0]])
    vector = np.array([1.0, 2.0, 3.0, 4.0], np.float32)
    program.bind(transport, vector, np.zeros(2, np.float32), None)()
    # Round 0 sends chunk 0 and adds to chunk 1; round 1 sends that sum and takes the other's.
    assert [list(sent) for sent in transport.out] == [[1.0, 2.0], [13.0, 24.0]]
    assert vector.tolist() == [30.0, 40.0, 13.0, 24.0]


@pytest.mark.parametrize("name", ALGORITHMS)
def test_no_program_for_a_rank_beyond_the_schedule(name: str) -> None:
    schedule = ALGORITHMS[name].schedule_for(3, Choices())
    program = RankProgram(schedule, rank=schedule.ranks, elements=10)
    assert program.landing_elements == 0
    transport = Scripted([])
    program.bind(transport, np.zeros(10, np.float32), np.zeros(0, np.float32), None)()
    assert not transport.out


def test_sizes_are_even_in_logarithm_and_whole_elements() -> None:
    assert log_sizes(1024, 8192) == (1024, 2048, 4096, 8192)
    assert log_sizes(1000, 1000) == (1000,)
    assert log_sizes(1, 16) == (8, 16)
    halves = log_sizes(1024, 4096, 2)
    assert halves == (1024, 1448, 2048, 2896, 4096)
    assert all(size % 8 == 0 for size in log_sizes(100, 10**6, 3))
