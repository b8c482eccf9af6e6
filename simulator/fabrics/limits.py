"""Limits of a fabric: which numbers make sense, and how large a fabric may be."""

from math import isfinite

from nearlinear.models.errors import SpecError

WHERE = "--fabric"
MOST_HOSTS = 2**20
MOST_LINKS = 2**24  # 128 MiB of capacities


def whole(field: str, value: int, least: int = 1, most: int = MOST_HOSTS) -> int:
    """Return ``value`` if it is a whole number in ``least``..``most``.

    Raises
    ------
    SpecError
        It is not.
    """
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise SpecError(WHERE, f"must be a whole number >= {least}", field=field, got=value)
    if value > most:
        raise SpecError(WHERE, f"must be at most {most:,}", field=field, got=value)
    return value


def ratio(field: str, value: float) -> float:
    """Return ``value`` if it is a finite number >= 1.

    Raises
    ------
    SpecError
        It is not.
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or not (isfinite(value) and value >= 1):
        raise SpecError(WHERE, "must be a number >= 1", field=field, got=value)
    return float(value)


def host_count(hosts: int) -> int:
    """Return ``hosts`` if a fabric can join so many.

    Raises
    ------
    SpecError
        Fewer than 1, or more than ``MOST_HOSTS``.
    """
    if isinstance(hosts, bool) or not isinstance(hosts, int) or not 1 <= hosts <= MOST_HOSTS:
        raise SpecError(WHERE, f"must join 1 to {MOST_HOSTS:,} hosts", got=hosts)
    return hosts


def link_count(links: int, remedy: str) -> int:
    """Return ``links`` if they can be held; ``remedy`` says how to have fewer.

    Raises
    ------
    SpecError
        More than ``MOST_LINKS``.
    """
    if links > MOST_LINKS:
        raise SpecError(WHERE, f"must have at most {MOST_LINKS:,} links", got=links, remedy=remedy)
    return links
