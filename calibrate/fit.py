"""Robust fits of one level's cost on relative error, with as many pieces as the data ask for.

The residual is log(modelled / measured) under a soft-l1 loss, so every size counts alike and single
bad points do not pull; parameters are logarithms, so they stay positive. Pieces are added one break at
a time, where each break must pay for its two parameters in the Bayesian information criterion. All
places for a break are tried side by side with a few Gauss-Newton steps; the winner is polished by SciPy.

References
----------
Schwarz 1978 (BIC). The loss is that of ``scipy.optimize.least_squares(loss="soft_l1")``.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.optimize import least_squares

from nearlinear.calibrate.gauss_newton import F_SCALE, refined
from nearlinear.calibrate.problem import LOWEST, Problem
from nearlinear.models.arrays import FloatArray
from nearlinear.models.errors import FitError

MOST_PIECES = 6
FEWEST_PER_PIECE = 3
FEWEST_SIZES = 4
FEWEST_COUNTS = 3  # of ranks, where sizes are fewer and a prior holds the latency
NEWTON_STEPS = 8
# How far a piece's bandwidth may lie from that of a single line, as a standard deviation in log. The
# last piece carries every extrapolation to larger messages, so it is held closer.
PIECE_SD, LAST_SD = 3.0, 0.5


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Fit:
    """The best parameters for a number of pieces.

    Attributes
    ----------
    theta : ndarray, shape (parameters,)
        See :meth:`Problem.cost`.
    breaks : ndarray, shape (pieces - 1,)
        Logarithms to base 2 of message sizes.
    centre, precision : ndarray, shape (parameters,)
        What parameters are held to, and one over the variance that holds them.
    loss : float
        Robust loss of the points at the optimum.
    """

    theta: FloatArray
    breaks: FloatArray
    centre: FloatArray
    precision: FloatArray
    loss: float

    def bic(self, points: int) -> float:
        """Return the Bayesian information criterion; a break is a parameter too."""
        parameters = len(self.theta) + len(self.breaks)
        per_point = max(self.loss / points, 1e-9)
        return points * float(np.log(per_point)) + parameters * float(np.log(points))


def fit(problem: Problem) -> Fit:
    """Return the fit with as many pieces as the data ask for.

    Raises
    ------
    FitError
        Fewer than four different message sizes, unless a prior holds the latency and three rank counts or
        more show the bandwidth.
    """
    messages: FloatArray = np.unique(np.round(np.log2(problem.messages()), 3)).astype(float)
    counts = {kind.ranks for kind in problem.kinds}
    held = problem.prior is not None and len(counts) >= FEWEST_COUNTS
    if len(messages) < FEWEST_SIZES and not held:
        raise FitError(
            "calibrate",
            f"needs at least {FEWEST_SIZES} different sizes to fit latency and bandwidth",
            got=len(messages),
            remedy="measure from 1K to 64M or more",
        )
    line = best = _polish(problem, _start(problem), np.empty(0), None)
    most = min(MOST_PIECES, len(messages) // FEWEST_PER_PIECE)
    while len(best.breaks) + 1 < most:
        better = _with_a_break(problem, best, line, messages)
        if better is None or better.bic(len(problem.points)) >= best.bic(len(problem.points)):
            break
        best = better
    return best


def _with_a_break(problem: Problem, best: Fit, line: Fit, messages: FloatArray) -> Fit | None:
    """Return the fit with one more break, where it helps most."""
    places = [
        np.sort(np.append(best.breaks, place))
        for place in np.concatenate((messages[1:-1], (messages[1:] + messages[:-1]) / 2))
        if _roomy(messages, np.append(best.breaks, place))
    ]
    if not places:
        return None
    breaks = np.array(places)
    starts = np.array([_split(best, edges) for edges in places])
    centre, precision = _held(problem, line, breaks.shape[1])
    theta = _newton(problem, starts, breaks, centre, precision, np.ones(len(problem.points)))
    losses = _robust(problem.residuals(theta, breaks)).sum(axis=1)
    winner = int(np.argmin(losses))
    return _polish(problem, theta[winner], breaks[winner], line)


def _roomy(messages: FloatArray, breaks: FloatArray) -> bool:
    """Return whether every piece keeps enough sizes."""
    counts = np.bincount(np.searchsorted(np.sort(breaks), messages), minlength=len(breaks) + 1)
    return bool((counts >= FEWEST_PER_PIECE - 1).all())


def _split(near: Fit, breaks: FloatArray) -> FloatArray:
    """Return the parameters of a fit with the piece around each new break used twice."""
    pieces = len(near.breaks) + 1
    starts = np.concatenate(([-np.inf], breaks))
    slopes = near.theta[1 + np.searchsorted(near.breaks, starts, side="right")]
    return np.concatenate((near.theta[:1], slopes, near.theta[1 + pieces :]))


def _held(problem: Problem, line: Fit | None, breaks: int) -> tuple[FloatArray, FloatArray]:
    """Return what the parameters with so many breaks are held to, and how strongly."""
    single = np.zeros(2 + problem.reduction)
    centre = single if line is None else _split(line, np.arange(breaks, dtype=float))
    precision = np.zeros_like(centre)
    if problem.prior is not None:
        centre[0], precision[0] = problem.prior.log_s, 1 / problem.prior.log_sd**2
    if breaks:
        precision[1 : 1 + breaks] = 1 / PIECE_SD**2
        precision[1 + breaks] = 1 / LAST_SD**2
    return centre, precision


def reweighted(problem: Problem, best: Fit, weight: FloatArray) -> FloatArray:
    """Return the parameters of a fit with other weights of the points, one row per row of weights."""
    start = np.repeat(best.theta[None, :], len(weight), axis=0)
    precision = np.maximum(best.precision, 1.0)  # pieces that a draw leaves without points stay put
    centre = np.where(best.precision > 0, best.centre, best.theta)
    return _newton(problem, start, best.breaks, centre, precision, weight)


def _newton(
    problem: Problem,
    theta: FloatArray,
    breaks: FloatArray,
    centre: FloatArray,
    precision: FloatArray,
    weight: FloatArray,
) -> FloatArray:
    """Return parameters after reweighted Gauss-Newton steps, all rows side by side."""
    pull = F_SCALE**2 * precision + 1e-9  # in the scale of the robust loss

    def derivatives(moved: FloatArray) -> tuple[FloatArray, FloatArray]:
        return problem.derivatives(moved, breaks)

    return refined(theta, derivatives, weight, centre, pull, NEWTON_STEPS)


def _robust(residual: FloatArray) -> FloatArray:
    """Return the soft-l1 loss of every residual."""
    return np.asarray(F_SCALE**2 * (np.sqrt(1.0 + (residual / F_SCALE) ** 2) - 1.0))


def _polish(problem: Problem, start: FloatArray, breaks: FloatArray, line: Fit | None) -> Fit:
    """Return the optimum near a start."""
    centre, precision = _held(problem, line, len(breaks))
    pull = np.sqrt(precision)

    def residuals(theta: FloatArray) -> FloatArray:
        return np.concatenate((problem.residuals(theta, breaks)[0], F_SCALE * pull * (theta - centre)))

    def jacobian(theta: FloatArray) -> FloatArray:
        slope = problem.derivatives(theta[None, :], breaks)[1][0].T
        return np.vstack((slope, F_SCALE * np.diag(pull)))

    found = _minimise(residuals, jacobian, start)
    loss = float(_robust(problem.residuals(found, breaks)[0]).sum())
    return Fit(theta=found, breaks=breaks, centre=centre, precision=precision, loss=loss)


def _minimise(
    residuals: Callable[[FloatArray], FloatArray],
    jacobian: Callable[[FloatArray], FloatArray],
    start: FloatArray,
) -> FloatArray:
    found = least_squares(
        residuals, start, jac=jacobian, loss="soft_l1", f_scale=F_SCALE, x_scale="jac", max_nfev=40
    )
    return np.asarray(found.x)


def _start(problem: Problem) -> FloatArray:
    """Return a start that explains the fastest point by latency and the largest by bandwidth."""
    rest, none = [LOWEST] * problem.reduction, np.empty(0)
    times, messages = problem.points.time_s, problem.messages()
    latencies = problem.modelled_s(problem.cost(np.array([0.0, LOWEST, *rest]), none))[0]
    bytes_moved = problem.modelled_s(problem.cost(np.array([LOWEST, 0.0, *rest]), none))[0]
    fastest, largest = int(np.argmin(times)), int(np.argmax(messages))
    latency = np.log(times[fastest] / latencies[fastest])
    slope = np.log(times[largest] / bytes_moved[largest])
    return np.array([latency, slope, *[slope - np.log(4.0)] * problem.reduction])
