"""Compute time of a training step from measured kernels, layer by layer.

    t(layer) = kernels x floor + max(flop / rate of its family, bytes / bandwidth of the memory family)

A layer is one kernel forward and one per gradient backward, a recurrent one as many at every step; the
optimiser is one over all weights, as fused optimisers are. Kernels measured alone are faster than in a
training step, which also waits, checks and launches: that is left to the caller, as a prior or as what an
anchor implies. So is the shape of the operands: a family has one rate for all.
"""

from dataclasses import dataclass

import numpy as np

from nearlinear.models.arrays import FloatArray
from nearlinear.models.compute_profile import MEMORY
from nearlinear.models.dnn.network import Network
from nearlinear.models.kernels import Kernels, family_of
from nearlinear.models.training.roofline import LayerTimes, layer_work


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class KernelTimes:
    """A step on one device by measured kernels.

    Attributes
    ----------
    best : LayerTimes
        By the best fits.
    relative : ndarray, shape (rows,)
        Step by every row of the samples, over that of the best fits; row 0 is 1.
    spread : float
        Standard deviation in log time of what the fits leave out, each family by its share of the step.
    """

    best: LayerTimes
    relative: FloatArray
    spread: float


def kernel_times(network: Network, kernels: Kernels, precision: str, batch: float) -> KernelTimes:
    """Return a step with ``batch`` samples on one device."""
    forward, backward, optimizer = _times_s(network, kernels, precision, batch)
    totals = forward.sum(axis=1) + backward.sum(axis=1) + optimizer
    return KernelTimes(
        best=LayerTimes(forward_s=forward[0], backward_s=backward[0], optimizer_s=float(optimizer[0])),
        relative=totals / totals[0],
        spread=_spread(network, kernels, (forward + backward)[0], float(optimizer[0])),
    )


def _times_s(
    network: Network, kernels: Kernels, precision: str, batch: float
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return (rows, layers) forward and backward, and (rows,) of the optimiser."""
    work, memory = layer_work(network, precision, batch), kernels.families[MEMORY]
    floor, pace = _per_layer(network, kernels)
    bandwidth = _rows(memory.bandwidth_bytes_per_s, kernels.rows)
    forward = work.launches * floor + np.maximum(work.forward_flop * pace, work.traffic_bytes / bandwidth)
    moved_s = work.backward_bytes / bandwidth
    backward = work.gradients * work.launches * floor + np.maximum(work.backward_flop * pace, moved_s)
    optimizer = _rows(memory.floor_s, kernels.rows) + work.optimizer_bytes / bandwidth
    return forward, backward, optimizer[:, 0]


def _per_layer(network: Network, kernels: Kernels) -> tuple[FloatArray, FloatArray]:
    """Return floor and seconds per operation of every layer, shape (rows, layers).

    Layers of the memory family do few operations, at a rate that nobody measured: bytes bound them.
    """
    families = [kernels.families[family_of(layer.kind)] for layer in network.layers]
    free = np.full(kernels.rows, np.inf)
    floor = np.hstack([_rows(family.floor_s, kernels.rows) for family in families])
    rate = np.hstack(
        [_rows(free if f.rate_flop_per_s is None else f.rate_flop_per_s, kernels.rows) for f in families]
    )
    return floor, 1.0 / rate


def _rows(samples: FloatArray | None, rows: int) -> FloatArray:
    """Return samples as a column of so many rows."""
    assert samples is not None  # a memory family has its bandwidth
    return samples[:rows, None]


def _spread(network: Network, kernels: Kernels, layer_s: FloatArray, optimizer_s: float) -> float:
    """Return the spread of the step: errors of a family are common to its layers, so shares add up."""
    spreads = np.array([kernels.families[family_of(layer.kind)].spread for layer in network.layers])
    weighted = float(spreads @ layer_s) + kernels.families[MEMORY].spread * optimizer_s
    return weighted / (float(layer_s.sum()) + optimizer_s)
