"""The logs that are shipped: real GPU collectives, measured and published by others."""

from dataclasses import dataclass
from pathlib import Path

from nearlinear.calibrate.importers import Hints

LOGS = Path(__file__).parent / "data" / "logs"


@dataclass(frozen=True, slots=True, kw_only=True)
class BundledLogs:
    """Logs of one machine.

    Attributes
    ----------
    name, title : str
        What a profile of them is called, and what they are.
    cluster, precision : str
        Entry of the catalogue that they stand for, and the arithmetic usual there.
    files : tuple of Path
        The logs.
    """

    name: str
    title: str
    cluster: str
    precision: str
    files: tuple[Path, ...]

    @property
    def hints(self) -> Hints:
        """What their sources say beside the logs."""
        return Hints(per_node=8)


BUNDLED = (
    BundledLogs(
        name="a100",
        title="8 x A100-SXM4-40GB (superbenchmark, 2021)",
        cluster="p4d",
        precision="fp16",
        files=(LOGS / "a100x8_allreduce.log",),
    ),
    BundledLogs(
        name="h100",
        title="8 and 16 x H100 of Amazon p5 with EFA (aws-samples, 2025-2026)",
        cluster="p5",
        precision="fp16",
        files=(LOGS / "h100x8_p5_allreduce.log", LOGS / "h100x16_p5_efa_allreduce.log"),
    ),
)
