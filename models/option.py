"""An option: how a raw value of the command line or of a TOML file is read, and what it means.

A reader takes the raw value and the place where it stands, and returns the value or raises
``SpecError``.
"""

from collections.abc import Callable
from dataclasses import MISSING, field
from math import isfinite, nan
from typing import Any

from nearlinear.models.errors import SpecError, nearest
from nearlinear.models.units import parse_counts

Reader = Callable[[Any, str], Any]


def text(raw: Any, where: str) -> str:
    """Return a non-empty string."""
    if not isinstance(raw, str) or not raw.strip():
        raise SpecError(where, "must be a name", got=raw)
    return raw.strip()


def count(raw: Any, where: str) -> int:
    """Return a whole number >= 1."""
    counts = parse_counts(raw if isinstance(raw, int) else str(raw), where)
    if len(counts) != 1:
        raise SpecError(where, "must be one whole number", got=raw)
    return counts[0]


def at_most(most: int) -> Reader:
    """Return a reader of a whole number >= 1 that is not beyond reason."""

    def read(raw: Any, where: str) -> int:
        value = count(raw, where)
        if value > most:
            raise SpecError(where, f"must be at most {most:,}", got=raw)
        return value

    return read


def whole(raw: Any, where: str) -> int:
    """Return a whole number >= 0."""
    if not str(raw).strip().isdecimal():
        raise SpecError(where, "must be a whole number >= 0", got=raw)
    return int(raw)


def above(least: float) -> Reader:
    """Return a reader of a finite number > ``least``."""
    return _number(f"must be a number > {least:g}", lambda value: value > least)


def at_least(least: float) -> Reader:
    """Return a reader of a finite number >= ``least``."""
    return _number(f"must be a number >= {least:g}", lambda value: value >= least)


def _number(rule: str, holds: Callable[[float], bool]) -> Reader:
    def read(raw: Any, where: str) -> float:
        try:
            value = float(raw)
        except (TypeError, ValueError):
            value = nan
        if isinstance(raw, bool) or not isfinite(value) or not holds(value):
            raise SpecError(where, rule, got=raw)
        return value

    return read


def flag(raw: Any, where: str) -> bool:
    """Return true or false."""
    if isinstance(raw, bool):
        return raw
    raise SpecError(where, "must be true or false", got=raw)


def one_of(*allowed: str) -> Reader:
    """Return a reader of one of the allowed words."""

    def read(raw: Any, where: str) -> str:
        if raw not in allowed:
            remedy = nearest(str(raw), list(allowed)) or f"known are {', '.join(allowed)}"
            raise SpecError(where, "must be a known word", got=raw, remedy=remedy)
        return str(raw)

    return read


def option(reader: Reader, help: str, default: Any = MISSING, metavar: str = "") -> Any:
    """Return a dataclass field that is an option: how it is read, what it means, its default."""
    metadata = {"reader": reader, "help": help, "metavar": metavar}
    return field(default=default, metadata=metadata)
