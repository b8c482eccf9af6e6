"""Compute time of a training step that nobody measured, layer by layer, in an ordinary framework.

    t(kernel) = floor + w / peak + sqrt(ramp w / fp32 peak) + passes x bytes / memory bandwidth

w are the operations of a convolution or a product; other layers only move bytes. A roofline takes the
longer of the second and the last term; kernels do not overlap the two, tensors pass the memory more often
than once, and what feeds the units of a product (addresses, loads, what is left over at its edges) runs on
ordinary units and grows more slowly than the product. In fp32 the efficiency is 1 / (1 + sqrt(ramp / t)) of
a kernel that takes t at peak, and convolutions with windows of 3 x 3 or more at stride 1 need fewer
operations: four outputs of a 3 x 3 filter take 16 multiplications instead of 36. A layer is one kernel
forward and one per gradient backward, a recurrent one as many at every step; the optimiser is one. The
three constants are in ``models/data/compute.toml``.

References
----------
Williams, Waterman and Patterson 2009, "Roofline". Lavin and Gray 2015, "Fast algorithms for convolutional
neural networks", section 4.1: F(2 x 2, 3 x 3).
"""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Self

import numpy as np

from nearlinear.models.arrays import FloatArray
from nearlinear.models.dnn.network import Network
from nearlinear.models.hardware.device import Device
from nearlinear.models.strict import read_toml
from nearlinear.models.training.roofline import LayerTimes, layer_work
from nearlinear.models.units import MICROSECOND

FAST = 36 / 16  # multiplications that F(2 x 2, 3 x 3) saves, as a factor
WIDE = 8.5  # uses of an input from which windows are wide enough; at edges 9 become a little fewer
PATH = Path(__file__).parents[1] / "data" / "compute.toml"


@dataclass(frozen=True, slots=True, kw_only=True)
class Habits:
    """What kernels of ordinary frameworks take beyond a roofline.

    Attributes
    ----------
    floor_s : float
        Launching a kernel.
    ramp_s : float
        A product that takes so long at the fp32 peak runs at half of it.
    passes : float
        How often each byte passes the memory.
    """

    floor_s: float
    ramp_s: float
    passes: float

    @classmethod
    def usual(cls) -> Self:
        """Return the fitted constants of ``models/data/compute.toml``."""
        raw = table()
        return cls(
            floor_s=raw["floor"]["us"] * MICROSECOND,
            ramp_s=raw["ramp"]["us"] * MICROSECOND,
            passes=raw["passes"]["times"],
        )


@cache
def table() -> dict[str, Any]:
    """Return the constants as they stand in the file."""
    return read_toml(PATH)


def usual_times(
    network: Network, device: Device, precision: str, batch: float, habits: Habits | None = None
) -> LayerTimes:
    """Return the times of one step with ``batch`` samples on one device.

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
    habits : Habits or None
        Constants; those of the file where None.

    Raises
    ------
    SpecError
        The device has no units for the precision.
    """
    found, work = habits or Habits.usual(), layer_work(network, precision, batch)
    kernels = work.forward_flop * _done(network, precision)
    peak, ordinary = device.peak(precision).value, ordinary_peak(device)
    byte_s = found.passes / device.memory_bandwidth_bytes_per_s.value
    # Kernels of a layer that runs in steps share its work: n sqrt(w / n) = sqrt(n w).
    once = work.launches * found.floor_s + kernels / peak
    once = once + np.sqrt(found.ramp_s * work.launches * kernels / ordinary)
    return LayerTimes(
        forward_s=once + work.traffic_bytes * byte_s,
        backward_s=work.gradients * once + work.backward_bytes * byte_s,
        optimizer_s=found.floor_s + work.optimizer_bytes * byte_s,
    )


def _done(network: Network, precision: str) -> FloatArray:
    """Return which share of its operations each layer does at the rate of products."""
    products = np.array([layer.macs > 0 for layer in network.layers], dtype=float)
    wide = np.array([layer.reuse >= WIDE for layer in network.layers])
    return np.where(wide & (precision == "fp32"), products / FAST, products)


def ordinary_peak(device: Device) -> float:
    """Return operations per second outside matrix units: the fp32 peak, or a share of the lowest known."""
    if "fp32" in device.peak_flop_per_s:
        return float(device.peak_flop_per_s["fp32"].value)
    lowest = min(fact.value for fact in device.peak_flop_per_s.values())
    return float(table()["ordinary"]["share"] * lowest)
