"""Epochs over the global batch, fitted to runs that stopped at the target.

Least absolute error of log epochs over (E_min, B_crit): for every B_crit of a grid the best log E_min is a
median, so the fit is exact on the grid, and recipes far off the others do not pull it. Every batch size
weighs the same, however many runs it has: popular sizes would otherwise hide the growth. Intervals are a
bootstrap over submitters, whose runs resemble each other more than anybody else's.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nearlinear.models.arrays import FloatArray
from nearlinear.models.economics.convergence import Convergence, Interval, samples_to_target
from nearlinear.models.errors import FitError
from nearlinear.models.prediction import Z90

GRID = 600  # 2 % from one B_crit to the next
BELOW, BEYOND = 30.0, 30.0  # B_crit is sought so far outside the batch sizes
BOOTSTRAPS = 400
UNSEEN = 0.05  # of the bootstrap may see no growth at all; an interval of 90 % would not be one otherwise
FEWEST_BATCHES = 4  # two parameters, and one left out


@dataclass(frozen=True, slots=True, kw_only=True)
class Runs:
    """Runs that reached one target, a row each.

    Attributes
    ----------
    batch : ndarray, shape (rows,)
        Global batch, samples.
    epochs : ndarray, shape (rows,)
        Epochs (or samples) until the target.
    group : ndarray of str, shape (rows,)
        Who ran it.
    """

    batch: FloatArray
    epochs: FloatArray
    group: NDArray[np.str_]

    @property
    def weight(self) -> FloatArray:
        """One per batch size, shared by its rows."""
        _, place, count = np.unique(self.batch, return_inverse=True, return_counts=True)
        return np.asarray(1.0 / count[place])

    def only(self, keep: NDArray[Any]) -> "Runs":
        """Return some of the rows: a mask, or indices that may repeat."""
        return Runs(batch=self.batch[keep], epochs=self.epochs[keep], group=self.group[keep])


@dataclass(frozen=True, slots=True, kw_only=True)
class Unseen:
    """Log errors at batch sizes that were left out, with the weight of each row."""

    error: FloatArray
    weight: FloatArray

    def quantile(self, fraction: float) -> float:
        """Return the weighted quantile of the absolute log error."""
        return float(_quantile(np.abs(self.error)[None, :], self.weight, fraction)[0])


def best(runs: Runs) -> tuple[float, float, bool]:
    """Return E_min, B_crit, and whether the runs show growth (B_crit is not at the end of its grid)."""
    grid = np.geomspace(runs.batch.min() / BELOW, runs.batch.max() * BEYOND, GRID)
    offset = np.log(runs.epochs) - np.log1p(runs.batch / grid[:, None])
    weight = runs.weight
    level = _quantile(offset, weight, 0.5)
    chosen = int((np.abs(offset - level[:, None]) @ weight).argmin())
    return float(np.exp(level[chosen])), float(grid[chosen]), chosen < GRID - 1


def left_out(runs: Runs) -> Unseen:
    """Return the errors of every batch size, predicted from all others."""
    error = np.empty(len(runs.batch))
    for batch in np.unique(runs.batch):
        out = runs.batch == batch
        minimum, critical, _ = best(runs.only(~out))
        error[out] = np.log(samples_to_target(batch, minimum, critical) / runs.epochs[out])
    return Unseen(error=error, weight=runs.weight)


def constant_left_out(runs: Runs) -> Unseen:
    """Return the same errors for one number of epochs at every batch: what ignoring the batch costs."""
    error = np.empty(len(runs.batch))
    for batch in np.unique(runs.batch):
        out = runs.batch == batch
        rest = runs.only(~out)
        level = _quantile(np.log(rest.epochs)[None, :], rest.weight, 0.5)
        error[out] = level - np.log(runs.epochs[out])
    return Unseen(error=error, weight=runs.weight)


def fit(runs: Runs, seed: int = 0) -> tuple[Convergence, Unseen]:
    """Return the convergence curve of runs, and its errors at batch sizes that were left out.

    Raises
    ------
    FitError
        Too few batch sizes, or no growth of epochs with the batch that the data can tell from none.
    """
    sizes = len(np.unique(runs.batch))
    if sizes < FEWEST_BATCHES:
        raise FitError("convergence", f"needs {FEWEST_BATCHES} batch sizes", got=sizes)
    minimum, critical, _ = best(runs)
    drawn = list(_resampled(runs, seed))
    flat = float(np.mean([not grows for *_, grows in drawn]))
    if flat > UNSEEN:
        raise FitError("convergence", "epochs must grow with the batch", got=f"none in {flat:.0%} of draws")
    logs = np.log([[e, b] for e, b, _ in drawn])
    low, high = np.exp(np.percentile(logs, [5.0, 95.0], axis=0))
    unseen = left_out(runs)
    curve = Convergence(
        minimum=Interval(value=minimum, low=float(low[0]), high=float(high[0])),
        critical_batch=Interval(value=critical, low=float(low[1]), high=float(high[1])),
        correlation=float(np.corrcoef(logs.T)[0, 1]) if logs.std(axis=0).min() > 0 else 0.0,
        spread=unseen.quantile(0.9) / Z90,
        batches=(float(runs.batch.min()), float(runs.batch.max())),
    )
    return curve, unseen


def _resampled(runs: Runs, seed: int) -> Iterator[tuple[float, float, bool]]:
    """Yield fits to runs of submitters drawn with replacement; with one submitter, to rows drawn."""
    generator = np.random.default_rng(seed)
    names = np.unique(runs.group)
    rows = [np.flatnonzero(runs.group == name) for name in names]
    if len(names) == 1:
        rows = [np.array([row]) for row in rows[0]]
    for _ in range(BOOTSTRAPS):
        chosen = np.concatenate([rows[i] for i in generator.integers(len(rows), size=len(rows))])
        yield best(runs.only(chosen))


def _quantile(values: FloatArray, weight: FloatArray, fraction: float) -> FloatArray:
    """Return the weighted quantile of each row, shape (rows,)."""
    order = np.argsort(values, axis=1)
    reached = np.cumsum(weight[order], axis=1)
    place = (reached >= fraction * reached[:, -1:]).argmax(axis=1)
    rows = np.arange(len(values))
    return np.asarray(values[rows, order[rows, place]])
