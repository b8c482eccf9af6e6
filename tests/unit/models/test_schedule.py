"""Schedules as data: how indices turn, and what the phases of known algorithms are."""

import numpy as np
import pytest

from nearlinear.models.collectives import ALGORITHMS, Choices
from nearlinear.models.collectives.schedule import STILL, Phase, Turn


def test_a_turn_stays_in_its_cycle() -> None:
    turn = Turn(shift=2, cycle=5, base=10)
    assert turn.at(np.array([10, 14]), 1).tolist() == [12, 11]
    assert turn.at(np.array([10, 14]), 0).tolist() == [10, 14]
    assert STILL.at(np.array([3, 4]), 7).tolist() == [3, 4]


def test_a_ring_is_two_phases_however_many_ranks() -> None:
    schedule = ALGORITHMS["ring"].schedule_for(1024, Choices())
    phases = list(schedule.phases())
    assert [(phase.rounds, len(phase.source)) for phase in phases] == [(1023, 1024), (1023, 1024)]
    assert schedule.round_count == 2046


def test_the_first_rounds_of_a_ring_of_three() -> None:
    first = next(iter(ALGORITHMS["ring"].schedule_for(3, Choices()).phases()))
    assert first.round(0).chunk.tolist() == [0, 1, 2]
    assert first.round(1).chunk.tolist() == [2, 0, 1]
    assert first.round(1).destination.tolist() == [1, 2, 0]


def test_lanes_play_a_phase_side_by_side() -> None:
    phase = Phase(
        source=np.array([0, 1]), destination=np.array([1, 0]), chunk=np.array([0, 1]), reduce=True,
        chunk_turn=Turn(shift=1, cycle=2), rounds=2,
    )  # fmt: skip
    laned = phase.laned(3, np.array([0, 2, 4]))
    assert laned.source.tolist() == [0, 3, 1, 4, 2, 5]
    assert laned.round(1).chunk.tolist() == [1, 0, 3, 2, 5, 4]


@pytest.mark.parametrize(
    ("elements", "chunks", "expected"), [(10, 4, [0, 2, 5, 7, 10]), (2, 4, [0, 0, 1, 1, 2])]
)
def test_chunks_differ_by_one_element_at_most(elements: int, chunks: int, expected: list[int]) -> None:
    schedule = ALGORITHMS["ring"].schedule_for(chunks, Choices())
    assert schedule.chunk_bounds(elements).tolist() == expected


def test_a_dedicated_server_is_one_more_rank() -> None:
    assert ALGORITHMS["ps"].schedule_for(8, Choices()).ranks == 9
    assert ALGORITHMS["ps"].schedule_for(8, Choices(servers=3)).ranks == 11
    assert ALGORITHMS["ps-sharded"].schedule_for(8, Choices()).ranks == 8
