"""Robust fits of a family of kernels on relative error.

    t = floor + max(flop x a, bytes x b)

The residual is log(modelled / measured) under a soft-l1 loss; parameters are logarithms, so they stay
positive. Operations bound products of matrices; that memory bounds small ones, and that caches serve
small copies faster, must pay for itself in the Bayesian information criterion.

References
----------
Schwarz 1978 (BIC). The loss is that of ``scipy.optimize.least_squares(loss="soft_l1")``.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.optimize import least_squares

from nearlinear.calibrate.compute.kernel_points import KernelPoints
from nearlinear.calibrate.fit import FEWEST_PER_PIECE, FEWEST_SIZES
from nearlinear.calibrate.gauss_newton import F_SCALE, refined
from nearlinear.models.arrays import FloatArray
from nearlinear.models.compute_profile import MEMORY
from nearlinear.models.errors import FitError

SEEN = 0.1  # share of a kernel's time that a term must account for to be seen there
FEWEST_SEEN = 2
NEWTON_STEPS = 12
HOLD = 1.0  # a draw without points of a term leaves it near the best fit: precision in log


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """Which terms a fit has.

    Attributes
    ----------
    rate, bandwidth : bool
        Whether operations, and whether bytes, can bound a kernel.
    cache_bytes : float
        Moved bytes up to which another bandwidth holds; 0 for none.
    """

    rate: bool
    bandwidth: bool
    cache_bytes: float = 0.0

    @property
    def terms(self) -> tuple[str, ...]:
        """Names of the parameters in order."""
        known = (True, self.rate, self.bandwidth, self.cache_bytes > 0)
        names = ("floor_s", "rate_flop_per_s", "bandwidth_bytes_per_s", "cached_bytes_per_s")
        return tuple(name for name, there in zip(names, known, strict=True) if there)

    def parts_s(self, theta: FloatArray, points: KernelPoints) -> FloatArray:
        """Return seconds of every term, shape (rows, terms, points): 0 where it does not bind."""
        amount = {
            "floor_s": np.ones(len(points)),
            "rate_flop_per_s": points.flop,
            "bandwidth_bytes_per_s": np.where(points.moved_bytes > self.cache_bytes, points.moved_bytes, 0.0),
            "cached_bytes_per_s": np.where(points.moved_bytes > self.cache_bytes, 0.0, points.moved_bytes),
        }
        parts: FloatArray = np.exp(theta)[:, :, None] * np.array([amount[name] for name in self.terms])
        bound = parts[:, 1:]
        bound[bound < bound.max(axis=1, keepdims=True)] = 0.0
        return parts


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class KernelFit:
    """The best parameters of a shape.

    Attributes
    ----------
    shape : Shape
        Terms.
    theta : ndarray, shape (terms,)
        Logarithms of seconds, seconds per operation and seconds per byte.
    loss : float
        Robust loss at the optimum.
    """

    shape: Shape
    theta: FloatArray
    loss: float

    def bic(self, points: int) -> float:
        """Return the Bayesian information criterion; the edge of the caches is a parameter too."""
        parameters = len(self.theta) + (self.shape.cache_bytes > 0)
        return points * float(np.log(max(self.loss / points, 1e-9))) + parameters * float(np.log(points))

    def shares(self, points: KernelPoints) -> dict[str, FloatArray]:
        """Return which share of every point's time each term accounts for."""
        parts = self.shape.parts_s(self.theta[None, :], points)[0]
        return dict(zip(self.shape.terms, parts / parts.sum(axis=0), strict=True))


def fit_kernels(points: KernelPoints, family: str) -> KernelFit:
    """Return the fit with the terms that the data ask for.

    Raises
    ------
    FitError
        Fewer than four different sizes.
    """
    sizes = len(np.unique(points.size_bytes))
    if sizes < FEWEST_SIZES:
        remedy = "measure from 1K to 64M or more"
        raise FitError(
            "calibrate", f"needs at least {FEWEST_SIZES} different sizes", got=sizes, remedy=remedy
        )
    best = polish(points, Shape(rate=family != MEMORY, bandwidth=family == MEMORY))
    others = [polish(points, shape) for shape in _richer(points, family)]
    better = min((other for other in others if _sound(other, points)), key=lambda o: o.loss, default=best)
    return better if better.bic(len(points)) < best.bic(len(points)) else best


def _richer(points: KernelPoints, family: str) -> Iterator[Shape]:
    """Yield the shapes with one more term."""
    if family != MEMORY:
        yield Shape(rate=True, bandwidth=True)
        return
    moved = np.unique(points.moved_bytes)
    for place in range(FEWEST_PER_PIECE, len(moved) - FEWEST_PER_PIECE + 1):
        yield Shape(rate=False, bandwidth=True, cache_bytes=float(np.sqrt(moved[place - 1] * moved[place])))


def _sound(fit: KernelFit, points: KernelPoints) -> bool:
    """Return whether every term is seen at several sizes, and caches are faster than memory."""
    slower = fit.shape.cache_bytes > 0 and fit.theta[-1] >= fit.theta[-2]
    return not slower and not unseen(fit, points)


def unseen(fit: KernelFit, points: KernelPoints) -> tuple[str, ...]:
    """Return the terms beside the floor that too few sizes depend on."""
    shares = fit.shares(points)
    return tuple(name for name in fit.shape.terms[1:] if (shares[name] >= SEEN).sum() < FEWEST_SEEN)


def polish(points: KernelPoints, shape: Shape, start: FloatArray | None = None) -> KernelFit:
    """Return the optimum of a shape near a start, or the best of several starts."""
    starts = _starts(points, shape) if start is None else [start]
    return min((_polish(points, shape, theta) for theta in starts), key=lambda fit: fit.loss)


def _polish(points: KernelPoints, shape: Shape, start: FloatArray) -> KernelFit:
    found = least_squares(
        lambda theta: residuals(theta[None, :], shape, points)[0][0],
        start,
        jac=lambda theta: residuals(theta[None, :], shape, points)[1][0].T,
        loss="soft_l1",
        f_scale=F_SCALE,
        max_nfev=60,
    )
    return KernelFit(shape=shape, theta=np.asarray(found.x), loss=float(found.cost))


def _starts(points: KernelPoints, shape: Shape) -> list[FloatArray]:
    """Return starts that explain the fastest point by the floor and some point by each bound."""
    order = np.argsort(points.moved_bytes)
    found = []
    for place in (0.25, 0.5, 0.75):
        near, last = order[int(place * (len(order) - 1))], order[-1]
        per_byte = points.time_s / points.moved_bytes
        value = {
            "floor_s": points.time_s.min(),
            "rate_flop_per_s": points.time_s[last] / max(points.flop[last], 1.0),
            "bandwidth_bytes_per_s": per_byte[near if shape.rate else last],
            "cached_bytes_per_s": per_byte[near],
        }
        found.append(np.log([value[name] for name in shape.terms]))
    return found


def residuals(theta: FloatArray, shape: Shape, points: KernelPoints) -> tuple[FloatArray, FloatArray]:
    """Return log(modelled / measured), shape (rows, points), and slopes, shape (rows, terms, points)."""
    parts = shape.parts_s(theta, points)
    modelled = parts.sum(axis=1)
    return np.log(modelled / points.time_s), parts / modelled[:, None, :]


def reweighted(fit: KernelFit, points: KernelPoints, weight: FloatArray) -> FloatArray:
    """Return the parameters with other weights of the points, one row per row of weights."""
    start = np.repeat(fit.theta[None, :], len(weight), axis=0)
    pull = np.full(len(fit.theta), F_SCALE**2 * HOLD)
    return refined(
        start, lambda theta: residuals(theta, fit.shape, points), weight, fit.theta, pull, NEWTON_STEPS
    )
