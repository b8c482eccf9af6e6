"""Compute time of a training step, layer by layer: work over peak or bytes over memory bandwidth.

    t(layer) = max(flop / peak, bytes / memory bandwidth)

What could be done at best, fast convolutions aside; what a usual step takes says
:mod:`~nearlinear.models.training.usual_times`. Bytes are those of inputs, outputs and weights, read or
written once; backward moves twice as many.

References
----------
Williams, Waterman and Patterson 2009, "Roofline".
"""

from dataclasses import dataclass

import numpy as np

from nearlinear.models.arrays import FloatArray
from nearlinear.models.dnn.network import Network
from nearlinear.models.hardware.device import Device
from nearlinear.models.units import FLOAT32_BYTES

HALF_BYTES = 2
BACKWARD_TRAFFIC = 2.0  # reads the kept activations and the incoming gradient, writes the outgoing one
MOMENTUM_PASSES = 5  # SGD with momentum reads weight, gradient, velocity; writes weight, velocity


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LayerTimes:
    """Seconds of one step on one device at full efficiency.

    Attributes
    ----------
    forward_s, backward_s : ndarray, shape (layers,)
        Per layer in forward order.
    optimizer_s : float
        Update of all weights.
    """

    forward_s: FloatArray
    backward_s: FloatArray
    optimizer_s: float

    @property
    def total_s(self) -> float:
        """The whole step without any exchange."""
        return float(self.forward_s.sum() + self.backward_s.sum() + self.optimizer_s)

    def scaled(self, total_s: float) -> "LayerTimes":
        """Return the same parts of a step that takes ``total_s``."""
        factor = total_s / self.total_s
        return LayerTimes(
            forward_s=factor * self.forward_s,
            backward_s=factor * self.backward_s,
            optimizer_s=factor * self.optimizer_s,
        )


def layer_times(network: Network, device: Device, precision: str, batch: float) -> LayerTimes:
    """Return the roofline times of one step.

    Parameters
    ----------
    network : Network
        What is trained.
    device : Device
        What computes.
    precision : str
        ``fp32``, ``tf32``, ``fp16`` or ``bf16``; weights are kept and updated in 32 bits.
    batch : float
        Samples on this device.
    """
    peak = device.peak(precision).value
    bandwidth = device.memory_bandwidth_bytes_per_s.value
    work = layer_work(network, precision, batch)
    return LayerTimes(
        forward_s=np.maximum(work.forward_flop / peak, work.traffic_bytes / bandwidth),
        backward_s=np.maximum(work.backward_flop / peak, work.backward_bytes / bandwidth),
        optimizer_s=work.optimizer_bytes / bandwidth,
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LayerWork:
    """What the layers of a step do on one device.

    Attributes
    ----------
    forward_flop, backward_flop : ndarray, shape (layers,)
        Operations per layer in forward order.
    traffic_bytes : ndarray, shape (layers,)
        Inputs, outputs and weights, once.
    launches, gradients : ndarray, shape (layers,)
        Kernels of the forward pass, and how many times as many backward has.
    optimizer_bytes : float
        Read and written to update all weights.
    """

    forward_flop: FloatArray
    backward_flop: FloatArray
    traffic_bytes: FloatArray
    launches: FloatArray
    gradients: FloatArray
    optimizer_bytes: float

    @property
    def backward_bytes(self) -> FloatArray:
        """What backward moves: nothing where no gradient is computed."""
        return np.where(self.gradients > 0, BACKWARD_TRAFFIC * self.traffic_bytes, 0.0)


def layer_work(network: Network, precision: str, batch: float) -> LayerWork:
    """Return the work of one step with ``batch`` samples; weights are kept and updated in 32 bits."""
    element = HALF_BYTES if precision in ("fp16", "bf16") else FLOAT32_BYTES
    columns = np.array(
        [
            (x.forward_flop, x.backward_flop, x.inputs + x.outputs, x.parameters, x.launches, x.gradients)
            for x in network.layers
        ],
        dtype=float,
    ).reshape(-1, 6)
    forward_flop, backward_flop, activations, parameters, launches, gradients = columns.T
    return LayerWork(
        forward_flop=forward_flop * batch,
        backward_flop=backward_flop * batch,
        traffic_bytes=(activations * batch + parameters) * element,
        launches=launches,
        gradients=gradients,
        optimizer_bytes=float(MOMENTUM_PASSES * FLOAT32_BYTES * network.parameters),
    )
