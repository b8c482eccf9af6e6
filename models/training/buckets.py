"""Gradient buckets: which gradients travel together, and when they are ready.

Backward runs from the last layer to the first; gradients join a bucket in that order, and a bucket
closes once it holds at least the wanted size (the rule of PyTorch's DistributedDataParallel).

References
----------
Li et al. 2020, "PyTorch Distributed: experiences on accelerating data parallel training", section 3.2.
"""

from dataclasses import dataclass

import numpy as np

from nearlinear.models.arrays import FloatArray, IntArray
from nearlinear.models.dnn.network import Network
from nearlinear.models.units import FLOAT32_BYTES

GRADIENT_BYTES = FLOAT32_BYTES


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Buckets:
    """Buckets in the order in which they become ready.

    Attributes
    ----------
    size_bytes : ndarray, shape (buckets,)
        Gradients in 32 bits.
    last_layer : ndarray of int, shape (buckets,)
        Index of the layer whose backward completes the bucket.
    """

    size_bytes: FloatArray
    last_layer: IntArray

    def ready_s(self, backward_s: FloatArray) -> FloatArray:
        """Return when each bucket is ready, counted from the start of backward."""
        from_the_end = np.cumsum(backward_s[::-1])[::-1]
        return np.asarray(from_the_end[self.last_layer])


def fill_buckets(network: Network, wanted_bytes: float) -> Buckets:
    """Return the buckets of a network.

    Parameters
    ----------
    wanted_bytes : float
        A bucket closes at this size; 0 gives every layer a bucket of its own, below it every tensor.
    """
    if wanted_bytes < 0:
        return _each_tensor(network)
    sizes: list[float] = []
    last: list[int] = []
    open_bytes = 0.0
    for index in range(len(network.layers) - 1, -1, -1):
        size = network.layers[index].parameters * GRADIENT_BYTES
        if size == 0:
            continue
        open_bytes += size
        if open_bytes >= wanted_bytes:
            sizes.append(open_bytes)
            last.append(index)
            open_bytes = 0.0
        rest = index
    if open_bytes:
        sizes.append(open_bytes)
        last.append(rest)
    return Buckets(size_bytes=np.array(sizes, dtype=float), last_layer=np.array(last, dtype=np.int64))


def _each_tensor(network: Network) -> Buckets:
    """Return buckets of one tensor each; those of a layer are ready together."""
    alone = [
        (size * GRADIENT_BYTES, index)
        for index in reversed(range(len(network.layers)))
        for size in reversed(network.layers[index].tensors)
    ]
    sizes, last = zip(*alone, strict=True)
    return Buckets(size_bytes=np.array(sizes, dtype=float), last_layer=np.array(last, dtype=np.int64))
