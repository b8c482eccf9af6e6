"""Quantities as people write them, to and from SI floats.

Inside nearlinear every number is an SI float whose name carries the unit (``size_bytes``,
``bandwidth_bytes_per_s``, ``latency_s``). This file is the only edge: text in, text out.
"""

import math
import re
from collections.abc import Iterable

from nearlinear.models.errors import SpecError

KIB, MIB, GIB, TIB = 2**10, 2**20, 2**30, 2**40
KB, MB, GB, TB = 1e3, 1e6, 1e9, 1e12
BITS_PER_BYTE = 8
GBIT = GB / BITS_PER_BYTE  # of a second: bytes/s
GIGA, TERA = 1e9, 1e12
FLOAT32_BYTES = 4
MICROSECOND, MILLISECOND = 1e-6, 1e-3

_NUMBER = re.compile(r"^\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?)\s*(.*?)\s*$", re.IGNORECASE)
_SIZES = {"": 1, "k": KIB, "m": MIB, "g": GIB, "t": TIB} | {
    **{f"{p}ib": f for p, f in (("k", KIB), ("m", MIB), ("g", GIB), ("t", TIB))},
    **{f"{p}b": f for p, f in (("", 1), ("k", KB), ("m", MB), ("g", GB), ("t", TB))},
}
_DECIMAL = {"": 1.0, "k": KB, "m": MB, "g": GB, "t": TB}
_RATE = re.compile(r"^([kmgt]?)(i?)(b|bit|bits|B|byte|bytes)(/s|ps|)$", re.IGNORECASE)
_TIMES = {
    "ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "": 1.0, "min": 60.0, "m": 60.0,
    "h": 3600.0, "d": 86400.0,
}  # fmt: skip


def _split(text: str, where: str, rule: str, remedy: str) -> tuple[float, str]:
    """Return number and unit of a quantity; refuse anything else."""
    match = _NUMBER.match(text)
    if match is None or not math.isfinite(float(match[1])):
        raise SpecError(where, rule, got=text, remedy=remedy)
    return float(match[1]), match[2]


def parse_size(text: str | float, where: str = "size") -> float:
    """Return bytes of ``25MiB``, ``25MB`` or ``1K``.

    Bare K, M, G and T are powers of 1024, as in nccl-tests and OSU; KB, MB, GB, TB are decimal.

    Raises
    ------
    SpecError
        Not a size, or negative.

    Examples
    --------
    >>> parse_size("25MiB"), parse_size("1K"), parse_size("2 MB")
    (26214400.0, 1024.0, 2000000.0)
    """
    remedy = "write 4096, 64K, 25MiB or 25MB"
    number, unit = _split(str(text), where, "must be a size in bytes", remedy)
    factor = _SIZES.get(unit.lower())
    if factor is None:
        raise SpecError(where, "must be a size in bytes", got=str(text), remedy=remedy)
    if number < 0:
        raise SpecError(where, "must be >= 0", got=str(text), remedy=remedy)
    return number * factor


def parse_bandwidth(text: str, where: str = "bandwidth") -> float:
    """Return bytes per second of ``100Gb``, ``100Gbit/s``, ``12.5GB/s`` or ``12.5GBps``.

    Network rates are bits per second when the unit ends in a small b. Bytes must be insisted on with
    ``/s`` or ``ps``, because ``400GB`` nearly always means 400 gigabits.

    Raises
    ------
    SpecError
        Not a bandwidth, not positive, or bytes without ``/s``.

    Examples
    --------
    >>> parse_bandwidth("100Gb"), parse_bandwidth("12.5GBps")
    (12500000000.0, 12500000000.0)
    """
    remedy = "write 100Gb for gigabits or 12.5GBps for gigabytes per second"
    rule = "must be a bandwidth"
    number, unit = _split(text, where, rule, remedy)
    match = _RATE.match(unit)
    if match is None:
        raise SpecError(where, rule, got=text, remedy=remedy)
    prefix, binary, letter, per_second = match.groups()
    in_bytes = letter == "B" or letter.lower().startswith("byte")
    if binary:
        raise SpecError(where, "must have a decimal prefix", got=text, remedy=remedy)
    if number <= 0:
        raise SpecError(where, "must be > 0", got=text, remedy=remedy)
    rate = number * _DECIMAL[prefix.lower()]
    if in_bytes and not per_second:
        raise SpecError(
            where,
            "must say bits, or bytes per second",
            got=text,
            remedy=f"{text} read as bytes is {rate * BITS_PER_BYTE / 1e9:,.0f} Gb/s; "
            f"did you mean {number:g}{prefix}b? write {number:g}{prefix}Bps to insist",
        )
    return rate if in_bytes else rate / BITS_PER_BYTE


def parse_duration(text: str | float, where: str = "duration") -> float:
    """Return seconds of ``60s``, ``5min``, ``2h`` or ``10us``; a bare number is seconds.

    Raises
    ------
    SpecError
        Not a duration, or negative.

    Examples
    --------
    >>> parse_duration("5min"), parse_duration("250ms")
    (300.0, 0.25)
    """
    remedy = "write 60s, 5min, 2h or 10us"
    number, unit = _split(str(text), where, "must be a duration", remedy)
    factor = _TIMES.get(unit.lower())
    if factor is None or number < 0:
        raise SpecError(where, "must be a duration >= 0", got=str(text), remedy=remedy)
    return number * factor


def parse_fraction(text: str | float, where: str = "fraction") -> float:
    """Return the fraction in 0..1 of ``3%`` or ``0.03``.

    Raises
    ------
    SpecError
        Not a fraction, or outside 0..1.

    Examples
    --------
    >>> parse_fraction("20%"), parse_fraction("0.2")
    (0.2, 0.2)
    """
    remedy = "write 20% or 0.2"
    number, unit = _split(str(text), where, "must be a fraction", remedy)
    fraction = number / 100 if unit == "%" else number
    if unit not in ("", "%") or not 0 <= fraction <= 1:
        raise SpecError(where, "must lie in 0..1", got=str(text), remedy=remedy)
    return fraction


def parse_counts(text: str | int | Iterable[int], where: str = "counts") -> tuple[int, ...]:
    """Return the counts of ``1,2,4..256``, each once and in order.

    ``a..b`` doubles from a up to b; after two numbers (``8,16..64``, ``10,30..270``) it goes on in
    their ratio. The sign … means the same as ``..``.

    Raises
    ------
    SpecError
        Not whole numbers, below 1, or a range that does not rise.

    Examples
    --------
    >>> parse_counts("1,2,4..32")
    (1, 2, 4, 8, 16, 32)
    """
    remedy = "write 8, 1,2,4 or 1,2,4..256"
    if not isinstance(text, str | int):
        text = ",".join(str(item) for item in text)
    counts: list[int] = []
    for part in str(text).replace("…", "..").split(","):
        first, dots, last = part.partition("..")
        start = _count(first, where, text, remedy)
        if dots and _count(last, where, text, remedy) < start:
            raise SpecError(where, "must rise", got=str(text), remedy=remedy)
        counts += _doubling(counts, start, _count(last, where, text, remedy)) if dots else [start]
    if not counts or sorted(set(counts)) != sorted(counts):
        raise SpecError(where, "must name each count once", got=str(text), remedy=remedy)
    return tuple(sorted(counts))


def parse_size_range(text: str, where: str = "sizes") -> tuple[float, float]:
    """Return smallest and largest size of ``1K..64M``, or one size twice.

    Raises
    ------
    SpecError
        Not sizes, or falling.

    Examples
    --------
    >>> parse_size_range("1K..1M")
    (1024.0, 1048576.0)
    """
    first, dots, last = text.replace("…", "..").partition("..")
    if last.startswith("."):
        raise SpecError(where, "must have two dots between sizes", got=text, remedy="write 1K..64M")
    low = parse_size(first, where)
    high = parse_size(last, where) if dots else low
    if not 0 < low <= high:
        raise SpecError(where, "must rise from above 0", got=text, remedy="write 1K..64M")
    return low, high


def _count(text: str, where: str, whole: object, remedy: str) -> int:
    if not text.strip().isdecimal():
        raise SpecError(where, "must be whole numbers", got=str(whole), remedy=remedy)
    if not 1 <= int(text) <= 2**31 - 1:
        raise SpecError(where, "must be >= 1 and < 2**31", got=str(whole), remedy=remedy)
    return int(text)


def _doubling(before: list[int], start: int, stop: int) -> list[int]:
    ratio = start / before[-1] if before and before[-1] < start else 2.0
    steps = [start]
    while steps[-1] * ratio < stop * (1 + 1e-9):
        steps.append(round(steps[-1] * ratio))
    return steps


def format_size(size_bytes: float) -> str:
    """Return bytes as ``512 B``, ``64 KiB`` or ``1.5 GiB``.

    Examples
    --------
    >>> format_size(65536), format_size(1.5 * 2**30)
    ('64 KiB', '1.5 GiB')
    """
    for factor, unit in ((TIB, "TiB"), (GIB, "GiB"), (MIB, "MiB"), (KIB, "KiB")):
        if size_bytes >= factor:
            return f"{_short(size_bytes / factor)} {unit}"
    return f"{_short(size_bytes)} B"


def format_rate(per_s: float) -> str:
    """Return a rate with all its digits from a hundred on, with three below.

    Examples
    --------
    >>> format_rate(123456.7), format_rate(2.345)
    ('123,457', '2.35')
    """
    return f"{per_s:,.0f}" if per_s >= 100 else f"{per_s:.3g}"


def format_time(time_s: float) -> str:
    """Return seconds as ``12.3 us``, ``4.56 ms`` or ``7.89 s``.

    Examples
    --------
    >>> format_time(1.234e-5), format_time(90.0)
    ('12.3 us', '90 s')
    """
    for factor, unit in ((1.0, "s"), (1e-3, "ms"), (1e-6, "us")):
        if time_s >= factor:
            return f"{_short(time_s / factor)} {unit}"
    return f"{_short(time_s * 1e9)} ns"


def format_bandwidth(bandwidth_bytes_per_s: float) -> str:
    """Return bytes per second as ``12.5 GB/s`` or ``125 MB/s``.

    Examples
    --------
    >>> format_bandwidth(1.25e10)
    '12.5 GB/s'
    """
    if bandwidth_bytes_per_s >= GB:
        return f"{_short(bandwidth_bytes_per_s / GB)} GB/s"
    return f"{_short(bandwidth_bytes_per_s / MB)} MB/s"


def _short(value: float) -> str:
    """Return three significant digits without an exponent."""
    if value == 0 or not math.isfinite(value):
        return f"{value:g}"
    digits = max(0, 2 - math.floor(math.log10(abs(value))))
    text = f"{value:,.{digits}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
