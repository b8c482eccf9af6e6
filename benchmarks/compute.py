"""Kernels and throughputs against training steps, measured on this machine.

    OPENBLAS_NUM_THREADS=1 python benchmarks/compute.py

Measures kernels, fits them, trains the multilayer perceptron of the zoo on one rank at several batch
sizes, and prints its step beside what kernels, and a line through the outermost batch sizes, say of it.
One thread, because a thread that another process displaces stops all.
"""

import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from nearlinear.calibrate.calibration import CalibrateSpec, fit_profile
from nearlinear.calibrate.profile_file import write_profile
from nearlinear.measure.records import read_record
from nearlinear.models.case import Case
from nearlinear.models.closed_form import predict
from nearlinear.models.scenario import Scenario
from nearlinear.models.throughput import Throughput
from nearlinear.models.training.batch_line import BatchLine
from nearlinear.models.training.kernel_times import kernel_times

MILLISECOND = 1e-3
BATCHES = (16, 32, 64, 128, 256)
MLP = ("--image", "28x28x1", "--width", "800")  # the zoo's: 784-800-800-10
KERNELS = ("--ops", "gemm,conv3x3,copy,add", "--sizes", "1K..64M", "--budget", "90s")


def _run(folder: Path, *arguments: str) -> None:
    command = [sys.executable, "-P", "-m", "nearlinear.cli.app", *arguments]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)


def _step_s(folder: Path, batch: int) -> float:
    """Return the median time of forward, backward and optimiser."""
    out = f"train-{batch}.jsonl"
    _run(folder, "train", "mlp", *MLP, "--batch-per-device", str(batch), "--samples", "4096", "-o", out)
    return float(np.median([step.compute_s for step in read_record(folder / out).steps]))


def main() -> None:
    """Print the table."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        _run(folder, "measure", *KERNELS, "-o", "kernels.jsonl")
        write_profile(fit_profile([folder / "kernels.jsonl"], CalibrateSpec()).profile, folder / "p.toml")
        measured = {batch: _step_s(folder, batch) for batch in BATCHES}
        ends = [Throughput(batch, batch / measured[batch]) for batch in (BATCHES[0], BATCHES[-1])]
        line = BatchLine.of(ends, np.inf)
        print("| batch | measured ms | kernels alone ms | predicted ms | 90 % band | line through the ends |")
        print("|---|---|---|---|---|---|")
        for batch, step_s in measured.items():
            print(_row(folder, batch, step_s / MILLISECOND, line.time_s(batch) / MILLISECOND))


def _row(folder: Path, batch: int, measured_ms: float, line_ms: float) -> str:
    scenario = Scenario.of(
        model="mlp", device="host-core", devices="1", batch_per_device=batch, profile=str(folder / "p.toml")
    )
    case = Case.of(scenario)
    assert case.kernels is not None
    alone = kernel_times(case.network, case.kernels, "fp32", batch).best.total_s / MILLISECOND
    band = predict(scenario).points[0].step_time_s
    low, median, high = (value / MILLISECOND for value in (band.low, band.median, band.high))
    held = "" if batch in (BATCHES[0], BATCHES[-1]) else f"{line_ms:.2f} ({line_ms / measured_ms - 1:+.1%})"
    return f"| {batch} | {measured_ms:.2f} | {alone:.2f} | {median:.2f} | {low:.2f} - {high:.2f} | {held} |"


if __name__ == "__main__":
    main()
