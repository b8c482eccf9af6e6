"""A log replayed in a situation: bandwidths that the rest of the log tells, beside what was measured.

Predictions and bands are those of calibration (``calibrate/curves``): nothing is predicted here. Bands have
the half-widths that are shipped, whose coefficients were fitted to many logs, some of them these:
``benchmarks/holdout.py`` says how often a band holds the logs of a family that it does not know.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from nearlinear.calibrate.curves.checked import check_curves
from nearlinear.calibrate.curves.predicted import Judged
from nearlinear.calibrate.held import Held
from nearlinear.models.arrays import FloatArray
from nearlinear.reports.validation.log import Log
from nearlinear.reports.validation.log_baselines import Baseline
from nearlinear.reports.validation.log_situation import LogSituation
from nearlinear.reports.validation.replayed import Baselines, Predicted, Replayed


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LogReplay(Replayed):
    """Predicted and measured bandwidth of one log, size over time in bytes per second.

    A size that several draws hold out is judged in each of them.

    Attributes
    ----------
    curve, situation : Log, LogSituation
        What was replayed.
    held : tuple of Held
        One for each draw or rank count.
    size_bytes : ndarray, shape (judged points,)
        Vector in memory.
    """

    curve: Log
    situation: LogSituation
    held: tuple[Held, ...]
    size_bytes: FloatArray

    def efficiency(self, rate: FloatArray) -> FloatArray:
        """Return bandwidths over the best one of the log."""
        return np.asarray(rate / self.curve.best)

    @property
    def baselines(self) -> Baselines:
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
