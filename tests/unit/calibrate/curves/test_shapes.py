"""Pieces, envelopes and growth find what made the data; scores tell which shape they came from."""

import numpy as np
import pytest

from nearlinear.calibrate.curves.description import described_shapes, switches
from nearlinear.calibrate.curves.envelope import fit_envelope
from nearlinear.calibrate.curves.growth_fit import fit_growth
from nearlinear.calibrate.curves.segments import fit_segments
from nearlinear.calibrate.curves.shapes import SHAPES, scores
from nearlinear.models.collectives.curve import Curve
from nearlinear.models.collectives.growth import Growth
from nearlinear.models.collectives.library import LAUNCH_STEPS
from nearlinear.models.collectives.surface import Surface

SIZES = np.exp2(np.arange(8.0, 30.0))


def test_pieces_that_jump() -> None:
    small, large = 5e-6 + 1e-11 * SIZES, 20e-6 + 3e-12 * SIZES
    found = fit_segments(SIZES, np.where(SIZES < 2**17, small, large))
    assert found.latency_s == pytest.approx([5e-6, 20e-6])
    assert found.seconds_per_byte == pytest.approx([1e-11, 3e-12])
    assert found.break_bytes == pytest.approx([2**16.5])


def test_pieces_are_never_negative() -> None:
    falling = fit_segments(np.array([1e3, 1e6]), np.array([2e-3, 1e-3]))
    weights = 1 / np.array([2e-3, 1e-3])
    assert falling.latency_s == pytest.approx([weights.sum() / (weights**2).sum()])
    assert (falling.seconds_per_byte == 0).all()
    steep = fit_segments(np.array([1e3, 1e6]), np.array([1e-9, 1e-3]))
    assert steep.latency_s == pytest.approx([0.0], abs=1e-15)


def test_pieces_agree_with_least_squares_on_a_stretch() -> None:
    times = 1e-5 + 1e-9 * SIZES * np.exp(0.2 * np.sin(SIZES))
    found = fit_segments(SIZES[:3], times[:3])
    design = np.column_stack((1 / times[:3], SIZES[:3] / times[:3]))
    expected = np.linalg.lstsq(design / np.linalg.norm(design, axis=0), np.ones(3), rcond=None)[0]
    assert [found.latency_s[0], found.seconds_per_byte[0]] == pytest.approx(
        expected / np.linalg.norm(design, axis=0)
    )


def test_an_envelope_of_two_algorithms() -> None:
    found = fit_envelope(SIZES, np.minimum(5e-6 + 1e-10 * SIZES, 20e-6 + 3e-12 * SIZES))
    assert sorted(found.latency_s) == pytest.approx([5e-6, 20e-6])
    assert sorted(found.seconds_per_byte) == pytest.approx([3e-12, 1e-10])
    assert found.winners(np.array([1e3, 1e9])).tolist() == [0, 1]


def test_one_line_needs_one_line() -> None:
    times = 5e-6 + 1e-10 * SIZES
    assert len(fit_segments(SIZES, times).latency_s) == 1
    assert len(fit_envelope(SIZES, times).latency_s) == 1


def test_growth_of_several_counts_is_found() -> None:
    true = Growth(launch_s=20e-6, hop_s=2e-6, seconds_per_byte=1e-11)
    curves = [Curve(units=u, size_bytes=SIZES, time_s=true.time_s(u, SIZES)) for u in (2, 4)]
    found = fit_growth(curves, "allreduce", chain=True)
    assert (found.launch_s, found.hop_s, found.seconds_per_byte) == pytest.approx((20e-6, 2e-6, 1e-11))


def test_one_count_leaves_the_ratio_of_launch_and_hop_to_the_prior() -> None:
    true = Growth(launch_s=LAUNCH_STEPS * 2e-6, hop_s=2e-6, seconds_per_byte=1e-11, cut=False)
    curve = Curve(units=4, size_bytes=SIZES, time_s=true.time_s(4, SIZES))
    found = fit_growth([curve], "broadcast", chain=True)
    assert (found.launch_s, found.hop_s) == pytest.approx((LAUNCH_STEPS * 2e-6, 2e-6))
    assert not found.cut


def test_scores_know_the_shape_that_made_the_curve() -> None:
    small, large = 5e-6 + 1e-11 * SIZES, 50e-6 + 3e-11 * SIZES
    curve = Curve(units=2, size_bytes=SIZES, time_s=np.where(SIZES < 2**19, small, large))
    found = scores([curve])
    assert set(found) == set(SHAPES)
    assert found["pieces"] < found["envelope"]
    assert scores([Curve(units=2, size_bytes=SIZES[:4], time_s=curve.time_s[:4])]) == {}


def test_a_description_says_where_the_library_switches() -> None:
    small, large = 5e-6 + 1e-11 * SIZES, 50e-6 + 3e-11 * SIZES
    curve = Curve(units=2, size_bytes=SIZES, time_s=np.where(SIZES < 2**19, small, large))
    assert switches(curve) == pytest.approx((2**18.5,))
    growth = Growth(launch_s=1e-6, hop_s=1e-6, seconds_per_byte=1e-11)
    told = described_shapes(Surface(growth=growth, curves=(curve,)))
    assert [line["from_bytes"] for line in told["pieces"][0]["lines"]] == pytest.approx([256, 2**18.5])
    assert told["envelope"][0]["units"] == 2
    alone = Curve(units=2, size_bytes=SIZES[:1], time_s=SIZES[:1])
    assert switches(alone) == ()
