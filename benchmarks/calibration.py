"""Time of a calibration of 10,000 samples with 1,000 bootstrap replicates, on one core.

    python benchmarks/calibration.py

Samples are made up: two of the library's collectives and two schedules over 25 sizes, at 2, 4 and 8 ranks of
a node, repeated until there are 10,000, with noise of 5 %. Everything that ``nearlinear calibrate`` does is
timed: reading, fitting, bootstrap, hold-out of sizes and rank counts, writing.
"""

import tempfile
import time
from pathlib import Path

import numpy as np

from nearlinear.calibrate.calibration import CalibrateSpec, fit_profile
from nearlinear.calibrate.forms import Kind
from nearlinear.calibrate.profile_file import write_profile
from nearlinear.measure.records import RecordWriter, Sample
from nearlinear.models.hardware.message import LinkCost

COST = LinkCost.of(5e-6, 20e9)
KINDS = (("allreduce", "vendor"), ("allgather", "vendor"), ("allreduce", "ring"), ("allreduce", "tree"))
RANKS, SIZES, SAMPLES, NOISE = (2, 4, 8), 25, 10_000, 0.05


def record(path: Path) -> int:
    """Write the record and return how many samples it has."""
    rng = np.random.default_rng(0)
    sizes = np.exp2(np.arange(6.0, 6.0 + SIZES))
    cells = [
        (operation, algorithm, ranks, int(size), float(time_s))
        for operation, algorithm in KINDS
        for ranks in RANKS
        for size, time_s in zip(sizes, _times(operation, algorithm, ranks, sizes), strict=True)
    ]
    writer = RecordWriter(path, {"hosts": ["n1"] * max(RANKS)})
    count = 0
    for repetition in range(-(-SAMPLES // len(cells))):
        for operation, algorithm, ranks, size, time_s in cells:
            writer.add(Sample(
                operation=operation, algorithm=algorithm, transport="mpi-host", dtype="float32",
                placement="in", size_bytes=size, ranks=ranks, nodes=1, repetition=repetition,
                mode="individual", statistic="max",
                time_s=time_s * float(np.exp(NOISE * rng.standard_normal())),
            ))  # fmt: skip
            count += 1
    writer.end(complete=True, reason="done")
    return count


def _times(operation: str, algorithm: str, ranks: int, sizes: np.ndarray) -> np.ndarray:
    kind = Kind(operation, algorithm, ranks, 1, np.arange(len(sizes)))
    return np.asarray(np.ravel(kind.time_s(sizes, COST, None)))


def main() -> None:
    """Print the time."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "run.jsonl"
        count = record(path)
        started, busy = time.perf_counter(), time.process_time()
        made = fit_profile([path], CalibrateSpec(replicates=1000))
        write_profile(made.profile, Path(folder) / "p.toml")
        wall, cpu = time.perf_counter() - started, time.process_time() - busy
    links = ", ".join(f"{link.operation or link.source}" for link in made.profile.links)
    print(f"{count:,} samples, 1,000 replicates, links fitted: {links}: {wall:.1f} s, {cpu:.1f} s of CPU")


if __name__ == "__main__":
    main()
