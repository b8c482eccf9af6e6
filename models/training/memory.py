"""What a step must at least hold in device memory."""

from dataclasses import dataclass

from nearlinear.models.dnn.network import Network
from nearlinear.models.errors import CapacityError
from nearlinear.models.hardware.device import Device
from nearlinear.models.training.roofline import HALF_BYTES
from nearlinear.models.units import FLOAT32_BYTES, format_size

WEIGHT_COPIES = 3  # weights, gradients, velocities of SGD with momentum


@dataclass(frozen=True, slots=True, kw_only=True)
class Footprint:
    """Least memory of a step: no workspace, no fragmentation, no framework.

    Attributes
    ----------
    weights_bytes : float
        Weights, gradients and optimiser state.
    activations_bytes : float
        What forward leaves for backward.
    """

    weights_bytes: float
    activations_bytes: float

    @property
    def total_bytes(self) -> float:
        """Weights and activations."""
        return self.weights_bytes + self.activations_bytes


def footprint(network: Network, precision: str, batch: float) -> Footprint:
    """Return the least memory of a step of ``batch`` samples on one device."""
    half = precision in ("fp16", "bf16")
    weights = (network.parameters * WEIGHT_COPIES + network.buffers) * FLOAT32_BYTES
    # A shortcut may be added in place, as the frameworks' own networks do.
    added = sum(layer.kept for layer in network.layers if layer.kind == "add")
    kept = network.kept - added + network.sample_elements
    return Footprint(
        weights_bytes=weights + network.parameters * HALF_BYTES * half,
        activations_bytes=kept * batch * (HALF_BYTES if half else FLOAT32_BYTES),
    )


def check_fits(
    network: Network, device: Device, precision: str, batch: float, where: str = "--batch-per-device"
) -> Footprint:
    """Return the footprint, or refuse what cannot fit.

    Raises
    ------
    CapacityError
        Even the least memory is more than the device has; names the largest batch that could fit.
    """
    least = footprint(network, precision, batch)
    has = device.memory_bytes.value
    if least.total_bytes > has:
        per_sample = least.activations_bytes / batch
        fits = int((has - least.weights_bytes) // per_sample) if has > least.weights_bytes else 0
        remedy = f"at most {fits} samples per device could fit" if fits else "the weights alone do not fit"
        raise CapacityError(
            where,
            f"{network.title} needs at least {format_size(least.total_bytes)}"
            f" on {device.title}, which has {format_size(has)}",
            got=int(batch),
            remedy=remedy,
        )
    return least
