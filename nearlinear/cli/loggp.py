"""LogGP parameters of a profile: their table, and their use as LogGOPS."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from nearlinear.models.errors import SpecError

if TYPE_CHECKING:
    from nearlinear.models.hardware.loggops import LogGOPS
    from nearlinear.models.hardware.loggp import LogGP

WHERE, SUFFIX = "--loggops", ".toml"
LEVELS = ("network", "node")  # the first that was measured is meant where none is named


def print_loggp(found: "Sequence[LogGP]") -> None:
    """Print what the times of single messages tell, if there were any."""
    from nearlinear.cli.output import print_table
    from nearlinear.models.units import MICROSECOND

    if not found:
        return
    columns = ["LogGP", "through", "L + 2o us", "G ns/B", "g us", "o us", "S", "left out"]
    rows = [
        [
            one.level,
            one.transport,
            one.half_round_trip_s.shown(MICROSECOND),
            one.gap_s_per_byte.shown(1e-9),
            one.gap_s.shown(MICROSECOND),
            one.overhead_s.shown(MICROSECOND),
            _switch(one),
            f"{one.spread:.0%}",
        ]
        for one in found
    ]
    print()
    print_table(columns, rows, left=(0, 1, 6))


def _switch(one: "LogGP") -> str:
    from nearlinear.models.units import format_size

    switch = one.rendezvous_bytes
    return "not seen" if switch is None else f"{format_size(switch.low)} - {format_size(switch.high)}"


def loggops_of(text: str) -> "LogGOPS":
    """Return the parameters of ``L=..,o=..`` or of a profile, ``profile.toml[:LEVEL[:TRANSPORT]]``.

    Raises
    ------
    SpecError
        Malformed, or the profile holds no such level and transport, or several.
    """
    from nearlinear.models.hardware.loggops import LogGOPS

    path, suffix, which = text.partition(SUFFIX)
    if not suffix:
        return LogGOPS.of(text)
    from nearlinear.cli.output import say
    from nearlinear.models.profile import read_profile

    one = _chosen(read_profile(path + suffix).loggp, text, *which.removeprefix(":").split(":", 1))
    doubtful = ", ".join(one.known("bounded", "assumed"))
    say(f"{one.level}, {one.transport}: {_text(one.loggops())}; bounded or assumed, not measured: {doubtful}")
    return one.loggops()


def _chosen(found: "Sequence[LogGP]", text: str, level: str, transport: str = "") -> "LogGP":
    """Return the entry that is meant, of the outermost level where none is named."""
    level = level or next((name for name in LEVELS if any(one.level == name for one in found)), "")
    mine = [one for one in found if one.level == level and transport in ("", one.transport)]
    if len(mine) == 1:
        return mine[0]
    names = ", ".join(f"{one.level}:{one.transport}" for one in found)
    if not found:
        remedy = "calibrate with measure --ops sendrecv,bandwidth, or with osu_latency and osu_bw"
        raise SpecError(WHERE, "must name a profile with LogGP parameters", got=text, remedy=remedy)
    raise SpecError(
        WHERE, "must name one level and transport of the profile", got=text, remedy=f"it has {names}"
    )


def _text(loggops: "LogGOPS") -> str:
    """Return parameters as the option takes them, in nanoseconds and bytes."""
    from nearlinear.models.hardware.loggops import LETTERS

    return ",".join(
        f"{letter}={getattr(loggops, name) / scale:.6g}" for letter, (name, scale) in LETTERS.items()
    )
