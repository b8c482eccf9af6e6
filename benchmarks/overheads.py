"""Recompute ``[batch.overhead]`` of ``models/data/priors.toml``: the fixed time of a step on one device.

    python benchmarks/overheads.py --data DIR

DIR holds ``published/`` and ``seeds/``: training throughput of one device at two or more batch sizes, of
NVIDIA DeepLearningExamples (A100, V100), tf_cnn_benchmarks (P100, K80), Theano-MPI (K80) and Caffe2
(Titan X). The line t(batch) = overhead + batch / rate of each gives its overhead, printed as time and as
the work that the device could have done in it at its fp32 peak, which varies less between devices. Then
each curve's smallest batch is predicted from its largest with the prior that the others give.
"""

import argparse
import csv
import re
from collections import defaultdict
from pathlib import Path

import numpy as np
from batches import curves

from nearlinear.models.arrays import FloatArray
from nearlinear.models.catalogue import find_device
from nearlinear.models.prediction import Z90
from nearlinear.models.throughput import Throughput
from nearlinear.models.training.batch_line import BatchLine
from nearlinear.models.units import TERA

DEVICES = {
    "A100": "a100-sxm-80gb", "V100": "v100-sxm2-32gb", "P100": "p100-sxm2", "K80": "k80",
    "Titan X": "titan-x-maxwell",
}  # fmt: skip
IN_TOKENS = "Transformer-XL"  # throughput counts tokens, batches count sequences
Curves = dict[str, list[Throughput]]


def tensorflow(data: Path) -> Curves:
    """Return curves of tf_cnn_benchmarks on synthetic data; clouds with the same device count as one."""
    rates: dict[str, dict[int, list[float]]] = defaultdict(lambda: defaultdict(list))
    with (data / "published/dp_classics.csv").open(encoding="utf-8") as file:
        for r in csv.DictReader(file):
            chosen = r["curve_id"].startswith("tf-") and r["curve_id"].endswith("-synthetic")
            if chosen and r["metric"] == "throughput" and float(r["n_devices"] or 0) == 1:
                device = re.sub(r"[- ].*", "", r["device"])
                batch = int(float(r["per_device_batch"]))
                rates[f"tf_cnn_benchmarks {r['model']} {device}"][batch].append(float(r["value"]))
    return {
        name: [Throughput(b, float(np.median(r))) for b, r in sorted(found.items())]
        for name, found in rates.items()
        if len(found) > 1
    }


def seeds(data: Path) -> Curves:
    """Return VGG-16 of Theano-MPI on a K80 die, and Inception of Caffe2 on a Titan X."""
    vgg, inception = {}, {}
    with (data / "seeds/theanompi_readme_benchmarks.csv").open(encoding="utf-8") as file:
        for r in csv.DictReader(file):
            if (r["date"], r["model"], r["gpus"]) == ("2017-07-18", "VGG16", "1"):
                vgg[int(r["batch_per_gpu"])] = 5120 / float(r["train_s_per_5120"])
    with (data / "seeds/related_scaling_and_single_gpu.csv").open(encoding="utf-8") as file:
        for r in csv.DictReader(file):
            if (r["system"], r["model"]) == ("Caffe2", "Inception"):
                batch = int(float(r["batch"]))
                inception[batch] = batch / (float(r["value"]) * 1e-3)
    found = {"Theano-MPI VGG-16 K80": vgg, "Caffe2 Inception Titan X": inception}
    return {name: [Throughput(b, r) for b, r in sorted(rates.items())] for name, rates in found.items()}


def peak(name: str) -> float:
    """Return the fp32 peak of the device that a curve's name has."""
    device = next(key for word, key in DEVICES.items() if word in name)
    return float(find_device(device).peak("fp32").value)


def unseen(points: list[Throughput], peak_flop_per_s: float, work: FloatArray) -> tuple[float, bool]:
    """Return log error at the smallest batch from the largest and a prior, and whether its band holds it."""
    last, first, logs = points[-1], points[0], np.log(work)
    fixed_s = float(np.exp(logs.mean())) / peak_flop_per_s
    line = BatchLine.with_overhead(
        last.batch, last.batch / last.samples_per_s, fixed_s, float(logs.std(ddof=1))
    )
    ratio = first.batch / first.samples_per_s / line.time_s(first.batch)
    low, high = line.factor(first.batch, np.array([-Z90, Z90]))
    return float(-np.log(ratio)), bool(low <= ratio <= high)


def main() -> None:
    """Print every overhead, the constants, and how they predict curves that they were not made from."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    data = parser.parse_args().data
    known = {name: points for name, points in curves(data) if IN_TOKENS not in name}
    known |= tensorflow(data) | seeds(data)
    overhead = {name: BatchLine.of(points, np.inf).overhead_s for name, points in known.items()}
    work = {name: s * peak(name) for name, s in overhead.items() if s > 0}
    errors, covered = [], []
    for name, points in known.items():
        others = np.array([value for other, value in work.items() if other != name])
        error, inside = unseen(points, peak(name), others)
        errors.append(error)
        covered.append(inside)
        sizes = ", ".join(str(point.batch) for point in points)
        print(f"{name:66s} {sizes:24s} {overhead[name] * 1e3:6.1f} ms  smallest batch {np.expm1(error):+.1%}")
    logs = np.log(np.array(list(work.values())))
    print(f"tflop {np.exp(logs.mean()) / TERA:.2f}  log_sd {logs.std(ddof=1):.2f}  curves {len(known)}, "
          f"{len(known) - len(work)} of them without overhead")  # fmt: skip
    print(f"smallest from largest batch: median {np.median(np.abs(errors)):.1%}, "
          f"p90 {np.quantile(np.abs(errors), 0.9):.1%}, in 90 % band {np.mean(covered):.0%}")  # fmt: skip


if __name__ == "__main__":
    main()
