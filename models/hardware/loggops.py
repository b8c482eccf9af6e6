"""What one message costs in LogGOPS: latency, CPU overhead, gaps, and gaps per byte.

    send at T      the CPU is busy until T + o + (s-1) O, the adapter until T + g + (s-1) G
    arrival        T + o + L
    receive at R   the CPU is busy until R + o + (s-1) max(O, G), the adapter until R + g + (s-1) G

Terms per byte are on s-1 bytes, and on none of an empty message. Above S bytes the sender asks first
(rendezvous): its request leaves at T and costs o, the grant leaves when the request has arrived and the
receive is posted, at Q, and the data leave at D = max(Q + o + L, adapter free); they cost the sender
what an eager send at D would.

References
----------
Alexandrov et al. 1995 (LogGP); Hoefler, Schneider and Lumsdaine 2010, "LogGOPSim", section 2; Ino,
Fujimoto and Hagihara 2001, "LogGPS", for the synchronisation above S.
"""

from dataclasses import dataclass, fields
from math import inf, isfinite
from typing import Self

from nearlinear.models.errors import SpecError, nearest

NANOSECOND = 1e-9
WHERE = "--loggops"
REMEDY = "write L=2500,o=1500,g=1000,G=6,O=0,S=inf (nanoseconds, nanoseconds per byte, bytes)"


@dataclass(frozen=True, slots=True, kw_only=True)
class LogGOPS:
    """The six parameters.

    Attributes
    ----------
    latency_s : float
        L, wire latency.
    overhead_s : float
        o, CPU time of a message at either end.
    gap_s : float
        g, least time between messages of an adapter.
    gap_s_per_byte : float
        G, inverse bandwidth.
    overhead_s_per_byte : float
        O, CPU time per byte.
    rendezvous_bytes : float
        S, largest message that is sent without asking.
    """

    latency_s: float
    overhead_s: float
    gap_s: float
    gap_s_per_byte: float
    overhead_s_per_byte: float = 0.0
    rendezvous_bytes: float = inf

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            endless = field.name == "rendezvous_bytes" and value == inf
            if not endless and not (isfinite(value) and value >= 0):
                raise SpecError(WHERE, "must be >= 0", field=_letter(field.name), got=value, remedy=REMEDY)

    @classmethod
    def of(cls, text: str) -> Self:
        """Return the parameters of ``L=2500,o=1500,g=1000,G=6,O=0,S=inf``, in nanoseconds and bytes.

        Raises
        ------
        SpecError
            A parameter is missing, unknown, given twice, or no number >= 0.

        Examples
        --------
        >>> LogGOPS.of("L=2500,o=1500,g=1000,G=6,O=0,S=inf").gap_s_per_byte
        6.000000000000001e-09
        """
        given: dict[str, float] = {}
        for part in text.split(","):
            letter, value = _term(part)
            if letter in given:
                raise SpecError(WHERE, "must give each parameter once", got=text, remedy=REMEDY)
            given[letter] = value
        missing = [letter for letter in LETTERS if letter not in given]
        if missing:
            raise SpecError(WHERE, f"needs {', '.join(missing)}", got=text, remedy=REMEDY)
        return cls(**{name: given[letter] * scale for letter, (name, scale) in LETTERS.items()})


LETTERS = {
    "L": ("latency_s", NANOSECOND),
    "o": ("overhead_s", NANOSECOND),
    "g": ("gap_s", NANOSECOND),
    "G": ("gap_s_per_byte", NANOSECOND),
    "O": ("overhead_s_per_byte", NANOSECOND),
    "S": ("rendezvous_bytes", 1.0),
}


def _letter(name: str) -> str:
    return next(letter for letter, (field, _) in LETTERS.items() if field == name)


def _term(part: str) -> tuple[str, float]:
    letter, equals, raw = part.strip().partition("=")
    if letter not in LETTERS:
        remedy = nearest(letter, list(LETTERS)) or REMEDY
        raise SpecError(WHERE, f"must be one of {', '.join(LETTERS)}", got=letter, remedy=remedy)
    try:
        value = float(raw) if equals else -1.0
    except ValueError:
        value = -1.0
    if not value >= 0 or (value == inf and letter != "S"):
        raise SpecError(WHERE, "must be a number >= 0", field=letter, got=raw, remedy=REMEDY)
    return letter, value
