"""Max-min fair sharing of directed resources."""

import numpy as np

from nearlinear.models.arrays import FloatArray, IntArray


def max_min_rates(paths: IntArray, capacity: FloatArray) -> FloatArray:
    """Return the max-min fair rate of every flow, at most 1 each.

    Progressive filling: all rates rise together until a resource is full; its flows are frozen at that
    rate, and the others rise on.

    Parameters
    ----------
    paths : ndarray of int, shape (flows, hops)
        Resources that each flow uses; -1 where a flow has fewer hops.
    capacity : ndarray, shape (resources,)
        How many flows of rate 1 a resource carries.

    Returns
    -------
    ndarray, shape (flows,)
        Rates in 0..1.

    Examples
    --------
    Two flows share resource 0, one of them also resource 1 with half the capacity.

    >>> max_min_rates(np.array([[0, -1], [0, 1]]), np.array([1.5, 0.5])).tolist()
    [1.0, 0.5]
    """
    rates = np.ones(len(paths))
    remaining = capacity.astype(float).copy()
    active = np.ones(len(paths), dtype=bool)
    while active.any():
        used = paths[active]
        counts = np.bincount(used[used >= 0], minlength=len(remaining))
        fair = np.full(len(remaining), np.inf)
        np.divide(remaining, counts, out=fair, where=counts > 0)
        level = fair.min(initial=np.inf)
        if level >= 1.0:
            break
        # Exact comparison of the same quotient: a tolerance here changes results or never freezes.
        full = fair <= level
        frozen = active & (np.where(paths >= 0, full[paths], False)).any(axis=1)
        rates[frozen] = level
        taken = paths[frozen]
        remaining -= level * np.bincount(taken[taken >= 0], minlength=len(remaining))
        active &= ~frozen
    return rates
