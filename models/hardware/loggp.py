"""LogGP parameters of messages on one level of links, and how each of them is known.

A parameter is *measured*: the times of messages tell it; *bounded*: they tell what it lies between, and
``best`` is the middle; or *assumed*: they say nothing of it.

References
----------
Alexandrov et al. 1995, "LogGP". The formulas are those of ``loggops``.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from math import inf
from typing import Any, Self

from nearlinear.models.hardware.loggops import LogGOPS
from nearlinear.models.strict import ROUNDED, WIDEST_SPREAD, build, check_types, require

MEASURED, BOUNDED, ASSUMED = KNOWN = "measured", "bounded", "assumed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """A value in its 90 % interval, or between its bounds, and how it is known."""

    best: float
    low: float
    high: float
    known: str

    def __post_init__(self) -> None:
        require(self.known in KNOWN, "known", f"must be one of {', '.join(KNOWN)}", self.known)
        require(0 <= self.low <= self.best <= self.high, "best", "must lie in 0 <= low..high", self.best)

    @classmethod
    def between(cls, low: float, high: float) -> Self:
        """Return what is only known to lie between bounds."""
        return cls(best=(low + high) / 2, low=low, high=high, known=BOUNDED)

    @classmethod
    def assumed(cls, value: float = 0.0) -> Self:
        """Return what no time tells."""
        return cls(best=value, low=value, high=value, known=ASSUMED)

    def shown(self, unit: float) -> str:
        """Return the text for people, in multiples of ``unit``."""
        if self.known == ASSUMED:
            return f"{self.best / unit:.3g} assumed"
        interval = f"{self.low / unit:.3g} - {self.high / unit:.3g}"
        return f"between {interval}" if self.known == BOUNDED else f"{self.best / unit:.3g} [{interval}]"


@dataclass(frozen=True, slots=True, kw_only=True)
class LogGP:
    """What the times of messages tell of LogGP's parameters; sizes s in bytes.

    Attributes
    ----------
    level : {"node", "network"}
        Which links.
    transport : str
        How bytes moved, such as ``mpi-host``.
    half_round_trip_s : Parameter
        L + 2o, of an empty message.
    latency_s, overhead_s : Parameter
        L and o, which add up to the line above and are not told apart by it.
    gap_s : Parameter
        g, or o where that is longer: the least time between small messages of a stream.
    gap_s_per_byte : Parameter
        G, of large messages.
    overhead_s_per_byte : Parameter
        O.
    rendezvous_bytes : Parameter or None
        S, where several sizes show the switch; None where none is seen.
    spread : float
        Standard deviation of what the formulas leave out, in log time.
    low_bytes, high_bytes : float
        Measured message sizes.
    """

    level: str
    transport: str
    half_round_trip_s: Parameter
    latency_s: Parameter
    overhead_s: Parameter
    gap_s: Parameter
    gap_s_per_byte: Parameter
    overhead_s_per_byte: Parameter
    rendezvous_bytes: Parameter | None = None
    spread: float
    low_bytes: float
    high_bytes: float

    def loggops(self) -> LogGOPS:
        """Return the best value of every parameter, for the simulator; S is infinite where none is seen."""
        return LogGOPS(
            latency_s=self.latency_s.best,
            overhead_s=self.overhead_s.best,
            gap_s=self.gap_s.best,
            gap_s_per_byte=self.gap_s_per_byte.best,
            overhead_s_per_byte=self.overhead_s_per_byte.best,
            rendezvous_bytes=self.rendezvous_bytes.best if self.rendezvous_bytes else inf,
        )

    def known(self, *names: str) -> list[str]:
        """Return which of LogGOPS's parameters are known in one of these ways."""
        letters = {"L": self.latency_s, "o": self.overhead_s, "g": self.gap_s, "G": self.gap_s_per_byte,
                   "O": self.overhead_s_per_byte,
                   "S": self.rendezvous_bytes or Parameter.assumed()}  # fmt: skip
        return [letter for letter, parameter in letters.items() if parameter.known in names]


def plain(found: Sequence[LogGP]) -> list[dict[str, Any]]:
    """Return entries for TOML and JSON; what is not known has no key."""
    return [{key: value for key, value in asdict(one).items() if value is not None} for one in found]


def read_loggp(items: Sequence[Mapping[str, Any]], where: str) -> tuple[LogGP, ...]:
    """Return the entries of a profile.

    Raises
    ------
    SpecError
        An unknown or missing key, or a value out of range.
    """
    found = tuple(build(LogGP, item, where, READERS) for item in items)
    for one in found:
        check_types(one, where)
        _check_whole(one)
    return found


def _check_whole(one: LogGP) -> None:
    half = one.latency_s.best + 2 * one.overhead_s.best
    alike = abs(half - one.half_round_trip_s.best) <= ROUNDED * one.half_round_trip_s.best
    require(alike, "latency_s", "must add up to half_round_trip_s with two overhead_s", one.latency_s.best)
    require(0 <= one.spread <= WIDEST_SPREAD, "spread", f"must lie in 0..{WIDEST_SPREAD:g}", one.spread)
    require(0 <= one.low_bytes <= one.high_bytes, "low_bytes", "must be at most high_bytes", one.low_bytes)


def _parameter(raw: Mapping[str, Any], where: str) -> Parameter:
    parameter = build(Parameter, raw, where)
    check_types(parameter, where)
    return parameter


READERS = dict.fromkeys(
    ("half_round_trip_s", "latency_s", "overhead_s", "gap_s", "gap_s_per_byte", "overhead_s_per_byte",
     "rendezvous_bytes"), _parameter,
)  # fmt: skip
