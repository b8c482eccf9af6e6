"""Errors of predictions against published values, for one curve or many."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from nearlinear.models.arrays import FloatArray
from nearlinear.reports.validation.baselines import CONSTANT
from nearlinear.reports.validation.replayed import Predicted, Replayed

HIGH = 0.9
DIGITS = 9  # of an efficiency: beyond them is rounding


@dataclass(frozen=True, slots=True, kw_only=True)
class Errors:
    """Errors of one predictor.

    Attributes
    ----------
    median, high, worst : float
        Median, 90th percentile and largest of |predicted / published - 1| of throughput or bandwidth.
    bias : float
        Median of the signed error; above 0 where predictions are too fast.
    efficiency : float
        Mean absolute error of scaling efficiency, nan where no scale was known; of a log, of bandwidths over
        its best.
    rank : float
        Spearman's correlation of predicted with published efficiency; nan where either has one value.
    """

    median: float
    high: float
    worst: float
    bias: float
    efficiency: float
    rank: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Scores:
    """Scores of replays.

    Attributes
    ----------
    curves, points : int
        How many were judged.
    errors : Errors
        Ours.
    coverage : float
        Fraction of published values inside their 90 % band.
    baselines : dict of str to Errors
        The same of naive predictors; empty where nothing was known.
    """

    curves: int
    points: int
    errors: Errors
    coverage: float
    baselines: dict[str, Errors]

    @property
    def skill(self) -> float:
        """Our median error over that of the best baseline; below 1 is better."""
        best = min((one.median for one in self.baselines.values()), default=np.nan)
        return self.errors.median / best if best else np.nan


def score(replays: Sequence[Replayed]) -> Scores:
    """Return the scores of replays in one situation; there must be some."""
    naive = replays[0].baselines
    return Scores(
        curves=len(replays),
        points=sum(len(one.devices) for one in replays),
        errors=errors(replays, [one.median for one in replays]),
        coverage=float(np.concatenate([one.covered for one in replays]).mean()),
        baselines={
            name: _ranked(name, errors(replays, said(replays)))
            for name, said in naive.items()
            if name != CONSTANT or len(replays) > 1  # it is made of the others
        },
    )


def _ranked(name: str, found: Errors) -> Errors:
    """Return without a rank what has none: a constant differs only by what was left out."""
    return replace(found, rank=float("nan")) if name == CONSTANT else found


def errors(replays: Sequence[Replayed], predicted: Predicted) -> Errors:
    """Return the errors of predicted throughputs, one array per replay."""
    published = np.concatenate([one.published for one in replays])
    refers = bool(replays[0].baselines)  # efficiency needs a scale to refer to, and so do they
    error = np.concatenate(predicted) / published - 1.0
    said = np.concatenate([one.efficiency(rate) for one, rate in zip(replays, predicted, strict=True)])
    seen = np.concatenate([one.efficiency(one.published) for one in replays])
    return Errors(
        median=float(np.median(np.abs(error))),
        high=float(np.quantile(np.abs(error), HIGH)),
        worst=float(np.abs(error).max()),
        bias=float(np.median(error)),
        efficiency=float(np.abs(said - seen).mean()) if refers else float("nan"),
        rank=rank_correlation(said, seen) if refers else float("nan"),
    )


def rank_correlation(x: FloatArray, y: FloatArray) -> float:
    """Return Spearman's rank correlation; equal values share the mean of their ranks.

    Examples
    --------
    >>> rank_correlation(np.array([1.0, 2.0, 4.0]), np.array([10.0, 30.0, 20.0]))
    0.5
    """
    a, b = _ranks(np.round(x, DIGITS)), _ranks(np.round(y, DIGITS))
    if a.std() == 0 or b.std() == 0:
        return float("nan")
    return float(np.mean((a - a.mean()) * (b - b.mean())) / (a.std() * b.std()))


def _ranks(values: FloatArray) -> FloatArray:
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return np.asarray((last - (counts - 1) / 2.0)[inverse])
