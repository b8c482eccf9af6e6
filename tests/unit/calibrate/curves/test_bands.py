"""Half-widths by hand, the class of links, and what other systems say."""

from dataclasses import replace

import numpy as np
import pytest

from nearlinear.calibrate.curves.half_width import (
    FLOOR,
    Widths,
    features,
    half_width,
    left_out_errors,
    shipped,
)
from nearlinear.calibrate.curves.rank_width import bands, rank_half_width, spread_per_doubling
from nearlinear.calibrate.curves.reference import NETWORK, SHARED, SWITCHED, fabric, systems
from nearlinear.calibrate.curves.surface_fit import carried, surface_of
from nearlinear.models.collectives.curve import Curve
from nearlinear.models.prediction import Z90

WIDTHS = Widths(
    constant=0.0, local=1.0, ambiguity=0.0, constant_alone=np.log(0.5), ambiguity_alone=0.0,
    octave_above=0.1, octave_below=0.2,
)  # fmt: skip
SIZES = np.exp2(np.arange(10.0, 15.0))
TIMES = np.array([1.0, 2.0, 4.0, 8.0, 16.0])


def _curve(units: int, times: np.ndarray = TIMES) -> Curve:
    return Curve(units=units, size_bytes=SIZES, time_s=times)


def test_left_out_errors_by_hand() -> None:
    """Between 1 and 4, a third of the way: 1 + 3 / 3 = 2, so that doubling times err by nothing."""
    assert left_out_errors(SIZES, TIMES) == pytest.approx([0, 0, 0], abs=1e-12)
    bumped = np.array([1.0, 3.0, 4.0, 8.0, 16.0])
    expected = [np.log(2 / 3), np.log((3 + 5 / 3) / 4), 0.0]
    assert left_out_errors(SIZES, bumped) == pytest.approx(expected, abs=1e-12)


def test_features_are_of_the_three_nearest_sizes() -> None:
    bumped = np.array([1.0, 3.0, 4.0, 8.0, 16.0])
    local, apart = features(SIZES, bumped, np.array([3000.0]))
    assert local == pytest.approx(np.abs(left_out_errors(SIZES, bumped)).mean())
    assert apart[0] > 0
    assert np.isnan(features(SIZES[:2], TIMES[:2], np.array([1500.0]))[0])


def test_half_widths_grow_beyond_the_sizes() -> None:
    local = np.abs(left_out_errors(SIZES, TIMES)).mean() + FLOOR
    query = np.array([SIZES[0] / 4, SIZES[1], SIZES[-1] * 8])
    expected = local + np.array([0.2 * 2, 0.0, 0.1 * 3])
    assert half_width(SIZES, TIMES, query, WIDTHS) == pytest.approx(expected)


def test_without_a_size_to_leave_out_the_band_is_that_of_such_curves() -> None:
    assert half_width(SIZES[:2], TIMES[:2], SIZES[:1], WIDTHS) == pytest.approx(0.5)
    assert half_width(SIZES[:1], TIMES[:1], SIZES[:1], WIDTHS) == pytest.approx(0.5)


def test_erratic_curves_get_wider_bands_from_what_is_shipped() -> None:
    query = np.sqrt(SIZES[1:] * SIZES[:-1])
    smooth = half_width(SIZES, TIMES, query, shipped())
    erratic = half_width(SIZES, TIMES * np.array([1, 1.4, 1, 1.4, 1]), query, shipped())
    assert (erratic > 1.5 * smooth).all()


def test_the_class_of_links_by_bus_bandwidth() -> None:
    def at(rate: float, size: float = 2.0**28) -> Curve:
        passes = 2 * 7 / 8 * size
        return Curve(units=8, size_bytes=np.array([size]), time_s=np.array([passes / rate]))

    assert fabric([at(230e9)], "allreduce") == SWITCHED
    assert fabric([at(24e9)], "allreduce") == SHARED
    assert fabric([at(80e9)], "allreduce") is None
    assert fabric([at(230e9, size=2.0**20)], "allreduce") is None


def test_the_reference_holds_five_systems() -> None:
    found = {system.name: system.fabric for system in systems()}
    assert found.pop("rtx_pro_6000_server") == SHARED
    assert len(found) == 4
    assert set(found.values()) == {SWITCHED}
    a100 = next(system for system in systems() if system.name == "a100_sxm")
    assert sorted(a100.curves) == ["allgather", "allreduce", "alltoall", "reduce-scatter"]
    assert a100.curves["allgather"][2].time_s[0] == pytest.approx(8.995e-6)


def test_other_systems_take_part_where_their_class_and_counts_are_known() -> None:
    a100 = next(system for system in systems() if system.name == "a100_sxm").curves["allreduce"]
    surface = surface_of([a100[2], a100[4]], "allreduce", chain=True)
    helped = carried(surface, "allreduce", 8, without=("a100_sxm",))
    assert not np.allclose(helped.time_s, surface.curve(8).time_s)
    itself = carried(surface, "allreduce", 8, without=("b200_sxm", "h100_sxm", "h200_sxm"))
    own, size = surface.curve(8), a100[8].size_bytes
    between_both = np.exp(0.5 * np.log(own.time_s) + 0.5 * np.log(a100[8].at(size, surface.growth)))
    assert itself.time_s == pytest.approx(np.maximum.accumulate(between_both), rel=1e-9)
    for counts, asked in (((2, 4), 16), ((2, 4), 4)):
        plain = surface_of([a100[count] for count in counts], "allreduce", chain=True)
        same = carried(plain, "allreduce", asked)
        assert np.array_equal(same.time_s, plain.curve(asked).time_s)


def test_bands_across_rank_counts_follow_class_and_distance() -> None:
    a100 = next(system for system in systems() if system.name == "a100_sxm").curves["allreduce"]
    both = surface_of([a100[2], a100[8]], "allreduce", chain=True)
    table = bands()["ranks"]
    assert rank_half_width(both, "allreduce", 8) == 0.0
    assert rank_half_width(both, "allreduce", 4) == pytest.approx(table[SWITCHED]["between"])
    assert rank_half_width(both, "allreduce", 32) == pytest.approx(2**0.7 * table[SWITCHED]["beyond"])
    alone = surface_of([a100[4]], "allreduce", chain=True)
    assert rank_half_width(alone, "allreduce", 8) == pytest.approx(table[SWITCHED]["one"])
    assert spread_per_doubling(alone, "allreduce") == pytest.approx(table[SWITCHED]["one"] / Z90)
    unknown = surface_of([_curve(4)], "allreduce", chain=True)
    assert rank_half_width(unknown, "allreduce", 8) == pytest.approx(table[SHARED]["one"])
    nodes = surface_of([replace(a100[4])], "allreduce", chain=False)
    assert rank_half_width(nodes, "allreduce", 8) == pytest.approx(table[NETWORK]["one"])
