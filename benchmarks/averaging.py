"""Epochs of AlexNet with averaged weights on 1, 4 and 8 GPUs (Theano-MPI), against epochs over the batch.

    python benchmarks/averaging.py

Reads the records of the first 20 epochs, in which the learning rate is constant, and finds where a top-5
error is reached. E_min and B_crit follow from 1 and 4 GPUs, and say what 8 should take. The rate was scaled
with the GPUs instead of tuned, so the model is a lower end.
"""

import csv
from pathlib import Path

import numpy as np

from nearlinear.models.arrays import FloatArray

DATA = Path(__file__).parents[1] / "tests" / "published" / "data" / "theanompi_alexnet.csv"
PER_GPU = 128
TARGETS = (0.6, 0.55, 0.5, 0.45, 0.4)


def records() -> dict[int, FloatArray]:
    """Return top-5 errors after every epoch, by GPUs."""
    with DATA.open(encoding="utf-8") as file:
        file.readline()
        rows = list(csv.DictReader(file))
    counts = sorted({int(row["gpus"]) for row in rows})
    return {n: np.array([float(row["top5_error"]) for row in rows if int(row["gpus"]) == n]) for n in counts}


def reached(errors: FloatArray, target: float) -> float:
    """Return epochs to an error, on the line between two epochs."""
    after = int(np.argmax(errors <= target))
    way = (errors[after - 1] - target) / (errors[after - 1] - errors[after])
    return after + float(way)


def line(few: tuple[float, float], more: tuple[float, float]) -> tuple[float, float]:
    """Return E_min and B_crit of E = E_min (1 + B/B_crit) through two (batch, epochs)."""
    slope = (more[1] - few[1]) / (more[0] - few[0])
    minimum = few[1] - slope * few[0]
    return minimum, minimum / slope


def main() -> None:
    """Print a row per target."""
    known = records()
    print(
        "| top-5 error | epochs, 1 GPU | 4 GPUs | 8 GPUs | B_crit from 1 and 4 | 8 GPUs predicted | error |"
    )
    print("|---:|---:|---:|---:|---:|---:|---:|")
    for target in TARGETS:
        one, four, eight = (reached(known[n], target) for n in (1, 4, 8))
        minimum, critical = line((PER_GPU, one), (4 * PER_GPU, four))
        told = minimum * (1 + 8 * PER_GPU / critical)
        print(
            f"| {target:.0%} | {one:.1f} | {four:.1f} | {eight:.1f} | {critical:,.0f} | {told:.1f} "
            f"| {told / eight - 1:+.0%} |"
        )


if __name__ == "__main__":
    main()
