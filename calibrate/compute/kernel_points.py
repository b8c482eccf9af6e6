"""Measured kernels as columns, one row per kernel and size, grouped by what they can be fitted with.

A point is the median over repeats. Results that were found wrong are left out. All ranks of a run compute
at once: where several counts of ranks were measured the fewest are used, which disturb each other least.
Back-to-back calls come first where both kinds were timed: a framework launches kernels like that.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from nearlinear.calibrate.importers.imported import Imported
from nearlinear.calibrate.splits import inner_sizes
from nearlinear.measure.records import Sample, samples_by
from nearlinear.models.arrays import FloatArray
from nearlinear.models.compute_profile import CONVOLUTION, DENSE, MEMORY

FAMILY = {"gemm": DENSE, "conv3x3": CONVOLUTION, "copy": MEMORY, "add": MEMORY}
DEVICE_TRANSPORTS = ("mpi-cuda", "mpi-staged", "nccl", "device")
KEY = ("operation", "size_bytes", "flop", "moved_bytes")


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """What points of one fit have in common: see :class:`ComputeProfile`."""

    family: str
    library: str
    dtype: str
    on_host: bool
    devices: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.family} {self.dtype} {self.library}"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class KernelPoints:
    """Equally long columns.

    Attributes
    ----------
    operation : ndarray of str
        Kernel.
    size_bytes, flop, moved_bytes : ndarray of float
        Operands, operations, and bytes moved at least.
    time_s : ndarray of float
        Median time.
    """

    operation: np.ndarray
    size_bytes: FloatArray
    flop: FloatArray
    moved_bytes: FloatArray
    time_s: FloatArray

    def __len__(self) -> int:
        return len(self.time_s)

    def __getitem__(self, rows: Any) -> "KernelPoints":
        return KernelPoints(**{f.name: getattr(self, f.name)[rows] for f in fields(self)})


def kernel_points(files: Sequence[Imported], notes: list[str]) -> dict[Group, KernelPoints]:
    """Return the points of every group; ``notes`` gets what is left out."""
    found: dict[Group, list[Sample]] = {}
    for imported in files:
        devices = tuple(sorted(set(imported.header.get("devices", []))))
        for sample in imported.samples:
            if sample.operation in FAMILY and sample.moved_bytes and sample.correct is not False:
                found.setdefault(_group(sample, devices), []).append(sample)
    return {group: _points(_alike(samples, group, notes)) for group, samples in found.items()}


def _group(sample: Sample, devices: tuple[str, ...]) -> Group:
    return Group(
        family=FAMILY[sample.operation],
        library=sample.algorithm,
        dtype=sample.dtype,
        on_host=sample.transport not in DEVICE_TRANSPORTS,
        devices=devices,
    )


def _alike(samples: list[Sample], group: Group, notes: list[str]) -> list[Sample]:
    """Return samples of the fewest ranks, and of one mode."""
    fewest = min(sample.ranks for sample in samples)
    least = [sample for sample in samples if sample.ranks == fewest]
    queued = [sample for sample in least if sample.mode == "pipelined"]
    left_out = {
        f"more ranks at once than {fewest}": len(samples) - len(least),
        "timed alone, and calls back to back are there, too": len(least) - len(queued) if queued else 0,
    }
    notes += [f"{group}: samples left out: {count} ({why})" for why, count in left_out.items() if count]
    return queued or least


def _points(samples: Iterable[Sample]) -> KernelPoints:
    cells = samples_by(samples, *KEY)
    columns = {name: [key[KEY.index(name)] for key in cells] for name in KEY}
    numbers = {name: np.array([value or 0.0 for value in columns[name]], dtype=float) for name in KEY[1:]}
    return KernelPoints(
        operation=np.array(columns["operation"], dtype=str),
        **numbers,
        time_s=np.array([np.median([sample.time_s for sample in cell]) for cell in cells.values()]),
    )


def hold_out(points: KernelPoints, fraction: float, seed: int) -> np.ndarray:
    """Return which points are held out: sizes drawn at random, never the outermost of a kernel."""
    rng = np.random.default_rng(seed)
    held = np.zeros(len(points), dtype=bool)
    for operation in sorted(set(points.operation)):
        mine = points.operation == operation
        sizes = np.unique(points.size_bytes[mine])
        held |= mine & np.isin(points.size_bytes, inner_sizes(sizes, fraction, rng))
    return held
