"""Jitter of compute, fitted to the times that every rank of a run recorded.

Six models: a step's factor is log-normal, gamma or a constant with an exponential tail, and ranks are alike
or each has its own level (a node that is lastingly slow). Each is fitted by maximum likelihood; the Bayesian
information criterion k log n - 2 log L decides, with k the levels and one spread. The spread of levels is
what is left of their variance after that of a mean over steps.

The likelihoods, with levels m of the ranks:

* log-normal: m is the geometric mean, the spread the root mean square of log residuals;
* gamma: m is the mean; the shape a solves log a - digamma(a) = mean of log(m/t);
* exponential: t = m (1 - s + s E); for every s the best m is the smaller of mean/s and minimum/(1 - s), and
  the best s is found by a bounded search.

References
----------
Schwarz 1978, Estimating the dimension of a model. Minka 2002, Estimating a gamma distribution (shape).
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq, minimize_scalar
from scipy.special import digamma, gammaln

from nearlinear.measure.records import Record, samples_by
from nearlinear.models.arrays import FloatArray
from nearlinear.models.errors import FitError
from nearlinear.models.training.jitter import FAMILIES, Jitter

FEWEST = 20  # steps of a rank
WARM_UP = 1  # steps that are left out: allocation, caches
SHAPES = (1e-3, 1e8)  # of gamma: from hardly anything but outliers to a spread of 0.01 %
TOGETHER = 0.2  # correlation between ranks from which their maximum is a bound from above


@dataclass(frozen=True, slots=True, kw_only=True)
class FittedJitter:
    """What was fitted.

    Attributes
    ----------
    jitter : Jitter
        Of the model that was chosen.
    bic : mapping of (str, bool) to float
        Of every family, with ranks alike or not, less that of the chosen one.
    ranks, steps : int
        Of the record.
    together : float
        Mean correlation between the times of two ranks over the same steps.
    """

    jitter: Jitter
    bic: Mapping[tuple[str, bool], float]
    ranks: int
    steps: int
    together: float

    def line(self) -> str:
        """Return in one line what was fitted."""
        spread, lasting = self.jitter.spread, self.jitter.rank_spread
        ranks = f"ranks differ lastingly by {lasting:.2%}" if lasting else "ranks are alike"
        others = [name for name in FAMILIES if name != self.jitter.family]
        least = {name: min(v for (n, _), v in self.bic.items() if n == name) for name in others}
        told = ", ".join(f"{name} +{value:,.0f}" for name, value in least.items())
        return (
            f"jitter: {self.jitter.family} {spread:.2%} from step to step, {ranks};"
            f" {self.ranks} ranks x {self.steps} steps; BIC of others: {told}"
        )

    def notes(self) -> list[str]:
        """Return what a reader must know."""
        if self.together < TOGETHER:
            return []
        return [
            f"ranks of the record are slow in the same steps (correlation {self.together:.2f}): independent"
            " draws make the slowest of many slower than it would be"
        ]


def compute_times(record: Record) -> FloatArray:
    """Return compute times of a record, shape (ranks, steps): of training, or of its longest kernel.

    Raises
    ------
    FitError
        Too few steps, or none with the time of every rank.
    """
    if record.steps:
        by_rank: dict[int, list[float]] = {}
        for step in record.steps:
            if step.step >= WARM_UP:
                by_rank.setdefault(step.rank, []).append(step.compute_s)
        rows = list(by_rank.values())
    else:
        kernels = [s for s in record.samples if s.flop is not None and s.per_rank_s]
        cells = samples_by(kernels, "operation", "algorithm", "dtype", "size_bytes", "flop", "mode")
        chosen = max(cells.values(), key=lambda cell: (len(cell) >= FEWEST, cell[0].time_s), default=[])
        rows = [list(column) for column in zip(*(s.per_rank_s or () for s in chosen), strict=True)]
    fewest = min(map(len, rows), default=0)
    if fewest < FEWEST:
        remedy = "give the record of nearlinear train, or of measure --ops gemm with more --repetitions"
        raise FitError(record.path, f"needs the compute of {FEWEST} steps", got=fewest, remedy=remedy)
    times = np.array([row[-fewest:] for row in rows])
    if not (times > 0).all():
        raise FitError(record.path, "needs compute times > 0", got=float(times.min()))
    return times


def fit_jitter(times_s: FloatArray) -> FittedJitter:
    """Return the jitter of compute times, shape (ranks, steps)."""
    ranks, steps = times_s.shape
    found: dict[tuple[str, bool], tuple[float, float]] = {}
    for alike in (True, False) if ranks > 1 else (True,):
        rows = times_s.reshape(1, -1) if alike else times_s
        for name, fit in _FITS.items():
            spread, likelihood = fit(rows)
            found[name, alike] = spread, (len(rows) + 1) * np.log(times_s.size) - 2.0 * likelihood
    family, alike = min(found, key=lambda key: found[key][1])
    spread, best = found[family, alike]
    lasting = 0.0 if alike else _rank_spread(times_s)
    bic = {key: value - best for key, (_, value) in found.items()}
    return FittedJitter(
        jitter=Jitter(family=family, spread=spread, rank_spread=lasting), bic=bic, ranks=ranks, steps=steps,
        together=_together(times_s),
    )  # fmt: skip


def _rank_spread(times_s: FloatArray) -> float:
    logs = np.log(times_s)
    noise = logs.var(axis=1, ddof=1).mean() / logs.shape[1]
    return float(np.sqrt(max(logs.mean(axis=1).var(ddof=1) - noise, 0.0)))


def _together(times_s: FloatArray) -> float:
    """Return the mean correlation between two ranks, by the variance of means over ranks."""
    ranks = len(times_s)
    logs = np.log(times_s) - np.log(times_s).mean(axis=1, keepdims=True)
    single = logs.var(axis=1).mean()
    if ranks == 1 or single == 0:
        return 0.0
    return float((ranks * logs.mean(axis=0).var() / single - 1.0) / (ranks - 1))


def _lognormal(rows: FloatArray) -> tuple[float, float]:
    """Return the spread, and the log likelihood of all times."""
    logs = np.log(rows)
    variance = max(float(((logs - logs.mean(axis=1, keepdims=True)) ** 2).mean()), 1e-18)
    return float(np.sqrt(variance)), float(-logs.sum() - rows.size / 2 * (np.log(2 * np.pi * variance) + 1))


def _gamma(rows: FloatArray) -> tuple[float, float]:
    level = rows.mean(axis=1, keepdims=True)
    gap = float(np.log(level / rows).mean())

    def excess(log_shape: float) -> float:
        shape = np.exp(log_shape)
        return float(np.log(shape) - digamma(shape) - gap)

    low, high = np.log(SHAPES)
    shape = float(np.exp(brentq(excess, low, high))) if excess(high) < 0 else SHAPES[1]
    theta = level / shape
    density = (shape - 1) * np.log(rows) - rows / theta - shape * np.log(theta) - gammaln(shape)
    return shape**-0.5, float(density.sum())


def _exponential(rows: FloatArray) -> tuple[float, float]:
    least, mean = rows.min(axis=1), rows.mean(axis=1)
    count = rows.shape[1]

    def against(spread: float) -> float:
        level = np.minimum(mean / spread, least / (1.0 - spread))
        scale = spread * level
        return float((count * (np.log(scale) + (mean - level * (1.0 - spread)) / scale)).sum())

    found = minimize_scalar(against, bounds=(1e-9, 1.0 - 1e-9), method="bounded", options={"xatol": 1e-9})
    return float(found.x), -float(found.fun)


_FITS = {"lognormal": _lognormal, "gamma": _gamma, "exponential": _exponential}
