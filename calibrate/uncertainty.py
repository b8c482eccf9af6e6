"""How wrong a fit is: bootstrap samples of its parameters, and errors on points it did not see.

The bootstrap draws sizes with replacement (all repeats, placements and files of a size together) and
moves the parameters by reweighted Gauss-Newton steps from the best fit; a weak pull towards the best fit
keeps pieces that a draw leaves without points. Covariances from a Jacobian would be wrong under a
robust loss.

References
----------
Efron and Tibshirani 1993, "An introduction to the bootstrap", sections 6 and 9 (pairs).
"""

from dataclasses import dataclass

import numpy as np

from nearlinear.calibrate.fit import Fit, fit, reweighted
from nearlinear.calibrate.held import Held
from nearlinear.calibrate.problem import Problem
from nearlinear.calibrate.splits import hold_out_sizes
from nearlinear.models.arrays import FloatArray
from nearlinear.models.errors import FitError
from nearlinear.models.prediction import HIGH, LOW, Z90
from nearlinear.models.prior import table

REPLICATES = 400
SPLITS = 10
UNSEEN = 0.25  # of the sizes, in each split: about as many as a user holds out
SAME = 0.999  # of a message size: what rounding to whole elements leaves
FEWEST_TO_EXTRAPOLATE = 8


def bootstrap(problem: Problem, best: Fit, replicates: int, seed: int) -> FloatArray:
    """Return parameter samples, shape (replicates, parameters); the first is the best fit itself."""
    rng = np.random.default_rng(seed)
    sizes, size_of = np.unique(problem.points.size_bytes, return_inverse=True)
    draws = rng.multinomial(len(sizes), np.full(len(sizes), 1 / len(sizes)), replicates - 1)
    return np.vstack([best.theta, reweighted(problem, best, draws[:, size_of].astype(float))])


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """Standard deviations of what a fit leaves out, in log time.

    Attributes
    ----------
    inside : float
        Between the measured sizes.
    per_octave : float
        Per doubling of the message above them.
    per_doubling : float
        Per doubling of the ranks beyond those measured.
    assumed : tuple of str
        Which of them are a prior, because the points do not tell.
    """

    inside: float
    per_octave: float
    per_doubling: float
    assumed: tuple[str, ...]


def spread_of(problem: Problem, seed: int) -> Spread:
    """Return the spread, from errors on points that fits to the others did not see."""
    prior = table()["residual"]
    told = {
        "inside": _errors_inside(problem, seed),
        "per_octave": _errors_beyond(problem),
        "per_doubling": _errors_of_ranks(problem),
    }
    known = {name: normal_spread(errors) for name, errors in told.items() if len(errors)}
    assumed = tuple(f"spread {name.replace('_', ' ')}" for name in told if name not in known)
    return Spread(**{name: known.get(name, prior[name]) for name in told}, assumed=assumed)


def normal_spread(errors: FloatArray) -> float:
    """Return the standard deviation of a normal variable with the same 90 % range."""
    return float(np.quantile(np.abs(errors), 0.9)) / Z90


def _errors_inside(problem: Problem, seed: int) -> FloatArray:
    """Return log errors at sizes held out of several fits."""
    errors = [np.empty(0)]
    for split in range(SPLITS):
        held = hold_out_sizes(problem.points, UNSEEN, seed + 1 + split)
        errors.append(_errors(problem, ~held, held))
    return np.concatenate(errors)


def _errors_beyond(problem: Problem) -> FloatArray:
    """Return log errors per octave at the largest sizes, predicted from the smaller ones."""
    sizes = np.unique(problem.points.size_bytes)
    if len(sizes) < FEWEST_TO_EXTRAPOLATE:
        return np.empty(0)
    errors = [np.empty(0)]
    for cut in (1, 2, 3):
        last = sizes[-1 - cut]
        held = problem.points.size_bytes > last
        octaves = np.log2(problem.points.size_bytes[held] / last)
        errors.append(_errors(problem, ~held, held) / np.maximum(octaves, 1.0))
    return np.concatenate(errors)


def _errors_of_ranks(problem: Problem) -> FloatArray:
    """Return log errors per doubling at the largest rank count, predicted from the smaller ones."""
    counts = np.unique(problem.points.ranks)
    if len(counts) < 2:
        return np.empty(0)
    held = problem.points.ranks == counts[-1]
    doublings = max(float(np.log2(counts[-1] / counts[-2])), 1.0)
    return np.asarray(_errors(problem, ~held, held) / doublings)


def _errors(problem: Problem, fitted: np.ndarray, held: np.ndarray) -> FloatArray:
    """Return log errors at some points of the fit to others; none where too few are left."""
    if not held.any():
        return np.empty(0)
    try:
        seen = fit(problem.subset(fitted))
    except FitError:
        return np.empty(0)
    errors: FloatArray = problem.subset(held).residuals(seen.theta, seen.breaks)[0]
    return errors


def predict_by_fit(problem: Problem, held: np.ndarray, replicates: int, seed: int) -> Held | None:
    """Return what a fit to the other points says of held-out ones, or None where too few are left."""
    seen = problem.subset(~held)
    if not held.any() or not len(seen.points):
        return None
    outside = held & _outside(problem, seen)
    held = held & ~outside
    if not held.any():
        return None
    try:
        best = fit(seen)
    except FitError:
        return None
    theta = bootstrap(seen, best, replicates, seed)
    unseen = problem.subset(held)
    z = np.random.default_rng(seed).standard_normal((replicates, 1))
    times = unseen.modelled_s(unseen.cost(theta, best.breaks))
    low, median, high = np.percentile(
        times * np.exp(z * _spreads(seen, unseen, seed)), [LOW, 50.0, HIGH], axis=0
    )
    return Held(points=problem.points, held=held, median_s=median, low_s=low, high_s=high, outside=outside)


def _outside(problem: Problem, seen: Problem) -> np.ndarray:
    """Return which points are of messages beyond those that were seen."""
    messages, known = problem.messages(), seen.messages()
    return np.asarray((messages < SAME * known.min()) | (messages * SAME > known.max()))


def _spreads(seen: Problem, unseen: Problem, seed: int) -> FloatArray:
    """Return the spread of every unseen point: wider where there are more units than were seen."""
    spread = spread_of(seen, seed)
    most = max(kind.units for kind in seen.kinds)
    found = np.empty(len(unseen.points))
    for kind in unseen.kinds:
        doublings = max(float(np.log2(kind.units / most)), 0.0)
        found[kind.rows] = np.hypot(spread.inside, spread.per_doubling * doublings)
    return found
