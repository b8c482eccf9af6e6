"""Which measured kernels stand for a network on a device, or why none do."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from nearlinear.models.compute_profile import CONVOLUTION, DENSE, FAMILIES, MEMORY, ComputeProfile
from nearlinear.models.dnn.network import Network
from nearlinear.models.hardware.device import Device
from nearlinear.models.naming import mentions

DTYPES = {"fp32": "float32", "fp16": "float16", "bf16": "bfloat16"}
KINDS = {"conv": CONVOLUTION, "fc": DENSE, "product": DENSE}  # of layers; all others move memory
INSTEAD = {CONVOLUTION: DENSE, DENSE: CONVOLUTION}  # both are sums of products


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Kernels:
    """Measured families of one library on the device of a scenario.

    Attributes
    ----------
    library : str
        Array library.
    families : mapping of str to ComputeProfile
        For each of ``dense``, ``convolution`` and ``memory`` what prices it.
    """

    library: str
    families: Mapping[str, ComputeProfile]

    @property
    def rows(self) -> int:
        """How many samples all families have."""
        return min(len(family.floor_s) for family in self.families.values())

    @property
    def devices(self) -> tuple[str, ...]:
        """What the kernels ran on."""
        return self.families[MEMORY].devices

    @property
    def dtype(self) -> str:
        """Element type of the kernels."""
        return self.families[MEMORY].dtype

    @property
    def borrowed(self) -> tuple[str, ...]:
        """Families that were not measured and are priced by another one."""
        return tuple(name for name, family in self.families.items() if family.family != name)


def family_of(kind: str) -> str:
    """Return the family that a kind of layer is priced by.

    Examples
    --------
    >>> family_of("conv"), family_of("relu")
    ('convolution', 'memory')
    """
    return KINDS.get(kind, MEMORY)


def candidates(
    known: Sequence[ComputeProfile], device: Device, on_host: bool, precision: str, network: Network
) -> tuple[list[Kernels], str]:
    """Return measured kernels of every library that can price a network, or a sentence why none can.

    Parameters
    ----------
    known : sequence of ComputeProfile
        What a profile has.
    device, on_host : Device, bool
        What computes, and whether in host memory.
    precision : str
        ``fp32``, ``tf32``, ``fp16`` or ``bf16``: kernels must be of its element type.
    network : Network
        What is trained.
    """
    here = [one for one in known if _same_device(one, device, on_host)]
    if known and not here:
        where = ", ".join(dict.fromkeys(name for one in known for name in one.devices)) or "another device"
        return [], f"kernels were measured on {where}, the scenario has {device.title}"
    typed = [one for one in here if one.dtype == DTYPES.get(precision)]
    if here and not typed:
        found = ", ".join(sorted({one.dtype for one in here}))
        return [], f"kernels were measured in {found}, the scenario computes in {precision}"
    made = [_kernels(typed, library, network) for library in sorted({one.library for one in typed})]
    complete = [one for one in made if one]
    if typed and not complete:
        return [], "kernels of the memory family (copy, add) and of products (gemm, conv3x3) are needed"
    return complete, ""


def _kernels(known: Sequence[ComputeProfile], library: str, network: Network) -> Kernels | None:
    """Return the families of a library, or nothing where some layer has none."""
    measured = {one.family: one for one in known if one.library == library}
    found = {name: measured.get(name) or measured.get(INSTEAD.get(name, "")) for name in FAMILIES}
    needed = {MEMORY} | {family_of(layer.kind) for layer in network.layers}
    families = {name: found[name] for name in FAMILIES if name in needed}
    whole = {name: family for name, family in families.items() if family is not None}
    return Kernels(library=library, families=whole) if len(whole) == len(families) else None


def _same_device(one: ComputeProfile, device: Device, on_host: bool) -> bool:
    """Return whether kernels ran on the device; a device without a model number stands for its kind."""
    kind = not any(letter.isdigit() for letter in device.name)
    named = kind or not one.devices or any(mentions(name, device.name) for name in one.devices)
    return one.on_host == on_host and named
