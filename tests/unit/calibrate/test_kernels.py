"""Kernels: known parameters are found again, what cannot be known is left out, files hold it all."""

import tomllib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from nearlinear.calibrate.calibration import CalibrateSpec, Calibration, fit_profile
from nearlinear.calibrate.compute import kernel_errors
from nearlinear.calibrate.compute.kernel_fit import KernelFit, Shape, fit_kernels
from nearlinear.calibrate.compute.kernel_points import KernelPoints, hold_out, kernel_points
from nearlinear.calibrate.importers import Imported
from nearlinear.calibrate.profile_file import write_profile
from nearlinear.measure.records import RecordWriter, Sample
from nearlinear.models.compute_profile import ComputeProfile
from nearlinear.models.errors import ContentError, FitError
from nearlinear.models.hardware.message import LinkCost
from nearlinear.models.profile import read_profile
from tests.unit.calibrate.kernels_made import SIZES, kernels
from tests.unit.calibrate.measured import samples
from tests.unit.calibrate.sealed import put_samples

QUICK = CalibrateSpec(replicates=60)


def _file(*groups: Sequence[Sample], devices: Sequence[str] = ("NVIDIA H100 80GB HBM3",)) -> Imported:
    return Imported(
        path="made-up", format="record", samples=tuple(s for g in groups for s in g),
        header={"devices": list(devices)},
    )  # fmt: skip


def _record(path: Path, *groups: Sequence[Sample], devices: Sequence[str] = ("NVIDIA H100",)) -> Path:
    writer = RecordWriter(path, {"hosts": ["n1"], "devices": list(devices)})
    for group in groups:
        for sample in group:
            writer.add(sample)
    writer.end(complete=True, reason="done")
    return path


def _points(made: Sequence[Sample]) -> KernelPoints:
    (points,) = kernel_points([_file(made)], []).values()
    return points


@pytest.fixture(scope="module")
def calibrated(tmp_path_factory: pytest.TempPathFactory) -> Calibration:
    """All families of one library."""
    made = [
        kernels(name, noise=0.02, seed=seed) for seed, name in enumerate(("gemm", "conv3x3", "copy", "add"))
    ]
    return fit_profile([_record(tmp_path_factory.mktemp("run") / "run.jsonl", *made)], QUICK)


def _family(calibration: Calibration, name: str) -> ComputeProfile:
    return next(one for one in calibration.profile.compute if one.family == name)


def test_a_median_over_repeats_is_a_point() -> None:
    made = [kernels("copy", floor_s=floor, sizes=SIZES[:4]) for floor in (1e-6, 2e-6, 9e-6)]
    points = _points([sample for group in made for sample in group])
    # 1 KiB copied moves 2 KiB: 2.048 ns at 1 TB/s on the middle floor
    assert points.time_s[0] == pytest.approx(2e-6 + 2048 / 1e12, rel=1e-12)
    assert (points.moved_bytes[0], points.flop[0], len(points)) == (2048, 0, 4)


def test_parts_by_hand() -> None:
    points = KernelPoints(
        operation=np.array(["gemm", "gemm"]), size_bytes=np.array([1.0, 2.0]), flop=np.array([1e6, 1e9]),
        moved_bytes=np.array([2e6, 1e6]), time_s=np.ones(2),
    )  # fmt: skip
    theta = np.log([[1e-6, 1e-12, 1e-12]])  # 1 us, 1 TFLOP/s, 1 TB/s
    parts = Shape(rate=True, bandwidth=True).parts_s(theta, points)[0]
    # the first takes 1 us of operations under 2 us of bytes, the second 1000 us over 1 us
    assert parts == pytest.approx(np.array([[1e-6, 1e-6], [0.0, 1e-3], [2e-6, 0.0]]))


def test_exact_times_give_their_parameters() -> None:
    dense = fit_kernels(_points(kernels("gemm", floor_s=5e-6, rate=1e13)), "dense")
    assert dense.shape == Shape(rate=True, bandwidth=False)
    assert np.exp(dense.theta) == pytest.approx([5e-6, 1e-13], rel=1e-3)
    memory = fit_kernels(_points([*kernels("copy"), *kernels("add")]), "memory")
    assert memory.shape == Shape(rate=False, bandwidth=True)
    assert np.exp(memory.theta) == pytest.approx([5e-6, 1e-12], rel=1e-3)


def test_products_that_memory_bounds_show_its_bandwidth() -> None:
    # without a floor to hide them, products below n = 6 x 1000 flop per byte are bound by bytes
    fit = fit_kernels(_points(kernels("gemm", floor_s=1e-8, rate=1e13, bandwidth=1e11)), "dense")
    assert fit.shape.bandwidth
    assert np.exp(fit.theta) == pytest.approx([1e-8, 1e-13, 1e-11], rel=0.01)


def test_caches_are_told_from_memory() -> None:
    made = kernels("copy", bandwidth=2e10, cache=(3e6, 1e11), floor_s=1e-6)
    fit = fit_kernels(_points(made), "memory")
    assert np.exp(fit.theta) == pytest.approx([1e-6, 1 / 2e10, 1 / 1e11], rel=0.01)
    assert 2 * 2**20 < fit.shape.cache_bytes < 4 * 2**20


def test_noise_is_in_the_intervals(calibrated: Calibration) -> None:
    assert [one.family for one in calibrated.profile.compute] == ["dense", "convolution", "memory"]
    dense, memory = _family(calibrated, "dense"), _family(calibrated, "memory")
    assert dense.rate_flop_per_s is not None
    assert memory.bandwidth_bytes_per_s is not None
    assert dense.rate_flop_per_s[0] == pytest.approx(1e13, rel=0.05)
    assert memory.bandwidth_bytes_per_s[0] == pytest.approx(1e12, rel=0.05)
    for one in calibrated.profile.compute:
        assert one.floor_s[0] == pytest.approx(5e-6, rel=0.1)
        assert len(one.floor_s) == QUICK.replicates
        assert 0.005 < one.spread < 0.05
        assert one.holdout is not None
        assert one.holdout.median_ape < 0.06
        assert all(x.low <= x.best <= x.high and x.high < 1.4 * x.low for x in one.intervals.values())
    assert (memory.sizes, memory.low_bytes, memory.high_bytes) == (34, 2**10, 2**26)
    assert memory.devices == ("NVIDIA H100",)
    assert not memory.on_host


def test_single_wrong_points_do_not_pull() -> None:
    made = kernels("gemm")
    made[12] = kernels("gemm", floor_s=1e-2)[12]
    fit = fit_kernels(_points(made), "dense")
    assert np.exp(fit.theta) == pytest.approx([5e-6, 1e-13], rel=0.02)


def test_held_out_sizes_are_not_fitted(monkeypatch: pytest.MonkeyPatch) -> None:
    points = _points([*kernels("copy"), *kernels("add")])
    held = hold_out(points, 0.5, 0)
    assert held.any()
    for operation in ("copy", "add"):
        mine = points.operation == operation
        outermost = (points.size_bytes[mine].min(), points.size_bytes[mine].max())
        assert not held[mine & np.isin(points.size_bytes, outermost)].any()
    seen: list[KernelPoints] = []

    def spy(some: KernelPoints, family: str) -> KernelFit:
        seen.append(some)
        return fit_kernels(some, family)

    monkeypatch.setattr(kernel_errors, "fit_kernels", spy)
    spoilt = points.time_s.copy()
    spoilt[held] *= 3.0
    wrong = KernelPoints(
        operation=points.operation, size_bytes=points.size_bytes, flop=points.flop,
        moved_bytes=points.moved_bytes, time_s=spoilt,
    )  # fmt: skip
    holdout = kernel_errors.check_held_out(wrong, "memory", CalibrateSpec(replicates=60, holdout=0.5))
    assert holdout is not None
    # a fit that saw none of the tripled times predicts a third of them
    assert holdout.median_ape == pytest.approx(2 / 3, abs=0.01)
    assert holdout.points == held.sum()
    assert [len(some) for some in seen] == [len(points) - int(held.sum())]


@pytest.mark.parametrize(
    ("made", "message"),
    [
        (kernels("gemm", sizes=SIZES[:3]), "dense float32 torch: needs at least 4 different sizes, got 3"),
        (kernels("gemm", sizes=SIZES[:6], rate=1e15), "rate is not identified, even 32 KiB take hardly"),
        (kernels("copy", sizes=SIZES[:6]), "memory float32 torch: bandwidth is not identified, even 32 KiB"),
        (kernels("gemm", noise=3.0, seed=2), r"the 90 % interval of the rate spans a factor of \d+; measure"),
    ],
)
def test_what_cannot_be_known_is_refused(tmp_path: Path, made: list[Sample], message: str) -> None:
    with pytest.raises(FitError, match=message) as caught:
        fit_profile([_record(tmp_path / "run.jsonl", made)], QUICK)
    assert caught.value.exit_code == 7


def test_one_family_is_left_out_and_the_others_stay(tmp_path: Path) -> None:
    made = fit_profile(
        [_record(tmp_path / "run.jsonl", kernels("copy"), kernels("gemm", sizes=SIZES[:3]))], QUICK
    )
    assert [one.family for one in made.profile.compute] == ["memory"]
    assert any("dense float32 torch: needs at least 4" in n and n.endswith("left out") for n in made.notes)


def test_a_floor_that_no_size_shows_is_said(tmp_path: Path) -> None:
    large = kernels("copy", floor_s=1e-7, sizes=SIZES[10:])
    made = fit_profile([_record(tmp_path / "run.jsonl", large)], QUICK)
    assert (
        "memory float32 torch: floor is not identified, 1 MiB is the smallest size; sweep from 1K"
        in made.notes
    )


def test_fewest_ranks_and_calls_back_to_back_come_first() -> None:
    notes: list[str] = []
    crowded = kernels("copy", floor_s=9e-6, ranks=2, mode="pipelined")
    alone, queued = kernels("copy", floor_s=8e-6), kernels("copy", floor_s=1e-6, mode="pipelined")
    (points,) = kernel_points([_file(crowded, alone, queued)], notes).values()
    assert points.time_s[0] == pytest.approx(1e-6 + 2048 / 1e12)
    assert notes == [
        "memory float32 torch: samples left out: 17 (more ranks at once than 1)",
        "memory float32 torch: samples left out: 17 (timed alone, and calls back to back are there, too)",
    ]
    (points,) = kernel_points([_file(crowded, alone)], notes).values()
    assert points.time_s[0] == pytest.approx(8e-6 + 2048 / 1e12)


def test_types_libraries_and_devices_are_fitted_apart() -> None:
    half = kernels("copy", dtype="float16")
    other = kernels("copy", library="numpy", transport="none")
    groups = kernel_points(
        [_file(kernels("copy"), half, other), _file(kernels("copy"), devices=["A100"])], []
    )
    assert [(g.dtype, g.library, g.on_host, g.devices[0][:6]) for g in groups] == [
        ("float32", "torch", False, "NVIDIA"), ("float16", "torch", False, "NVIDIA"),
        ("float32", "numpy", True, "NVIDIA"), ("float32", "torch", False, "A100"),
    ]  # fmt: skip


def test_a_record_without_kernels_is_as_before(tmp_path: Path) -> None:
    links = samples("vendor", LinkCost.of(3e-6, 200e9), ranks=8, noise=0.03)
    plain = fit_profile([_record(tmp_path / "plain.jsonl", links)], QUICK)
    both = fit_profile([_record(tmp_path / "both.jsonl", links, kernels("copy"))], QUICK)
    assert plain.compute == ()
    assert not any("copy" in note for note in (*plain.notes, *both.notes))
    assert (plain.profile.links[0].cost.latency_s == both.profile.links[0].cost.latency_s).all()
    write_profile(plain.profile, tmp_path / "p.toml")
    assert "compute" not in tomllib.loads((tmp_path / "p.toml").read_text())
    assert read_profile(tmp_path / "p.toml").compute == ()


def test_a_profile_is_read_as_it_was_written(calibrated: Calibration, tmp_path: Path) -> None:
    write_profile(calibrated.profile, tmp_path / "p.toml")
    again = read_profile(tmp_path / "p.toml")
    assert again.links == ()
    for left, right in zip(again.compute, calibrated.profile.compute, strict=True):
        for name in ("family", "library", "dtype", "on_host", "devices", "cache_bytes", "spread",
                     "low_bytes", "high_bytes", "sizes", "holdout"):  # fmt: skip
            assert getattr(left, name) == getattr(right, name)
        assert left.terms.keys() == right.terms.keys()
        assert all((left.terms[name] == right.terms[name]).all() for name in left.terms)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('family = "dense"', 'family = "dence"', "must be one of dense, convolution, memory"),
        ('family = "memory"', 'family = "dense"', "kernels of the dense family need rate_flop_per_s"),
        ('dtype = "float32"', "dtype = 3", "a value of another type stands here"),
        ("cache_bytes = 0.0", "cache_bytes = 5.0", "cache_bytes and cached_bytes_per_s belong together"),
        ('samples = "compute.dense', 'samples = "compute.dens', "must be whole"),
        ("sizes = ", "size = ", "must be whole"),
        ("spread = 0", "spread = -1", "spread must lie in 0..10"),
    ],
)
def test_a_profile_that_was_edited_wrongly(
    calibrated: Calibration, tmp_path: Path, old: str, new: str, message: str
) -> None:
    path = tmp_path / "p.toml"
    write_profile(calibrated.profile, path)
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(ContentError, match=message) as caught:
        read_profile(path)
    assert caught.value.exit_code == 3
    assert "\n" not in str(caught.value)


def test_damaged_samples_are_refused(calibrated: Calibration, tmp_path: Path) -> None:
    path, beside = tmp_path / "p.toml", tmp_path / "p.npz"
    write_profile(calibrated.profile, path)
    with np.load(beside) as archive:
        arrays = {name: archive[name] for name in archive.files}
    key = "compute.dense.torch.float32.floor_s"
    for bad in (-arrays[key], arrays[key] * np.nan, arrays[key][:0]):
        put_samples(path, arrays | {key: bad})
        with pytest.raises(ContentError, match="samples of kernels must be finite and > 0"):
            read_profile(path)
    put_samples(path, arrays | {key: arrays[key][:5]})
    with pytest.raises(ContentError, match="must have as many samples of every term"):
        read_profile(path)
