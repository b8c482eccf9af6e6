"""Ticks of compute of one step on every rank, cut at the gradient buckets."""

from dataclasses import dataclass

import numpy as np

from nearlinear.models.arrays import FloatArray, IntArray
from nearlinear.models.training.model import StepModel
from nearlinear.simulator.exchange import to_ticks


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Compute:
    """Ticks of one step, shape (samples, ranks) each; buckets in the order in which they are ready.

    Attributes
    ----------
    forward, backward, optimizer : ndarray of int
        Whole passes.
    ready : list of ndarray of int
        From the start of backward until each bucket is ready.
    forward_parts, optimizer_parts : list of ndarray of int
        Forward through the layers of each bucket, and the update of its weights.
    """

    forward: IntArray
    backward: IntArray
    optimizer: IntArray
    ready: list[IntArray]
    forward_parts: list[IntArray]
    optimizer_parts: list[IntArray]

    @classmethod
    def of(cls, model: StepModel, devices: int, pace: FloatArray) -> "Compute":
        """Return the ticks where compute takes ``pace``, shape (samples, ranks), times its roofline."""
        ideal, buckets = model.layers(devices), model.buckets
        backward = to_ticks(pace * ideal.backward_s.sum())
        overlap = model.case.scenario.plan.overlap
        ready = buckets.ready_s(ideal.backward_s)
        ends = np.concatenate(([len(ideal.forward_s)], buckets.last_layer))
        ends[-1] = 0  # layers before the first weights go with the last bucket
        forward = [ideal.forward_s[ends[b + 1] : ends[b]].sum() for b in range(len(ready))]
        share = buckets.size_bytes / buckets.size_bytes.sum()
        return cls(
            forward=to_ticks(pace * ideal.forward_s.sum()),
            backward=backward,
            optimizer=to_ticks(pace * ideal.optimizer_s),
            ready=[to_ticks(pace * when) if overlap else backward for when in ready],
            forward_parts=[to_ticks(pace * part) for part in forward],
            optimizer_parts=[to_ticks(pace * ideal.optimizer_s * part) for part in share],
        )


def bucket_order(ready_s: FloatArray, exchange_s: FloatArray, priority: bool) -> list[int]:
    """Return the order in which buckets travel, the same on all ranks.

    Buckets are numbered as they become ready, so the last number is what the next forward needs first.
    With ``priority`` the stream, when free, takes the ready bucket with the highest number; what is
    ready when is taken from the closed form, so that all ranks agree.

    Parameters
    ----------
    ready_s, exchange_s : ndarray, shape (buckets,)
        When each is ready, and how long it travels.

    Examples
    --------
    While bucket 0 travels, 1 and 2 become ready; 2 goes first.

    >>> bucket_order(np.array([0.0, 1.0, 2.0]), np.array([5.0, 5.0, 5.0]), priority=True)
    [0, 2, 1]
    """
    waiting, order, now = list(range(len(ready_s))), [], 0.0
    if not priority:
        return waiting
    while waiting:
        now = max(now, min(float(ready_s[bucket]) for bucket in waiting))
        chosen = max(bucket for bucket in waiting if ready_s[bucket] <= now)
        now += float(exchange_s[chosen])
        waiting.remove(chosen)
        order.append(chosen)
    return order
