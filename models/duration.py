"""Long times as people say them."""

UNITS = (("d", 86400.0), ("h", 3600.0), ("min", 60.0), ("s", 1.0))


def format_duration(time_s: float) -> str:
    """Return a time as ``45 s``, ``12.3 min``, ``4.56 h`` or ``7.89 d``.

    Examples
    --------
    >>> format_duration(5400.0), format_duration(172800.0)
    ('1.5 h', '2 d')
    """
    unit, factor = _unit(time_s)
    return f"{format_amount(time_s / factor)} {unit}"


def format_span(low_s: float, high_s: float, like_s: float) -> str:
    """Return ``27 - 64.2 min``: a range in the unit of the time that it belongs to.

    Examples
    --------
    >>> format_span(1620.0, 3852.0, 2400.0)
    '27 - 64.2 min'
    """
    unit, factor = _unit(like_s)
    return f"{format_amount(low_s / factor)} - {format_amount(high_s / factor)} {unit}"


def format_amount(value: float) -> str:
    """Return an amount of money, energy or time: all its digits from a hundred on, three below.

    Examples
    --------
    >>> format_amount(1234.5), format_amount(2.345)
    ('1,234', '2.35')
    """
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _unit(time_s: float) -> tuple[str, float]:
    return next((one for one in UNITS if time_s >= one[1]), UNITS[-1])
