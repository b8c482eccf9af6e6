"""A data-parallel step in closed form: a max-plus recurrence over gradient buckets.

    end(b) = max(end(b-1), ready(b)) + T(b),    step = forward + max(backward, end(last)) + optimiser

One communication stream serves the buckets in order; without overlap all buckets are ready when
backward ends. What the stream still does after backward is *exposed*, the rest is *hidden*. Hidden exchange
is not free: it shares memory, cores and the framework's attention with backward. A step pays at least
a share of its exchange; what that is beyond the exposed part is *contention*:

    contention = max(share x (exposed + hidden) - exposed, 0)
"""

from dataclasses import dataclass

import numpy as np

from nearlinear.models.arrays import FloatArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class StepTimes:
    """Seconds of a step for every sample, shape (samples,); the parts but ``hidden_s`` add up.

    Attributes
    ----------
    forward_s, backward_s, optimizer_s : ndarray
        Compute.
    exposed_s, hidden_s : ndarray
        Exchange after backward, and behind it.
    contention_s : ndarray
        What hidden exchange costs all the same.
    data_wait_s : ndarray
        Waiting for a batch; only a run that loads has any.
    loss_s : ndarray
        Loss inside a node that a second anchor showed.
    unexplained_s : ndarray
        What the step loses beyond the model; never less than nothing.
    """

    forward_s: FloatArray
    backward_s: FloatArray
    optimizer_s: FloatArray
    exposed_s: FloatArray
    hidden_s: FloatArray
    contention_s: FloatArray
    data_wait_s: FloatArray
    loss_s: FloatArray
    unexplained_s: FloatArray

    @classmethod
    def of(cls, *, unexplained: FloatArray, **parts: FloatArray) -> "StepTimes":
        """Return the times with ``unexplained`` given as a fraction of all other parts."""
        none = np.zeros_like(unexplained)
        parts = {"data_wait_s": none, "contention_s": none, **parts}
        known = sum((v for k, v in parts.items() if k != "hidden_s"), np.zeros_like(unexplained))
        return cls(unexplained_s=known * unexplained, **parts)

    @property
    def total_s(self) -> FloatArray:
        """The step."""
        return (
            self.forward_s + self.backward_s + self.optimizer_s + self.exposed_s + self.contention_s
            + self.data_wait_s + self.loss_s + self.unexplained_s
        )  # fmt: skip


def contention(exposed_s: FloatArray, hidden_s: FloatArray, unhidden: FloatArray) -> FloatArray:
    """Return what hidden exchange costs a step that pays at least the share ``unhidden`` of its exchange.

    Examples
    --------
    Of 10 s of exchange 2 s are exposed; who pays at least half pays 3 s more:

    >>> contention(np.array([2.0]), np.array([8.0]), np.array([0.5])).tolist()
    [3.0]
    """
    paid = np.maximum(unhidden * (exposed_s + hidden_s) - exposed_s, 0.0)
    return np.where(hidden_s > 0, paid, 0.0)


def exposed_and_hidden(
    backward_s: FloatArray, ready_s: FloatArray, exchange_s: FloatArray, overlap: bool
) -> tuple[FloatArray, FloatArray]:
    """Return exposed and hidden exchange of every sample.

    Parameters
    ----------
    backward_s : ndarray, shape (samples,)
        Length of backward.
    ready_s : ndarray, shape (samples, buckets)
        When each bucket is ready, counted from the start of backward.
    exchange_s : ndarray, shape (samples, buckets)
        How long each bucket's exchange takes.
    overlap : bool
        Whether buckets may travel before backward ends.
    """
    end = np.zeros_like(backward_s)
    for bucket in range(exchange_s.shape[1]):
        ready = ready_s[:, bucket] if overlap else backward_s
        end = np.maximum(end, ready) + exchange_s[:, bucket]
    total = exchange_s.sum(axis=1)
    exposed = np.clip(end - backward_s, 0.0, total)
    return exposed, total - exposed
