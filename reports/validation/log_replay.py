"""A log replayed in a situation: bandwidths that the rest of the log tells, beside what was measured.

Predictions and bands are those of calibration (``calibrate/curves``): nothing is predicted here. Bands have
the half-widths that are shipped, whose coefficients were fitted to many logs, some of them these:
``benchmarks/holdout.py`` says how often a band holds the logs of a family that it does not know.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nearlinear.calibrate.curves.checked import check_curves
from nearlinear.calibrate.curves.predicted import Judged
from nearlinear.calibrate.held import Held
from nearlinear.models.arrays import FloatArray, IntArray
from nearlinear.reports.validation.baselines import Predicted
from nearlinear.reports.validation.log import Log
from nearlinear.reports.validation.log_baselines import Baseline
from nearlinear.reports.validation.log_situation import LogSituation


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LogReplay:
    """Predicted and measured bandwidth of one log; arrays have the shape (judged points,).

    A size that several draws hold out is judged in each of them.

    Attributes
    ----------
    curve, situation : Log, LogSituation
        What was replayed.
    held : tuple of Held
        One for each draw or rank count.
    devices : ndarray of int
        Ranks of each point.
    size_bytes : ndarray
        Vector in memory.
    published, median, low, high : ndarray
        Bytes per second: size over time.
    """

    curve: Log
    situation: LogSituation
    held: tuple[Held, ...]
    devices: IntArray
    size_bytes: FloatArray
    published: FloatArray
    median: FloatArray
    low: FloatArray
    high: FloatArray

    @property
    def error(self) -> FloatArray:
        """Predicted over measured bandwidth, minus one."""
        return np.asarray(self.median / self.published - 1.0)

    @property
    def covered(self) -> np.ndarray:
        """Whether the band holds what was measured."""
        return np.asarray((self.low <= self.published) & (self.published <= self.high))

    def efficiency(self, bytes_per_s: FloatArray) -> FloatArray:
        """Return bandwidths over the best one of the log."""
        return np.asarray(bytes_per_s / self.curve.best)

    @property
    def baselines(self) -> Mapping[str, Callable[[Sequence[Any]], Predicted]]:
        """Naive predictors of the situation; each takes replays and returns bandwidths."""
        return {name: _bandwidths(said) for name, said in self.situation.baselines.items()}


def _bandwidths(baseline: Baseline) -> Callable[[Sequence[LogReplay]], Predicted]:
    def predict(replays: Sequence[LogReplay]) -> Predicted:
        return [one.size_bytes / np.concatenate([baseline(held) for held in one.held]) for one in replays]

    return predict


def replay_logs(logs: Sequence[Log], situation: LogSituation) -> list[LogReplay]:
    """Return the replays of all logs of which a situation leaves something to judge."""
    found = [replay_log(log, situation) for log in situation.subjects(logs)]
    return [one for one in found if one is not None]


def replay_log(log: Log, situation: LogSituation) -> LogReplay | None:
    """Return the replay of a log; None where the situation leaves nothing to judge."""
    points, judged = situation.points(log), Judged(without=(log.system,))
    checks = [check_curves(points, situation.by, mask, judged) for mask in situation.masks(points)]
    held = tuple(one for one in checks if one is not None)
    if not held:
        return None
    size_bytes = np.concatenate([one.points.size_bytes[one.held] for one in held])
    time_s = [np.concatenate([getattr(one, name) for one in held])
              for name in ("measured_s", "median_s", "high_s", "low_s")]  # fmt: skip
    published, median, low, high = (size_bytes / time for time in time_s)
    return LogReplay(
        curve=log, situation=situation, held=held, size_bytes=size_bytes,
        devices=np.concatenate([one.points.ranks[one.held] for one in held]),
        published=published, median=median, low=low, high=high,
    )  # fmt: skip
