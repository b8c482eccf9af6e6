"""Held-out points: what is held out, that nothing of them is used, and how errors are told."""

from dataclasses import replace

import numpy as np
import pytest

from nearlinear.calibrate.curves.checked import check_curves
from nearlinear.calibrate.curves.predicted import predict_held
from nearlinear.calibrate.importers import Imported
from nearlinear.calibrate.points import Points, medians, tables_apart
from nearlinear.calibrate.splits import splits
from nearlinear.measure.records import Sample
from nearlinear.models.hardware.message import LinkCost
from tests.unit.calibrate.measured import SIZES, file_of, samples

LINK = LinkCost.of(5e-6, 20e9)


def _vendor(ranks: int, seed: int = 0, noise: float = 0.05, nodes: int = 1) -> list[Sample]:
    return samples("vendor", LINK, ranks=ranks, nodes=nodes, noise=noise, seed=seed)


@pytest.fixture
def points() -> Points:
    first = file_of(_vendor(2), _vendor(4, 1), _vendor(8, 2))
    second = file_of(_vendor(2, 3), _vendor(4, 4), _vendor(8, 5))
    return medians([first, second])


@pytest.mark.parametrize("by", ["sizes", "ranks", "runs"])
def test_predictions_never_depend_on_what_is_held_out(points: Points, by: str) -> None:
    for mask in splits(points, by, 0.5, 0):
        spoiled = replace(points, time_s=np.where(mask, 1e3, points.time_s))
        honest, blind = predict_held(points, mask, by), predict_held(spoiled, mask, by)
        assert len(honest.rows) > 0
        assert (honest.rows == blind.rows).all()
        assert mask[honest.rows].all()
        assert (honest.median_s == blind.median_s).all()
        assert (honest.half_width == blind.half_width).all()


@pytest.mark.parametrize(("by", "count"), [("sizes", 1), ("ranks", 3), ("runs", 2)])
def test_rank_counts_and_runs_are_held_out_in_turn(points: Points, by: str, count: int) -> None:
    masks = splits(points, by, 0.5, 0)
    assert len(masks) == count
    if by != "sizes":
        assert (np.sum(masks, axis=0) == 1).all()


def test_a_single_rank_count_or_run_leaves_nothing_to_hold_out() -> None:
    alone = medians([file_of(_vendor(4))])
    assert splits(alone, "ranks", 0.5, 0) == []
    assert splits(alone, "runs", 0.5, 0) == []
    assert splits(alone, "sizes", 0.0, 0) == []


def test_exact_data_are_predicted_exactly_between_neighbours() -> None:
    exact = medians([file_of(_vendor(4, noise=0.0))])
    mask = exact.size_bytes == SIZES[5]
    held = check_curves(exact, "sizes", mask)
    assert held is not None
    assert held.median_s == pytest.approx(held.measured_s)
    assert (held.summary.points, held.summary.coverage_90) == (1, 1.0)
    assert not held.outside.any()


def test_points_outside_the_sizes_of_others_are_told_apart() -> None:
    longer = _vendor(8)
    shorter = [sample for sample in _vendor(2) if sample.size_bytes < 2**20]
    points = medians([file_of(longer, shorter)])
    (two, eight) = splits(points, "ranks", 0.5, 0)[::-1]
    held = check_curves(points, "ranks", eight)
    assert held is not None
    assert (held.points.size_bytes[held.outside] >= 2**20).all()
    assert held.outside.sum() == sum(sample.size_bytes >= 2**20 for sample in longer)
    whole = check_curves(points, "ranks", two)
    assert whole is not None
    assert not whole.outside.any()


def test_nodes_are_carried_from_nodes_as_full() -> None:
    inside, two, four = _vendor(8), _vendor(16, nodes=2), _vendor(32, nodes=4)
    half_full = _vendor(16, nodes=4)
    points = medians([file_of(inside, two, four, half_full)])
    mask = (points.nodes == 4) & (points.ranks == 32)
    predicted = predict_held(points, mask, "ranks")
    only_two = medians([file_of(two, four)])
    same = predict_held(only_two, only_two.nodes == 4, "ranks")
    assert predicted.median_s == pytest.approx(same.median_s)


def test_other_systems_help_with_their_own_library_only() -> None:
    """Curves of NVSwitch bandwidth: helped through NCCL, by growth alone through MPI."""
    fast = LinkCost.of(1e-6, 300e9)
    sizes = np.exp2(np.arange(10.0, 30.0))
    taken = [s for ranks in (2, 4, 8) for s in samples("vendor", fast, ranks=ranks, sizes=sizes)]
    found = {}
    for transport in ("nccl", "mpi-host"):
        points = medians([file_of([replace(sample, transport=transport) for sample in taken])])
        found[transport] = predict_held(points, points.ranks == 8, "ranks").median_s
    assert not np.allclose(found["nccl"], found["mpi-host"], rtol=0.01)


def test_several_runs_tell_how_runs_differ() -> None:
    quiet = medians([file_of(_vendor(4, seed, noise=0.01)) for seed in range(6)])
    loud = medians([file_of(_vendor(4, seed, noise=0.2)) for seed in range(6)])
    width = [predict_held(p, p.file == 0, "runs").half_width[0] for p in (quiet, loud)]
    assert width[1] > 8 * width[0]
    few = medians([file_of(_vendor(4, seed, noise=0.2)) for seed in range(2)])
    assert predict_held(few, few.file == 0, "runs").half_width[0] == pytest.approx(0.0537, rel=0.1)


def test_tables_of_a_log_are_runs_and_samples_of_a_record_are_not() -> None:
    repeated = tuple(replace(sample, repetition=k) for k in range(3) for sample in _vendor(4, k))
    log = Imported(path="osu.log", format="osu", samples=repeated)
    assert [len(one.samples) for one in tables_apart([log])] == [len(SIZES)] * 3
    record = replace(log, format="record")
    assert [len(one.samples) for one in tables_apart([record])] == [3 * len(SIZES)]
