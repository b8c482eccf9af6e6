"""How busy the processors were while something was measured.

The kernel's counters are read before and after: time spent by the cores (``/proc/stat``), and time in
which some task was ready to run and had no core (``/proc/pressure/cpu``, Linux 4.20 and later).
"""

import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nearlinear.models.arrays import FloatArray

STAT, PRESSURE = Path("/proc/stat"), Path("/proc/pressure/cpu")
BOOT = Path("/proc/sys/kernel/random/boot_id")
SHORTEST_S = 0.1  # the counters of /proc/stat tick every 10 ms on every core
LIMIT = 0.8


@dataclass(frozen=True, slots=True)
class Load:
    """Counters at one moment: seconds of cores spent and in all, seconds with a task in the queue."""

    spent_s: float
    total_s: float
    queued_s: float
    clock_s: float


def read_load() -> Load:
    """Return the counters of this machine; NaN where the system has none."""
    spent, total = _cores()
    return Load(spent, total, _queued(), time.monotonic())


def shares(before: Load, after: Load) -> FloatArray:
    """Return (share of the cores' time spent, share of the time with a task in the queue).

    NaN where it is not known, or the time between was too short for the counters.
    """
    clock, total = after.clock_s - before.clock_s, after.total_s - before.total_s
    if clock < SHORTEST_S or not total > 0:
        return np.full(2, np.nan)
    queued = (after.queued_s - before.queued_s) / clock
    return np.array([(after.spent_s - before.spent_s) / total, np.minimum(queued, 1.0)])


class LoadWatch:
    """The load of this machine until now, over the last tenth of a second or more."""

    def __init__(self) -> None:
        self._since, self._known = read_load(), np.full(2, np.nan)

    def shares(self) -> FloatArray:
        """Return the shares since the last time, or those before where that was only just now."""
        now = read_load()
        if now.clock_s - self._since.clock_s >= SHORTEST_S:
            self._known, self._since = shares(self._since, now), now
        return self._known


def is_processor_bound(busy: float, waiting: float, polls: bool) -> bool:
    """Return whether the processors may have been the limit.

    Above 80 % of the cores' time, or of the time with a task in the queue. Ranks that wait busily spend
    their cores whether they work or not, so for them the queue alone tells.
    """
    return bool(waiting > LIMIT or (busy > LIMIT and not polls))


def machine_id() -> str:
    """Return what tells this machine, as its kernel sees it, from others; containers share theirs."""
    try:
        return BOOT.read_text(encoding="ascii").strip()
    except OSError:
        return ""


def _cores() -> tuple[float, float]:
    try:
        ticks = [int(word) for word in STAT.read_text(encoding="ascii").split("\n", 1)[0].split()[1:9]]
    except (OSError, ValueError):
        return np.nan, np.nan
    idle = ticks[3] + ticks[4]  # idle and waiting for a disk
    return (sum(ticks) - idle) / 100, sum(ticks) / 100


def _queued() -> float:
    try:
        some = PRESSURE.read_text(encoding="ascii").split("\n", 1)[0]
    except OSError:
        return np.nan
    return int(some.rpartition("total=")[2]) / 1e6
