"""Quantities in and out: each constant pinned, each refusal named."""

import pytest

from nearlinear.models import units
from nearlinear.models.errors import SpecError


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0", 0.0), ("4096", 4096.0), ("1K", 1024.0), ("1k", 1024.0), ("64M", 64 * 2**20), ("1G", 2**30),
        ("25MiB", 25 * 2**20), ("25MB", 25e6), ("1.5 GiB", 1.5 * 2**30), ("2tb", 2e12), ("3T", 3 * 2**40),
    ],
)  # fmt: skip
def test_sizes(text: str, expected: float) -> None:
    assert expected == units.parse_size(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1Gb", 0.125e9), ("100Gb", 12.5e9), ("100Gb/s", 12.5e9), ("100gbit/s", 12.5e9), ("100 Gbps", 12.5e9),
        ("12.5GBps", 12.5e9), ("12.5GB/s", 12.5e9), ("800Mb", 0.1e9), ("1Tbit", 125e9),
    ],
)  # fmt: skip
def test_bandwidths(text: str, expected: float) -> None:
    assert expected == units.parse_bandwidth(text)


def test_bytes_without_per_second_are_refused_because_bits_are_meant() -> None:
    with pytest.raises(SpecError) as caught:
        units.parse_bandwidth("400GB", "--net")
    # 400 GB/s x 8 = 3,200 Gb/s
    message = str(caught.value)
    assert message.startswith("--net: must say bits, or bytes per second, got '400GB'")
    assert "3,200 Gb/s" in message
    assert "400Gb?" in message
    assert "400GBps" in message


@pytest.mark.parametrize("text", ["", "fast", "-25Gb", "0Gb", "100", "100GiB/s", "1e400Gb", "nanGb"])
def test_what_is_no_bandwidth(text: str) -> None:
    with pytest.raises(SpecError):
        units.parse_bandwidth(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("60s", 60.0), ("5min", 300.0), ("5m", 300.0), ("2h", 7200.0), ("1d", 86400.0), ("10us", 1e-5),
     ("250ms", 0.25), ("3 ns", 3e-9), ("7", 7.0)],
)  # fmt: skip
def test_durations(text: str, expected: float) -> None:
    assert expected == pytest.approx(units.parse_duration(text), rel=1e-15)


@pytest.mark.parametrize("text", ["", "-1s", "5 fortnights", "s"])
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(SpecError):
        units.parse_duration(text)


@pytest.mark.parametrize(("text", "expected"), [("20%", 0.2), ("0.2", 0.2), ("0", 0.0), ("100%", 1.0)])
def test_fractions(text: str, expected: float) -> None:
    assert expected == units.parse_fraction(text)


@pytest.mark.parametrize("text", ["20", "-1%", "101%", "half", "0.2x"])
def test_what_is_no_fraction(text: str) -> None:
    with pytest.raises(SpecError):
        units.parse_fraction(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("8", (8,)), ("1,2,4", (1, 2, 4)), ("4,1,2", (1, 2, 4)), ("1..8", (1, 2, 4, 8)),
        ("1,2,4..32", (1, 2, 4, 8, 16, 32)), ("1,2,4…32", (1, 2, 4, 8, 16, 32)),
        ("10,30..270", (10, 30, 90, 270)),
        ("8..256", (8, 16, 32, 64, 128, 256)), ("1..100", (1, 2, 4, 8, 16, 32, 64)),
    ],
)  # fmt: skip
def test_counts(text: str, expected: tuple[int, ...]) -> None:
    assert expected == units.parse_counts(text)


def test_counts_of_a_list() -> None:
    assert units.parse_counts([4, 8]) == (4, 8)


@pytest.mark.parametrize("text", ["", "0", "-2", "1,,2", "1,1", "a", "1.5", "4294967296", "1..x"])
def test_what_are_no_counts(text: str) -> None:
    with pytest.raises(SpecError):
        units.parse_counts(text, "--devices")


def test_size_ranges() -> None:
    assert units.parse_size_range("1K..64M") == (1024.0, 64.0 * 2**20)
    assert units.parse_size_range("8K") == (8192.0, 8192.0)


@pytest.mark.parametrize("text", ["64M..1K", "0..4K", "..", "1K.."])
def test_what_are_no_size_ranges(text: str) -> None:
    with pytest.raises(SpecError):
        units.parse_size_range(text)


def test_text_out() -> None:
    assert units.format_size(25 * 2**20) == "25 MiB"
    assert units.format_size(0) == "0 B"
    assert units.format_time(1.5e-9) == "1.5 ns"
    assert units.format_time(0.0123) == "12.3 ms"
    assert units.format_bandwidth(1.25e8) == "125 MB/s"
