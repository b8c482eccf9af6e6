"""LogGP from messages: parameters that are known are found again, and what cannot be told is not claimed.

The times are written out here from the formulas of ``docs/calibration.md``:
L = 2 us, o = 0.5 us, g = 0.8 us, G = 0.1 ns per byte, so L + 2o = 3 us.
"""

from dataclasses import replace

import numpy as np
import pytest

from nearlinear.calibrate.loggp import fit_loggp
from nearlinear.calibrate.message_times import WINDOW
from nearlinear.calibrate.points import medians
from nearlinear.measure.operations import messages
from nearlinear.measure.records import Sample
from nearlinear.models.hardware.loggp import LogGP
from tests.unit.calibrate.measured import file_of

SIZES = tuple(2**k for k in range(23))
HALF, GAP, PER_BYTE = 3e-6, 0.8e-6, 0.1e-9


def alone_s(size: int, above: float = np.inf) -> float:
    """L + 2o + (s-1) G, and 2 (L + o) = 5 us more where the sender asks first."""
    return HALF + (size - 1) * PER_BYTE + (5e-6 if size > above else 0.0)


def stream_s(size: int, gap: float = GAP) -> float:
    """63 gaps, a message and the answer, of 64 messages: (50.4 + 6) / 64 = 0.88125 us for one byte."""
    return (63 * gap + 2 * 3e-6) / 64 + (size - 1) * PER_BYTE


def _sample(operation: str, size: int, time_s: float, ranks: int = 2, nodes: int = 2) -> Sample:
    return Sample(
        operation=operation, algorithm="vendor", transport="mpi-host", dtype="int8", placement="out",
        size_bytes=size, ranks=ranks, nodes=nodes, repetition=0, mode="individual", statistic="max",
        time_s=time_s, correct=True,
    )  # fmt: skip


def alone(sizes: tuple[int, ...] = SIZES, above: float = np.inf) -> list[Sample]:
    return [_sample("sendrecv", size, alone_s(size, above)) for size in sizes]


def streams(sizes: tuple[int, ...] = SIZES, gap: float = GAP, pairs: int = 1, nodes: int = 2) -> list[Sample]:
    name = "bandwidth" if pairs == 1 else "contention"
    return [_sample(name, size, stream_s(size, gap), 2 * pairs, nodes) for size in sizes]


def fitted(*groups: list[Sample]) -> tuple[LogGP | None, list[str]]:
    """Return the only fit, or None, with what was said."""
    notes: list[str] = []
    found = fit_loggp(medians([file_of(*groups)]), 100, 0, notes)
    return (found[0] if found else None), [note.removeprefix("loggp network, mpi-host: ") for note in notes]


def _found(*groups: list[Sample]) -> LogGP:
    one, notes = fitted(*groups)
    assert one is not None
    assert notes == []
    return one


def test_windows_are_those_that_are_measured() -> None:
    assert WINDOW == messages.WINDOW == 64
    assert stream_s(1) == pytest.approx(0.88125e-6)


def test_known_parameters_are_found() -> None:
    one = _found(alone(), streams())
    assert (one.level, one.transport) == ("network", "mpi-host")
    for parameter, true in ((one.half_round_trip_s, HALF), (one.gap_s, GAP), (one.gap_s_per_byte, PER_BYTE)):
        assert parameter.best == pytest.approx(true, rel=1e-6)
        assert parameter.known == "measured"
    assert one.rendezvous_bytes is None
    assert one.spread < 1e-6
    assert (one.low_bytes, one.high_bytes) == (1.0, 2.0**22)


def test_overhead_and_latency_are_bounded_by_the_gap_and_add_up() -> None:
    one = _found(alone(), streams())
    assert [one.overhead_s.low, one.overhead_s.high] == pytest.approx([0.0, GAP])
    assert [one.latency_s.low, one.latency_s.high] == pytest.approx([1.4e-6, 3e-6])
    assert one.overhead_s.known == one.latency_s.known == "bounded"
    assert one.latency_s.best + 2 * one.overhead_s.best == pytest.approx(HALF)
    assert (one.known("measured"), one.known("bounded", "assumed")) == (["g", "G"], ["L", "o", "O", "S"])


def test_a_gap_beyond_the_message_bounds_nothing() -> None:
    one = _found(alone(), streams(gap=10e-6))
    assert one.gap_s.best == pytest.approx(10e-6)
    assert [one.overhead_s.high, one.latency_s.low] == pytest.approx([1.5e-6, 0.0], abs=1e-12)


def test_a_switch_that_several_sizes_show_is_found() -> None:
    one = _found(alone(above=8192), streams())
    assert one.rendezvous_bytes is not None
    assert (one.rendezvous_bytes.low, one.rendezvous_bytes.high) == (8192.0, 16384.0)
    assert one.half_round_trip_s.best == pytest.approx(HALF, rel=1e-6)
    assert one.loggops().rendezvous_bytes == 8192.0


def test_a_jump_that_is_not_that_of_asking_first_is_said() -> None:
    slow = [replace(s, time_s=s.time_s + 45e-6 * (s.size_bytes > 8192)) for s in alone()]
    one, notes = fitted(slow, streams())
    assert one is not None
    assert one.rendezvous_bytes is not None
    assert notes == ["doubtful: the jump at S is 45 us, asking first takes 3 us to 6 us"]


def test_one_slow_size_is_no_switch() -> None:
    slow = [replace(s, time_s=s.time_s + 5e-6 * (s.size_bytes == 16384)) for s in alone()]
    one = _found(slow, streams())
    assert one.rendezvous_bytes is None
    assert one.half_round_trip_s.best == pytest.approx(HALF, rel=0.01)


def test_without_streams_the_gap_is_assumed() -> None:
    one, notes = fitted(alone())
    assert one is not None
    assert notes == ["g is assumed, no stream of small messages was timed; measure --ops bandwidth"]
    assert (one.gap_s.known, one.gap_s.best) == ("assumed", one.overhead_s.best)
    assert one.overhead_s.high == pytest.approx(1.5e-6)
    assert one.known("assumed") == ["g", "O", "S"]


@pytest.mark.parametrize(
    ("sizes", "told"),
    [
        (SIZES[:3], "needs at least 4 sizes of messages there and back to tell L + 2o and G, got 3"),
        ((), "needs at least 4 sizes of messages there and back to tell L + 2o and G, got 0"),
        (SIZES[-5:], "L + 2o is not identified, bytes take most of the time even of 256 KiB"),
        (SIZES[:10], "G is not identified, 512 B take little longer than nothing"),
    ],
)
def test_a_sweep_that_does_not_tell_is_left_out(sizes: tuple[int, ...], told: str) -> None:
    one, notes = fitted(alone(sizes), streams(sizes) if sizes else streams())
    assert one is None
    assert [note.startswith(told) and note.endswith("; left out") for note in notes] == [True], notes


def test_streams_that_share_adapters_do_not_tell_the_gap() -> None:
    one, notes = fitted(alone(), streams(pairs=4))
    assert one is not None
    assert one.gap_s.known == "assumed"
    assert notes[0] == "streams of several pairs of ranks on two nodes share them and are left out"
    assert _found(alone(), streams(pairs=4, nodes=8)).gap_s.best == pytest.approx(GAP)


def test_streams_whose_bytes_take_longer_are_said() -> None:
    slow = [replace(s, time_s=s.time_s * (2 if s.size_bytes > 4096 else 1)) for s in streams()]
    _, notes = fitted(alone(), slow)
    assert notes == ["doubtful: a byte of a large stream takes 2.00 times that of a lone message"]


def test_intervals_hold_the_truth_under_noise() -> None:
    """Nine in ten, of 40 draws of 3 % noise and three parameters."""
    rng, inside = np.random.default_rng(7), []
    for _ in range(40):
        noise = np.exp(0.03 * rng.standard_normal(2 * len(SIZES)))
        noisy = [
            replace(s, time_s=s.time_s * factor) for s, factor in zip(alone() + streams(), noise, strict=True)
        ]
        one = _found(noisy)
        pairs = ((one.half_round_trip_s, HALF), (one.gap_s, GAP), (one.gap_s_per_byte, PER_BYTE))
        inside += [found.low < true < found.high for found, true in pairs]
        assert all(abs(found.best / true - 1) < 0.05 for found, true in pairs)
    assert 0.8 < np.mean(inside) < 0.97
