"""How far a line through throughputs at several batch sizes is off at another batch size.

    python benchmarks/batches.py --data DIR

DIR holds ``published/nvidia_deeplearningexamples.csv``: training throughput of one GPU at three or more
batch sizes. Each batch size is left out in turn and read from the line through the others: sizes between
them give ``batch.inside`` of ``models/data/priors.toml``, outermost ones ``batch.per_octave``.
"""

import argparse
import csv
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from nearlinear.models.prediction import Z90
from nearlinear.models.throughput import Throughput
from nearlinear.models.training.batch_line import BatchLine

FEWEST = 3
# Networks whose rows under one heading are one workload. Left out are BERT, ELECTRA and Transformer-XL on
# PyTorch (phases, model sizes and sequence lengths under one heading) and SE(3)-Transformer (two sizes).
NETWORKS = ("MoFlow", "nnUNet", "TensorFlow/LanguageModeling/Transformer-XL", "UNet_3D_Medical", "VNet")
VOLUMES_UP_TO = 4  # nnUNet trains on volumes up to this batch, on slices from 32


def curves(data: Path) -> Iterator[tuple[str, list[Throughput]]]:
    """Yield (name, throughputs by batch size) of one network on one device."""
    found: dict[str, dict[int, float]] = {}
    with (data / "published/nvidia_deeplearningexamples.csv").open(encoding="utf-8") as file:
        for r in csv.DictReader(file):
            chosen = any(name in r["model"] for name in NETWORKS) and r["precision"]
            if chosen and r["metric"] == "throughput" and float(r["n_devices"] or 0) == 1:
                batch = int(float(r["per_device_batch"]))
                kind = " volumes" if "nnUNet" in r["model"] and batch <= VOLUMES_UP_TO else ""
                name = f"{r['model']}{kind} {r['device']} {r['precision']}"
                found.setdefault(name, {})[batch] = float(r["value"])
    for name, rates in sorted(found.items()):
        if len(rates) >= FEWEST:
            yield name, [Throughput(batch, rate) for batch, rate in sorted(rates.items())]


def errors(points: list[Throughput]) -> Iterator[tuple[int, float, float]]:
    """Yield (batch, octaves outside the others, log error) of each batch size left out in turn."""
    for left_out in points:
        line = BatchLine.of([point for point in points if point is not left_out], np.inf)
        measured_s = left_out.batch / left_out.samples_per_s
        error = float(np.log(line.time_s(left_out.batch) / measured_s))
        yield left_out.batch, line.octaves_outside(left_out.batch), error


def main() -> None:
    """Print every error and the two constants."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    inside: list[float] = []
    beyond: list[float] = []
    count = 0
    for name, points in curves(parser.parse_args().data):
        count += 1
        shown = []
        for batch, octaves, error in errors(points):
            (beyond if octaves else inside).append(abs(error) / max(octaves, 1.0))
            shown.append(f"{batch}: {np.expm1(error):+.1%}")
        print(f"{name:62s} {'  '.join(shown)}")
    for label, found in (("inside", inside), ("per_octave", beyond)):
        spread = np.quantile(found, 0.9) / Z90
        print(
            f"batch.{label:10s} {spread:.3f}  median {np.median(found):.1%}  n {len(found)}  curves {count}"
        )


if __name__ == "__main__":
    main()
