"""Made-up measurements whose parameters are known: what a fit must find again."""

from collections.abc import Iterable

import numpy as np

from nearlinear.calibrate.forms import Inside, Kind
from nearlinear.calibrate.importers import Imported
from nearlinear.measure.records import Sample
from nearlinear.models.arrays import FloatArray
from nearlinear.models.hardware.message import LinkCost

SIZES: FloatArray = np.exp2(np.arange(8.0, 27.0))


def samples(
    algorithm: str,
    cost: LinkCost,
    *,
    operation: str = "allreduce",
    ranks: int = 4,
    nodes: int = 1,
    sizes: np.ndarray = SIZES,
    noise: float = 0.0,
    repeats: int = 1,
    seed: int = 0,
    inner: LinkCost | None = None,
) -> list[Sample]:
    """Return samples that take exactly the time of their closed form, times log-normal noise."""
    kind = Kind(operation, algorithm, ranks, nodes, np.arange(len(sizes)))
    times_s = np.ravel(kind.time_s(sizes, cost, Inside(inner) if inner else None))
    rng = np.random.default_rng(seed)
    return [
        Sample(
            operation=operation, algorithm=algorithm, transport="mpi-host", dtype="float32", placement="in",
            size_bytes=int(size), ranks=ranks, nodes=nodes, repetition=repeat, mode="individual",
            statistic="max", time_s=float(time_s * np.exp(noise * rng.standard_normal())), correct=True,
        )
        for repeat in range(repeats)
        for size, time_s in zip(sizes, times_s, strict=True)
    ]  # fmt: skip


def file_of(*groups: Iterable[Sample]) -> Imported:
    """Return the samples as one file that was read."""
    return Imported(path="made-up", format="record", samples=tuple(s for group in groups for s in group))
