"""A class of links as vendors and measurements describe it."""

from dataclasses import dataclass

from nearlinear.models.hardware.fact import Fact
from nearlinear.models.strict import require

FAMILIES = (
    "nvlink", "pcie", "xgmi", "ici", "ethernet", "infiniband", "proprietary", "efa", "socket", "memory",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """Bandwidth and latency of one link class.

    Attributes
    ----------
    bandwidth_bytes_per_s : Fact
        One direction: all lanes that one device has (NVLink, PCIe, xGMI), or one port of a network.
    latency_s : Fact
        One small message from sender to receiver through the usual software.
    family : str
        Technology, such as ``nvlink`` or ``ethernet``.
    """

    name: str
    title: str
    family: str
    bandwidth_bytes_per_s: Fact
    latency_s: Fact
    note: str = ""
    aliases: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        require(self.family in FAMILIES, "family", f"must be one of {', '.join(FAMILIES)}", self.family)
