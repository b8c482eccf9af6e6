"""Reweighted Gauss-Newton steps of many robust fits side by side: what a bootstrap refits with."""

from collections.abc import Callable

import numpy as np

from nearlinear.models.arrays import FloatArray

F_SCALE = 0.05  # residuals beyond 5 % count less than squared
LONGEST_STEP = 0.5  # of a logarithmic parameter
SOFT_L1, CAUCHY = 0.5, 1.0  # how fast the weight of a residual falls under either loss

Derivatives = Callable[[FloatArray], tuple[FloatArray, FloatArray]]


def refined(
    theta: FloatArray,
    derivatives: Derivatives,
    weight: FloatArray,
    centre: FloatArray,
    pull: FloatArray,
    steps: int,
    loss: float = SOFT_L1,
) -> FloatArray:
    """Return parameters after so many steps, shape (rows, parameters).

    Parameters
    ----------
    theta : ndarray, shape (rows, parameters)
        Where to start.
    derivatives : callable
        Residuals of shape (rows, points), and their slopes of shape (rows, parameters, points).
    weight : ndarray
        Of points, broadcast over rows.
    centre, pull : ndarray, shape (parameters,)
        What parameters are held to, and how strongly, in the scale of the robust loss.
    loss : float
        ``SOFT_L1`` or ``CAUCHY``: a residual r weighs (1 + (r / F_SCALE)^2)^-loss.
    """
    for _ in range(steps):
        residual, slope = derivatives(theta)
        robust = weight / (1.0 + (residual / F_SCALE) ** 2) ** loss
        normal = np.einsum("rpn,rn,rqn->rpq", slope, robust, slope) + np.diag(pull)
        right = np.einsum("rpn,rn,rn->rp", slope, robust, residual) + pull * (theta - centre)
        step = -np.linalg.solve(normal, right[:, :, None])[:, :, 0]
        theta = theta + np.clip(step, -LONGEST_STEP, LONGEST_STEP)
    return theta
