"""Situations of whoever has measured collectives: what of a log is known, and what is asked of it.

*Half of the sizes known*: half of all sizes are drawn from those between the smallest and the largest, and
judged (``calibrate/splits.py``), in several draws. *A rank count left out*: each of three counts or more, on
one level of links, is predicted from the others at all its sizes. A log with fewer counts is put together
with others of its system.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from nearlinear.calibrate.points import Points, groups
from nearlinear.calibrate.splits import splits
from nearlinear.reports.validation.log import Log, log_of
from nearlinear.reports.validation.log_baselines import ACROSS_RANKS, BETWEEN_SIZES, Baseline

HALF = 0.5
DRAWS = 10
FEWEST_COUNTS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class LogSituation:
    """What is known of a log.

    Attributes
    ----------
    name, title : str
        Key, and words.
    by : {"sizes", "ranks"}
        What is held out.
    draws : int
        How many times at random.
    baselines : mapping
        Naive predictors by name.
    """

    name: str
    title: str
    by: str
    draws: int
    baselines: Mapping[str, Baseline]

    def subjects(self, logs: Sequence[Log]) -> list[Log]:
        """Return what is replayed: logs as they are, or put together by system where counts are few."""
        if self.by == "sizes":
            return list(logs)
        alone = [log for log in logs if _several(log.points).any()]
        rest: dict[str, list[Log]] = {}
        for log in logs:
            if log not in alone:
                rest.setdefault(log.system, []).append(log)
        return [*alone, *(_together(system, some) for system, some in rest.items())]

    def points(self, log: Log) -> Points:
        """Return the points that take part."""
        return log.points if self.by == "sizes" else log.points[_several(log.points)]

    def masks(self, points: Points) -> list[np.ndarray]:
        """Return what is held out at once, one mask over the points for each draw or rank count."""
        return [mask for seed in range(self.draws) for mask in splits(points, self.by, HALF, seed)]


def _several(points: Points) -> np.ndarray:
    """Return which points are of a collective with three rank counts or more on their level of links."""
    found = np.zeros(len(points), dtype=bool)
    for rows in groups(points, ("operation", "algorithm", "transport")):
        mine = points[rows]
        level = np.where(mine.nodes == 1, 0, mine.ranks // mine.nodes)
        for one in np.unique(level):
            found[rows[level == one]] = len(np.unique(mine.ranks[level == one])) >= FEWEST_COUNTS
    return found


def _together(system: str, logs: Sequence[Log]) -> Log:
    files = [file for log in logs for file in log.files]
    return log_of(system, logs[0].published, system, files) if len(logs) > 1 else logs[0]


HALF_SIZES = LogSituation(
    name="half-sizes", title="half of the sizes known", by="sizes", draws=DRAWS, baselines=BETWEEN_SIZES
)
RANK_COUNT = LogSituation(
    name="rank-count", title="a rank count left out", by="ranks", draws=1, baselines=ACROSS_RANKS
)
LOG_SITUATIONS = {one.name: one for one in (HALF_SIZES, RANK_COUNT)}
