"""Points: medians over repeats, and which of them are held out."""

from dataclasses import replace

import numpy as np
import pytest

from nearlinear.calibrate.importers import Imported
from nearlinear.calibrate.points import KIND, groups, medians
from nearlinear.calibrate.splits import hold_out_sizes
from nearlinear.measure.records import Sample
from nearlinear.models.hardware.message import LinkCost
from tests.unit.calibrate.measured import SIZES, file_of, samples


@pytest.fixture
def two_files(link: LinkCost) -> list[Imported]:
    ring, tree = samples("ring", link, repeats=3, noise=0.1), samples("tree", link)
    return [file_of(ring, tree), file_of(samples("ring", link, seed=5, noise=0.1))]


def test_a_point_is_the_median_of_its_repeats(link: LinkCost) -> None:
    first = samples("ring", link, sizes=np.array([1024.0]))[0]
    repeats = [replace(first, repetition=k, time_s=t) for k, t in enumerate((3.0, 1.0, 2.0))]
    points = medians([file_of(repeats)])
    assert (points.time_s.tolist(), points.repeats.tolist(), len(points)) == ([2.0], [3], 1)


def test_rows_that_say_nothing_are_left_out(link: LinkCost) -> None:
    good = samples("ring", link, sizes=np.array([1024.0]))[0]
    useless: list[Sample] = [
        replace(good, ranks=1), replace(good, size_bytes=0), replace(good, correct=False),
    ]  # fmt: skip
    assert len(medians([file_of([good], useless)])) == 1
    assert len(medians([file_of([replace(good, correct=None)])])) == 1
    assert len(medians([file_of(useless)])) == 0


def test_files_and_placements_stay_apart(two_files: list[Imported]) -> None:
    points = medians(two_files)
    assert len(points) == 3 * len(SIZES)
    assert set(points.file) == {0, 1}
    assert [len(rows) for rows in groups(points, KIND)] == [2 * len(SIZES), len(SIZES)]


@pytest.mark.parametrize("seed", range(5))
def test_a_size_falls_on_one_side_and_ends_are_kept(two_files: list[Imported], seed: int) -> None:
    points = medians(two_files)
    held = hold_out_sizes(points, 0.2, seed)
    for rows in groups(points, KIND):
        of_size = [held[rows[points.size_bytes[rows] == size]] for size in SIZES]
        assert all(len(set(side)) == 1 for side in of_size)
        assert sum(side[0] for side in of_size) == round(0.2 * len(SIZES))
        assert not of_size[0].any()
        assert not of_size[-1].any()


def test_the_draw_depends_on_the_seed_alone(two_files: list[Imported]) -> None:
    points = medians(two_files)
    assert (hold_out_sizes(points, 0.2, 3) == hold_out_sizes(points, 0.2, 3)).all()
    assert (hold_out_sizes(points, 0.2, 3) != hold_out_sizes(points, 0.2, 4)).any()
    assert not hold_out_sizes(points, 0.0, 3).any()
