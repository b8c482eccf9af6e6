"""Points of every log of a folder, and of every system of ``nccl_by_system.csv``, with names.

DIR holds logs of benchmarks (``NAME.log``, and ``index.csv`` for what logs do not say themselves) and
``nccl_by_system.csv`` (ai-dynamo/aiconfigurator, NVIDIA, Apache-2.0): collectives of 2, 4 and 8 GPUs of one
node on five systems and several versions of NCCL.
"""

import csv
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from imports import outcomes

from nearlinear.calibrate.importers import Imported
from nearlinear.calibrate.importers.names import collective_named
from nearlinear.calibrate.points import Points, medians
from nearlinear.measure.records import Sample
from nearlinear.models.units import MICROSECOND

SYSTEMS = "nccl_by_system.csv"
RETYPED = "issue_"  # typed from excerpts of threads: cases for parsers, no evidence
DOUBTFUL = ("gke_", "azure_")  # labels look swapped, or a machine that was not well


@dataclass(frozen=True, slots=True, kw_only=True)
class Log:
    """Points of one log, or of one version on one system.

    Attributes
    ----------
    name, family : str
        What it is called, and what it must not be judged by: the same system, or the same cluster.
    system : bool
        Whether it comes from ``nccl_by_system.csv``.
    imported : Imported or None
        The log itself.
    """

    name: str
    family: str
    system: bool
    points: Points
    imported: Imported | None = None

    @property
    def evidence(self) -> bool:
        """Whether errors on it say something."""
        return not self.name.startswith((RETYPED, *DOUBTFUL))

    def of(self, operation: str, least_bytes: int) -> "Log":
        """Return the points of one operation from a size on."""
        points = self.points
        return replace(
            self, points=points[(points.operation == operation) & (points.size_bytes >= least_bytes)]
        )


def all_logs(folder: Path) -> list[Log]:
    """Return systems first, then logs; logs that are refused are left out."""
    return [*systems(folder / SYSTEMS), *logs(folder)]


def logs(folder: Path) -> Iterator[Log]:
    """Yield what can be imported of a folder's logs."""
    for outcome in outcomes(folder):
        if outcome.imported is not None:
            name = outcome.path.stem
            family, points = name.split("_")[0], medians([outcome.imported])
            yield Log(name=name, family=family, system=False, points=points, imported=outcome.imported)


def systems(path: Path) -> Iterator[Log]:
    """Yield every version of every system, all collectives, types and rank counts together."""
    groups: dict[tuple[str, str], list[Sample]] = {}
    with path.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            group = groups.setdefault((row["system"], row["ccl_version"]), [])
            group.append(_sample(row, len(group)))
    for (system, version), samples in groups.items():
        name = f"{system} {version}"
        points = medians([Imported(path=name, format="csv", samples=tuple(samples))])
        yield Log(name=name, family=system, system=True, points=points)


def _sample(row: dict[str, str], repetition: int) -> Sample:
    return Sample(
        operation=collective_named(row["collective"]) or row["collective"], algorithm="vendor",
        transport="nccl", dtype=row["dtype"], placement="out", size_bytes=int(float(row["size_bytes"])),
        ranks=int(row["nranks"]), nodes=1, repetition=repetition, mode="pipelined", statistic="mean",
        time_s=float(row["time_us"]) * MICROSECOND,
    )  # fmt: skip
