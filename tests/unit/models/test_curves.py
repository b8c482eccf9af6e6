"""Measured curves: between sizes, beyond them, and at other counts, by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nearlinear.models.collectives.curve import BEND, Curve, ambiguity, between
from nearlinear.models.collectives.growth import Growth
from nearlinear.models.collectives.surface import Surface
from nearlinear.models.errors import SpecError
from nearlinear.models.surface_document import described_surface, read_surface

GROWTH = Growth(launch_s=10e-6, hop_s=1e-6, seconds_per_byte=1e-9)
KIB = 1024.0


def _curve(units: int, sizes: list[float], times: list[float]) -> Curve:
    return Curve(units=units, size_bytes=np.array(sizes), time_s=np.array(times))


@pytest.mark.parametrize(
    ("chain", "cut", "expected"),
    [
        (True, True, 10e-6 + 4e-6 + 0.8 * 1e-3),
        (False, True, 10e-6 + 3e-6 + 0.8 * 1e-3),
        (True, False, 10e-6 + 4e-6 + 1e-3),
    ],
)
def test_growth_by_hand(chain: bool, cut: bool, expected: float) -> None:
    growth = Growth(launch_s=10e-6, hop_s=1e-6, seconds_per_byte=1e-9, chain=chain, cut=cut)
    assert growth.time_s(5, 1e6) == pytest.approx(expected)


def test_between_neighbours_lies_a_line() -> None:
    sizes, times = np.array([1.0, 4.0]) * KIB, np.array([10e-6, 40e-6])
    assert between(sizes, times, np.array([2.0 * KIB])) == pytest.approx(20e-6)
    sizes, times = np.array([1.0, 4.0]) * KIB, np.array([10e-6, 10e-6])
    assert between(sizes, times, sizes) == pytest.approx(times)


def test_a_wide_gap_bends_towards_a_power_law() -> None:
    sizes, times = np.array([1.0, 64.0]) * KIB, np.array([10e-6, 160e-6])
    query = np.array([8.0 * KIB])
    line, power = 10e-6 + 150e-6 * 7 / 63, 40e-6
    assert between(sizes, times, query) == pytest.approx(line * (power / line) ** BEND)
    assert ambiguity(sizes, times, query) == pytest.approx(np.log(power / line))
    half_way = np.array([1.0, 2.0**3.5]) * KIB  # 3.5 octaves: half of the bend
    line, power = 10e-6 + 150e-6 * 1 / (2**3.5 - 1), 10e-6 * 16 ** (1 / 3.5)
    expected = line * (power / line) ** (BEND / 2)
    assert between(half_way, times, np.array([2.0 * KIB])) == pytest.approx(expected)


def test_one_size_alone() -> None:
    curve = _curve(2, [KIB], [5e-6])
    assert curve.at(np.array([KIB]), GROWTH) == pytest.approx(5e-6)
    assert curve.at(1e9, GROWTH) == pytest.approx(5e-6 * GROWTH.time_s(2, 1e9) / GROWTH.time_s(2, KIB))


def test_beyond_the_sizes_growth_carries() -> None:
    curve = _curve(4, [KIB, 1024 * KIB], [20e-6, 2e-3])
    for end, size in ((KIB, 16.0), (1024 * KIB, 2.0**30)):
        known = 20e-6 if end == KIB else 2e-3
        assert curve.at(size, GROWTH) == pytest.approx(known * GROWTH.time_s(4, size) / GROWTH.time_s(4, end))


def test_a_measured_count_is_as_measured() -> None:
    surface = Surface(growth=GROWTH, curves=(_curve(2, [KIB, 4 * KIB], [1.0, 2.0]),))
    assert surface.time_s(2, np.array([KIB, 4 * KIB])) == pytest.approx([1.0, 2.0])
    assert surface.curve(2).measured
    assert not surface.curve(4).measured


def test_one_count_is_carried_by_growth() -> None:
    surface = Surface(growth=GROWTH, curves=(_curve(4, [KIB, 4 * KIB], [1e-3, 2e-3]),))
    ratio = GROWTH.time_s(8, KIB) / GROWTH.time_s(4, KIB)
    assert surface.time_s(8, KIB) == pytest.approx(1e-3 * ratio)


def test_two_counts_pass_half_of_their_trend_on() -> None:
    """At 8 from 2 and 4, where growth misses a factor of 2 and of 3."""
    growth = Growth(launch_s=1e-6, hop_s=0.0, seconds_per_byte=0.0)
    surface = Surface(growth=growth, curves=(_curve(2, [KIB], [2e-6]), _curve(4, [KIB], [3e-6])))
    grown = np.log(3e-6) + 0.5 * np.log(3 / 2)
    power = np.log(3e-6) + np.log(3 / 2)
    assert np.log(surface.time_s(8, KIB)) == pytest.approx(0.75 * grown + 0.25 * power)
    between_them = Surface(growth=growth, curves=(_curve(2, [KIB], [2e-6]), _curve(8, [KIB], [8e-6])))
    assert between_them.time_s(4, KIB) == pytest.approx(4e-6)


def test_what_is_known_better_than_growth_tells_is_used() -> None:
    carried = Curve(units=8, size_bytes=np.array([KIB]), time_s=np.array([7.0]), measured=False)
    surface = Surface(growth=GROWTH, curves=(_curve(4, [KIB], [3.0]),), carried=(carried,))
    assert surface.time_s(8, KIB) == pytest.approx(7.0)


times = st.lists(st.floats(1e-6, 1e3), min_size=2, max_size=12)


@given(times, times, st.integers(2, 64))
def test_time_never_falls_with_bytes(first: list[float], second: list[float], units: int) -> None:
    curves = tuple(
        _curve(count, [KIB * 4**k for k in range(len(taken))], sorted(taken))
        for count, taken in ((2, first), (8, second))
    )
    surface = Surface(growth=GROWTH, curves=curves)
    found = surface.time_s(units, np.geomspace(1.0, 2.0**40, 300))
    assert (np.diff(found) >= -1e-12 * found[1:]).all()
    assert (found > 0).all()


def test_tables_of_a_profile_and_back() -> None:
    carried = Curve(units=8, size_bytes=np.array([KIB]), time_s=np.array([7.0]), measured=False)
    surface = Surface(growth=GROWTH, curves=(_curve(4, [KIB, 2 * KIB], [3.0, 4.0]),), carried=(carried,))
    again = read_surface(described_surface(surface), "p.toml")
    assert again is not None
    assert again.growth == GROWTH
    assert again.time_s(4, 1.5 * KIB) == surface.time_s(4, 1.5 * KIB)
    assert again.time_s(8, KIB) == 7.0
    assert read_surface({}, "p.toml") is None


@pytest.mark.parametrize(
    ("size_bytes", "time_s", "units", "measured"),
    [
        ([1.0, 1.0], [1.0, 2.0], 2, True),
        ([1.0, 2.0], [2.0, 1.0], 2, True),
        ([1.0], [1.0, 2.0], 2, True),
        ([], [], 2, True),
        ([0.0, 1.0], [1.0, 2.0], 2, True),
        ([1.0, 2.0], [1.0, float("nan")], 2, True),
        ([1.0, 2.0], [1.0, 2.0], 1, True),
        ([1.0, 2.0], [1.0, 2.0], 2, False),
    ],
)
def test_damaged_curves_are_refused(
    size_bytes: list[float], time_s: list[float], units: int, measured: bool
) -> None:
    item = described_surface(Surface(growth=GROWTH, curves=(_curve(2, [KIB], [1.0]),)))
    item["curves"] = [{"units": units, "measured": measured, "size_bytes": size_bytes, "time_s": time_s}]
    with pytest.raises(SpecError, match="curves"):
        read_surface(item, "p.toml")


def test_damaged_growth_is_refused() -> None:
    item = described_surface(Surface(growth=GROWTH, curves=(_curve(2, [KIB], [1.0]),)))
    item["growth"]["hop_s"] = -1.0
    with pytest.raises(SpecError, match="growth"):
        read_surface(item, "p.toml")
