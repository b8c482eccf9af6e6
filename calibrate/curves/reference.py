"""Systems whose collectives are known at several rank counts, from which another one is carried.

The step from one rank count to another inside a node looks alike on systems with links of one class, size
by size, because the same library switches there. Which class a node belongs to is told by the bus bandwidth
of its own largest size.

The table is ``calibrate/data/systems.csv``, medians of runs that ai-dynamo/aiconfigurator publishes (NVIDIA,
Apache-2.0); ``python benchmarks/reference.py --data DIR`` writes it.
"""

import csv
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from nearlinear.calibrate.importers.names import bus_factor
from nearlinear.models.arrays import FloatArray
from nearlinear.models.collectives.curve import Curve
from nearlinear.models.collectives.growth import Growth
from nearlinear.models.units import GB, MICROSECOND

PATH = Path(__file__).parents[1] / "data" / "systems.csv"
NCCL = "nccl"  # the transport that the systems were measured through
SWITCHED, SHARED, NETWORK = "switched", "shared", "network"
LARGE_BYTES = 64 * 2**20  # bandwidth is what a size from here on tells
SWITCHED_FROM, SHARED_TO = 100 * GB, 64 * GB  # beyond what 16 lanes of PCI Express 5 carry, and up to it


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class System:
    """Curves of one system by operation and rank count."""

    name: str
    fabric: str | None
    curves: Mapping[str, Mapping[int, Curve]]


@cache
def systems() -> tuple[System, ...]:
    """Return the systems that are shipped."""
    found: dict[str, dict[str, dict[int, Curve]]] = {}
    with PATH.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            sizes = np.array([float(size) for size in row if size.isdecimal() and row[size]])
            times = np.array([float(row[size]) for size in row if size.isdecimal() and row[size]])
            ranks = int(row["ranks"])
            curve = Curve(units=ranks, size_bytes=sizes, time_s=np.maximum.accumulate(times) * MICROSECOND)
            found.setdefault(row["system"], {}).setdefault(row["operation"], {})[ranks] = curve
    return tuple(
        System(name=name, fabric=fabric(list(curves["allreduce"].values()), "allreduce"), curves=curves)
        for name, curves in found.items()
    )


def fabric(curves: Sequence[Curve], operation: str) -> str | None:
    """Return the class of links that join the ranks of a node, or None where no size tells.

    ``switched`` links (NVSwitch) carry more than PCI Express can; ``shared`` ones do not.
    """
    curve = max(curves, key=lambda one: one.size_bytes[-1])
    if curve.size_bytes[-1] < LARGE_BYTES:
        return None
    rate = bus_factor(operation, curve.units) * curve.size_bytes[-1] / curve.time_s[-1]
    if rate >= SWITCHED_FROM:
        return SWITCHED
    return SHARED if rate <= SHARED_TO else None


def carried_by_others(
    curves: Sequence[Curve], operation: str, units: int, size_bytes: FloatArray, growth: Growth,
    without: Container[str] = (),
) -> FloatArray | None:  # fmt: skip
    """Return log times at an unmeasured rank count as other systems of the class take the step there.

    Parameters
    ----------
    curves : sequence of Curve
        What was measured, at the counts nearest to ``units``.
    without : container of str
        Systems not to look at.

    Returns
    -------
    ndarray or None
        The median over systems of the mean over measured counts; None where no system of the class
        knows all of these counts.
    """
    kind = fabric(curves, operation)
    found = []
    for system in systems():
        known = system.curves.get(operation, {})
        if system.name in without or system.fabric != kind or not {units, *_units(curves)} <= set(known):
            continue
        target = np.log(known[units].at(size_bytes, growth))
        steps = [
            np.log(curve.at(size_bytes, growth)) + target - np.log(known[curve.units].at(size_bytes, growth))
            for curve in curves
        ]
        found.append(np.mean(steps, axis=0))
    return np.median(found, axis=0) if kind is not None and found else None


def _units(curves: Sequence[Curve]) -> set[int]:
    return {curve.units for curve in curves}
