"""A number with its origin: every constant of the catalogue is one of these."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Self

from nearlinear.models.errors import SpecError
from nearlinear.models.strict import number, require

STATUSES = ("measured", "datasheet", "remembered", "stated")


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where numbers come from: a citation and the date it was published, or else read."""

    citation: str
    date: str
    url: str = ""

    def __post_init__(self) -> None:
        require(bool(self.citation), "citation", "must not be empty", self.citation)
        require(len(self.date) in (4, 7, 10), "date", "must be YYYY, YYYY-MM or YYYY-MM-DD", self.date)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """A value in SI units with its status and source.

    Attributes
    ----------
    value : float
        In SI units; the field that holds the fact names the unit.
    status : {"measured", "datasheet", "remembered", "stated"}
        Measured by somebody; vendor's statement; remembered and not checked; stated by the user.
    source : Source
        Who says so, and when.
    """

    value: float
    status: str
    source: Source

    def __post_init__(self) -> None:
        require(self.status in STATUSES, "status", f"must be one of {', '.join(STATUSES)}", self.status)
        require(self.value > 0, "value", "must be > 0", self.value)

    def scaled(self, factor: float) -> Self:
        """Return the same fact in another unit."""
        return replace(self, value=self.value * factor)


def read_fact(raw: Any, where: str, sources: Mapping[str, Source], factor: float = 1.0) -> Fact:
    """Return the fact of ``{ value, status, source }``, or of a bare number that the user states.

    Parameters
    ----------
    raw : dict or number
        As it stands in the file.
    where : str
        File and key, for errors.
    sources : mapping
        Known sources by key.
    factor : float
        Unit of the file in SI units.

    Raises
    ------
    SpecError
        Missing or unknown key, unknown source, not a positive number.
    """
    if raw is None:
        raise SpecError(where, "is needed")
    if not isinstance(raw, Mapping):
        stated = Source(citation=where.split(":")[0], date="none")
        return _fact(raw, factor, "stated", stated, where)
    if set(raw) != {"value", "status", "source"}:
        raise SpecError(where, "needs value, status and source", got=sorted(raw))
    if raw["source"] not in sources:
        raise SpecError(where, "unknown source", got=raw["source"], remedy="add it to sources.toml")
    return _fact(raw["value"], factor, raw["status"], sources[raw["source"]], where)


def _fact(raw: object, factor: float, status: str, source: Source, where: str) -> Fact:
    value = number(raw, where)
    if value <= 0:
        raise SpecError(where, "must be > 0", got=value)
    try:
        return Fact(value=value * factor, status=status, source=source)
    except SpecError as error:
        raise error.at(where, error.where) from None
