"""What a run shows beside its time: distribution, ranks, links, the critical path, and what was checked."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from nearlinear.models.arrays import FloatArray, IntArray
from nearlinear.simulator.cause import CriticalPath
from nearlinear.simulator.exchange import TICKS_PER_SECOND
from nearlinear.simulator.steps.starvation import Starvation
from nearlinear.simulator.steps.stragglers import Slowest
from nearlinear.simulator.usage import LinkUsage

PERCENTILES = (1, 5, 25, 50, 75, 95, 99)
MOST_RANKS = 1024  # rows of the table of ranks; larger runs show ranks at even distances
MOST_HOPS = 200  # messages of the critical path that a document lists, the last ones


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Detail:
    """A run of one scale, explained in its median sample.

    Attributes
    ----------
    engine : str
        What executed.
    makespan_s : ndarray, shape (samples,)
        From the first start, at tick 0, to the last end.
    messages : int
        Messages of one sample.
    rank_end_s : ndarray, shape (ranks,)
        When each rank was done.
    sent_bytes, received_bytes : ndarray of int, shape (ranks,)
        What each rank gave and got.
    links : LinkUsage or None
        The busiest links; None where messages have no links (LogGOPS).
    path : CriticalPath or None
        None where the run is too large to be explained message by message.
    checks : tuple of str
        What was checked and held.
    warnings : tuple of str
        What a reader must know.
    slowest : Slowest or None
        The slowest device of a step, of a run with jitter.
    starvation : Starvation or None
        The pace of steps that are fed, of a run that loads.
    """

    engine: str
    makespan_s: FloatArray
    messages: int
    rank_end_s: FloatArray
    sent_bytes: IntArray
    received_bytes: IntArray
    links: LinkUsage | None
    path: CriticalPath | None
    checks: tuple[str, ...]
    warnings: tuple[str, ...] = ()
    slowest: Slowest | None = None
    starvation: Starvation | None = None

    @property
    def median_s(self) -> float:
        """The makespan of the middle sample."""
        return float(np.sort(self.makespan_s)[len(self.makespan_s) // 2])

    def document(self) -> dict[str, Any]:
        """Return the run as plain values in SI units."""
        run = {
            "engine": self.engine,
            "makespan_s": self.median_s,
            "messages": self.messages,
            "samples": len(self.makespan_s),
            "distribution_s": self._distribution(),
            "ranks": self._ranks(),
            "links": [] if self.links is None else _rows(self.links),
            "critical_path": None if self.path is None else path_document(self.path),
            "checks": list(self.checks),
        }
        more = {"slowest": self.slowest, "loading": self.starvation}
        return run | {name: one.document() for name, one in more.items() if one is not None}

    def _distribution(self) -> dict[str, float]:
        values = np.percentile(self.makespan_s, PERCENTILES)
        named = {f"p{p}": float(v) for p, v in zip(PERCENTILES, values, strict=True)}
        return named | {"least": float(self.makespan_s.min()), "most": float(self.makespan_s.max())}

    def _ranks(self) -> list[dict[str, Any]]:
        count = len(self.rank_end_s)
        shown = np.unique(np.linspace(0, count - 1, min(count, MOST_RANKS)).round().astype(int))
        return [
            {
                "rank": int(rank), "end_s": float(self.rank_end_s[rank]),
                "sent_bytes": int(self.sent_bytes[rank]), "received_bytes": int(self.received_bytes[rank]),
            }
            for rank in shown
        ]  # fmt: skip


def path_document(path: CriticalPath) -> dict[str, Any]:
    """Return a critical path as plain values; its parts sum to the makespan."""
    hops = path.hops[-MOST_HOPS:]
    return {
        "parts_s": {part: ticks / TICKS_PER_SECOND for part, ticks in path.parts.items()},
        "messages": path.messages,
        "last_messages": [
            {
                "source": hop.source, "destination": hop.destination,
                "begin_s": hop.begin_ticks / TICKS_PER_SECOND, "end_s": hop.end_ticks / TICKS_PER_SECOND,
            }
            for hop in hops
        ],
    }  # fmt: skip


def shares(parts: Mapping[str, int]) -> str:
    """Return the parts of a path as people read them, the largest first, nothing that rounds to zero."""
    total = max(sum(parts.values()), 1)
    ordered = sorted(parts.items(), key=lambda item: -item[1])
    shown = [f"{part} {ticks / total:.0%}" for part, ticks in ordered if ticks / total >= 0.005]
    return ", ".join(shown) or "nothing"


def _rows(links: LinkUsage) -> list[dict[str, Any]]:
    columns = zip(links.name, links.carried_bytes.tolist(), links.utilisation.tolist(), strict=True)
    return [{"link": name, "bytes": size, "utilisation": used} for name, size, used in columns]
