"""A compute device: peak rates, memory, and the link that joins such devices inside a node."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from nearlinear.models.errors import SpecError
from nearlinear.models.hardware.fact import Fact

PRECISIONS = ("fp32", "tf32", "fp16", "bf16", "fp8")


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """One accelerator (or processor) as a roofline sees it.

    Attributes
    ----------
    name, title : str
        Catalogue key and full name.
    memory_bytes, memory_bandwidth_bytes_per_s : Fact
        Size and rate of the device's own memory.
    peak_flop_per_s : mapping of str to Fact
        Dense peak by precision (``fp32``, ``tf32``, ``fp16``, ``bf16``, ``fp8``); tensor units where
        the precision has them.
    matmul_flop_per_s : mapping of str to Fact
        Highest matrix-multiplication rate that somebody measured, where known.
    node_link : str
        Catalogue name of the link between such devices inside a node.
    generation : str
        What has a prior of compute of its own, ``kepler`` or ``processor``; empty for all others.
    """

    name: str
    title: str
    memory_bytes: Fact
    memory_bandwidth_bytes_per_s: Fact
    peak_flop_per_s: Mapping[str, Fact]
    node_link: str
    matmul_flop_per_s: Mapping[str, Fact] = field(default_factory=dict)
    aliases: tuple[str, ...] = ()
    generation: str = ""

    def peak(self, precision: str) -> Fact:
        """Return the dense peak at a precision.

        Raises
        ------
        SpecError
            The device has no units for it; the message names those it has.
        """
        if precision not in self.peak_flop_per_s:
            known = ", ".join(self.peak_flop_per_s)
            raise SpecError(
                "--precision", f"must be one that {self.name} has", got=precision, remedy=f"it has {known}"
            )
        return self.peak_flop_per_s[precision]
