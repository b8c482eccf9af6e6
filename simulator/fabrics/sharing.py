"""Max-min fair sharing of directed links: how fast every flow runs while others run too.

Progressive filling: all rates rise together until a link is full or a flow has the rate of its
narrowest link; those flows are frozen, the others rise on. Levels are compared exactly, and what is
taken from a link at a level is taken at once, so that any solver over the same flows returns the same
bits. A link whose flows cannot fill it even at full rate plays no part.
"""

import numpy as np

from nearlinear.models.arrays import FloatArray, IntArray
from nearlinear.simulator.compiled import available, compiled
from nearlinear.simulator.kernels.filling import fill

WORTH_COMPILING = 4_096  # flows from which loading numba pays
GRAIN = 2.0**30  # shares are multiples of 1/GRAIN, so that sums of shares are exact in any order
NO_SHARE = np.ones((1, 1))


def max_min_rates(
    paths: IntArray, capacity: FloatArray, share: FloatArray | None = None, limit: FloatArray | float = np.inf
) -> FloatArray:
    """Return the max-min fair rate of every flow, in the unit of ``capacity``.

    Parameters
    ----------
    paths : ndarray of int, shape (flows, hops)
        Links that each flow uses; -1 where a flow has fewer hops.
    capacity : ndarray, shape (links,)
        What each link carries.
    share : ndarray, shape (flows, hops), optional
        Fraction of the flow that each of its links carries; all of it by default.
    limit : ndarray, shape (flows,), or float
        Rate that a flow cannot exceed.

    Returns
    -------
    ndarray, shape (flows,)
        Rates; infinite where nothing limits a flow.

    Examples
    --------
    Two flows share link 0, one of them also link 1 with half the capacity.

    >>> max_min_rates(np.array([[0, -1], [0, 1]]), np.array([1.5, 0.5])).tolist()
    [1.0, 0.5]
    """
    used = paths >= 0
    weight = np.where(used, 1.0 if share is None else share, 0.0)
    limit = np.minimum(full_rates(paths, capacity, share), limit)
    links = len(capacity)
    count = np.bincount(paths[used], weight[used], minlength=links).astype(float)
    widest = np.zeros(links)
    np.maximum.at(widest, paths[used], np.broadcast_to(limit[:, None], paths.shape)[used])
    binding = capacity < count * widest
    rates, active, remaining = limit.copy(), np.isfinite(limit), capacity.astype(float)
    while active.any():
        fair = np.where(binding, _over(remaining, count), np.inf)
        level = min(fair.min(initial=np.inf), limit[active].min())
        full = fair <= level
        frozen = active & ((limit <= level) | (used & full[paths]).any(axis=1))
        rates[frozen] = level
        here = used & frozen[:, None]
        taken = np.bincount(paths[here], weight[here], minlength=links)
        remaining -= level * taken
        count -= taken
        active &= ~frozen
    return rates


def full_rates(paths: IntArray, capacity: FloatArray, share: FloatArray | None = None) -> FloatArray:
    """Return the rate of every flow when alone, shape (flows,): that of its narrowest link."""
    wide = np.where(paths >= 0, capacity[paths], np.inf)
    if share is not None:
        wide = wide / np.where(share > 0, share, 1.0)
    return np.asarray(wide.min(axis=1, initial=np.inf))


def fair_rates(
    paths: IntArray, capacity: FloatArray, share: FloatArray | None = None, limit: FloatArray | float = np.inf
) -> FloatArray:
    """Return what :func:`max_min_rates` returns, by compiled loops where there are many flows."""
    if len(paths) < WORTH_COMPILING or not available():
        return max_min_rates(paths, capacity, share, limit)
    bound = np.minimum(full_rates(paths, capacity, share), limit)
    rates = np.empty(len(paths))
    compiled(fill)(paths, NO_SHARE if share is None else share, capacity, bound, rates)
    return rates


def exact_shares(share: FloatArray) -> FloatArray:
    """Return shares rounded so that their sums do not depend on the order of adding."""
    return np.asarray(np.rint(share * GRAIN) / GRAIN)


def _over(capacity: FloatArray, count: FloatArray) -> FloatArray:
    fair = np.full(len(capacity), np.inf)
    np.divide(capacity, count, out=fair, where=count > 0)
    return fair
