"""When samples are enough, and what the processors' counters say."""

from pathlib import Path

import numpy as np
import pytest

from nearlinear.measure.protocol import load
from nearlinear.measure.protocol.clocks import Clocks
from nearlinear.measure.protocol.load import Load, is_processor_bound, machine_id, read_load, shares
from nearlinear.measure.protocol.starts import LONGEST_WINDOW_S, BarrierStart, WindowStart, widened
from nearlinear.measure.protocol.stopping import Stopping, half_width
from nearlinear.measure.transports.alone import LoneTransport
from nearlinear.measure.transports.buffers import HOST


def test_interval_of_the_median_by_hand() -> None:
    """Of 25 samples 1..25 the median is 13; 1.96 x 5/2 = 4.9 places each way: 8th to 18th place from 0."""
    times = np.arange(1.0, 26.0)
    assert half_width(times) == pytest.approx((times[18] - times[7]) / 2 / 13)
    assert half_width(np.ones(25)) == 0.0
    assert half_width(np.ones(5)) == np.inf


def test_the_interval_covers_the_median() -> None:
    rng = np.random.default_rng(5)
    inside = 0
    for _ in range(400):
        times = rng.lognormal(size=41)
        reach = half_width(times) * np.median(times)
        middle = np.median(times)
        inside += int(middle - 2 * reach <= 1.0 <= middle + 2 * reach)
    assert inside > 380


@pytest.mark.parametrize(
    ("times", "enough"),
    [
        (np.ones(19), False),  # fewer than the least
        (np.ones(20), True),
        (np.linspace(1, 2, 20), False),  # too wide
        (np.linspace(1, 2, 100), True),  # had its share
    ],
)
def test_when_to_stop(times: np.ndarray, enough: bool) -> None:
    stopping = Stopping(least=20, most=100, precision=0.02)
    assert stopping.enough(times) == enough
    assert (stopping.wanted(times) == 0) == enough


def test_without_a_precision_the_count_decides() -> None:
    stopping = Stopping(least=5, most=5, precision=0.0)
    assert not stopping.enough(np.ones(4))
    assert stopping.enough(np.ones(5))


def test_shares_of_the_processors() -> None:
    before = Load(spent_s=10.0, total_s=20.0, queued_s=1.0, clock_s=100.0)
    after = Load(spent_s=13.0, total_s=24.0, queued_s=2.0, clock_s=102.0)
    assert shares(before, after).tolist() == [0.75, 0.5]
    assert np.isnan(shares(before, before)).all()


@pytest.mark.parametrize(
    ("busy", "waiting", "polls", "bound"),
    [
        (0.9, 0.1, False, True),
        (0.9, 0.1, True, False),  # polling spends the cores anyway
        (0.5, 0.9, True, True),
        (0.5, 0.5, False, False),
    ],
)
def test_who_is_the_limit(busy: float, waiting: float, polls: bool, bound: bool) -> None:
    assert is_processor_bound(busy, waiting, polls) == bound


@pytest.mark.skipif(not load.STAT.exists(), reason="needs /proc/stat")
def test_counters_of_this_machine() -> None:
    seen = read_load()
    assert 0 < seen.spent_s < seen.total_s
    assert machine_id() == machine_id()


def test_counters_that_are_not_there(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("STAT", "PRESSURE", "BOOT"):
        monkeypatch.setattr(load, name, tmp_path / "none")
    assert np.isnan([read_load().spent_s, read_load().queued_s]).all()
    assert machine_id() == ""
    assert np.isnan(shares(Load(np.nan, np.nan, np.nan, 0.0), Load(np.nan, np.nan, np.nan, 9.0))).all()


def test_pressure_as_the_kernel_writes_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "cpu").write_text("some avg10=1.00 avg60=0.00 avg300=0.00 total=2500000\nfull total=1\n")
    (tmp_path / "stat").write_text("cpu  100 0 50 800 50 0 0 0 0 0\ncpu0 1 2\n")
    monkeypatch.setattr(load, "PRESSURE", tmp_path / "cpu")
    monkeypatch.setattr(load, "STAT", tmp_path / "stat")
    seen = read_load()
    assert (seen.spent_s, seen.total_s, seen.queued_s) == (1.5, 10.0, 2.5)


def test_a_window_doubles_when_somebody_is_late() -> None:
    start = WindowStart(LoneTransport(HOST), Clocks.same(1))
    before = start.window_s
    assert widened(start, spoiled=False) == before  # no shorter than the shortest
    assert widened(start, spoiled=True) == 2 * before
    start.window_s = LONGEST_WINDOW_S
    assert widened(start, spoiled=True) == LONGEST_WINDOW_S
    assert widened(BarrierStart(), spoiled=True) == 0.0
    start.window_s = 1e-2
    assert 0 < widened(start, spoiled=False) < 1e-2


def test_a_watch_remembers_what_it_saw(monkeypatch: pytest.MonkeyPatch) -> None:
    """A look after too short a time tells what the one before did."""
    counters = [
        Load(0.0, 0.0, 0.0, 0.0),
        Load(0.1, 0.1, 0.0, 0.05),
        Load(0.6, 0.8, 0.1, 0.4),
        Load(9, 9, 9, 0.41),
    ]
    monkeypatch.setattr(load, "read_load", lambda: counters.pop(0))
    watch = load.LoadWatch()
    assert np.isnan(watch.shares()).all()
    assert watch.shares().tolist() == pytest.approx([0.75, 0.25])
    assert watch.shares().tolist() == pytest.approx([0.75, 0.25])
