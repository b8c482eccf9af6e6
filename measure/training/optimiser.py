"""Stochastic gradient descent with momentum on flat vectors."""

from typing import Any

import numpy as np


class Momentum:
    """Gradient descent that keeps a velocity.

    Parameters
    ----------
    count : int
        Elements of the vectors.
    rate : float
        Learning rate; may be changed between steps.
    momentum : float
        Fraction of the velocity that is kept; zero is plain gradient descent.
    decay : float
        Weight decay, added to the gradients as ``decay * weights``.
    arrays : module
        NumPy or CuPy, whichever the weights are of.
    dtype : str
        Of the weights.

    Attributes
    ----------
    velocity : ndarray, shape (count,)
        Zero at first.

    Notes
    -----
    v = m v + g + decay w; w = w - rate v. The rate is outside of the velocity, so that a changed rate
    needs no correction of the momentum.

    References
    ----------
    Goyal et al. 2017, "Accurate, large minibatch SGD", eq. 9 (rate outside of the velocity).
    """

    def __init__(
        self,
        count: int,
        rate: float,
        momentum: float = 0.9,
        decay: float = 0.0,
        arrays: Any = np,
        dtype: str = "float32",
    ) -> None:
        self.rate, self.momentum, self.decay = rate, momentum, decay
        self.velocity = arrays.zeros(count, dtype)
        self._scratch = arrays.empty(count, dtype)
        self._arrays = arrays

    def step(self, weights: Any, gradients: Any, start: int = 0, stop: int | None = None) -> None:
        """Update the weights from start to stop in place; gradients stay as they are.

        Parameters
        ----------
        weights, gradients : ndarray, shape (count,)
            The whole vectors.
        start, stop : int, optional
            Elements to update, all of them if not given; each element once per step.
        """
        part = slice(start, stop)
        moved, velocity, scratch = weights[part], self.velocity[part], self._scratch[part]
        velocity *= self.momentum
        velocity += gradients[part]
        if self.decay:
            self._arrays.multiply(moved, self.decay, out=scratch)
            velocity += scratch
        self._arrays.multiply(velocity, self.rate, out=scratch)
        moved -= scratch
