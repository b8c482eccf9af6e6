"""Every schedule computes the exact sum, for any rank count and any length."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nearlinear.models.collectives import ALGORITHMS, Choices
from nearlinear.models.collectives.hierarchical import OUTER
from tests.conftest import execute

CHOICES = st.builds(
    Choices,
    servers=st.integers(0, 5),
    group=st.sampled_from([1, 2, 3, 4, 8]),
    outer=st.sampled_from(list(OUTER)),
)


@pytest.mark.parametrize("name", ALGORITHMS)
@given(workers=st.integers(1, 33), elements=st.integers(0, 70), choices=CHOICES, seed=st.integers(0, 2**31))
def test_the_sum_is_exact_on_every_rank(
    name: str, workers: int, elements: int, choices: Choices, seed: int
) -> None:
    schedule = ALGORITHMS[name].schedule_for(workers, choices)
    vectors = np.random.default_rng(seed).integers(-1000, 1000, (schedule.ranks, elements))
    vectors[workers:] = 0
    after = execute(schedule, vectors)
    assert (after[:workers] == vectors.sum(axis=0)).all()


@pytest.mark.parametrize("name", ALGORITHMS)
@given(workers=st.integers(1, 40), choices=CHOICES)
def test_indices_stay_in_range(name: str, workers: int, choices: Choices) -> None:
    schedule = ALGORITHMS[name].schedule_for(workers, choices)
    for phase in schedule.phases():
        for transfers in phase:
            for ranks in (transfers.source, transfers.destination):
                assert ((ranks >= 0) & (ranks < schedule.ranks)).all()
            assert (transfers.chunk >= 0).all()
            assert (transfers.chunk + transfers.chunks <= schedule.chunk_count).all()
