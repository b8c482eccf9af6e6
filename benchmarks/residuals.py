"""Recompute ``[residual]`` of ``models/data/priors.toml``: how far fits err where they did not look.

    python benchmarks/residuals.py --data DIR

DIR holds ``collective_logs/nccl_by_system.csv`` (ai-dynamo/aiconfigurator, NVIDIA, Apache-2.0): allreduce
of 2, 4 and 8 GPUs of one node on five systems and several NCCL versions.
"""

import argparse
import csv
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from nearlinear.calibrate.fit import fit
from nearlinear.calibrate.importers import Imported
from nearlinear.calibrate.points import Points, medians
from nearlinear.calibrate.problem import Problem
from nearlinear.calibrate.splits import hold_out_sizes
from nearlinear.measure.records import Sample
from nearlinear.models.arrays import FloatArray
from nearlinear.models.prediction import Z90

SEEDS = 5


def curves(path: Path) -> Iterator[tuple[str, Points]]:
    """Yield the points of every system, version and type, all rank counts together."""
    groups: dict[str, list[Sample]] = {}
    with path.open(newline="", encoding="utf-8") as file:
        for r in csv.DictReader(file):
            if r["collective"] == "all_reduce":
                key = f"{r['system']} {r['ccl_version']} {r['dtype']}"
                group = groups.setdefault(key, [])
                group.append(
                    Sample(
                        operation="allreduce",
                        algorithm="vendor",
                        transport="nccl",
                        dtype=r["dtype"],
                        placement="out",
                        size_bytes=int(float(r["size_bytes"])),
                        ranks=int(r["nranks"]),
                        nodes=1,
                        repetition=len(group),
                        mode="pipelined",
                        statistic="mean",
                        time_s=float(r["time_us"]) * 1e-6,
                    )
                )
    for key, samples in groups.items():
        yield key, medians([Imported(path=key, format="csv", samples=tuple(samples))])


def errors(points: Points, fitted: np.ndarray, held: np.ndarray) -> FloatArray:
    """Return log errors at held points of a fit to others."""
    seen = fit(Problem.of(points[fitted]))
    return np.asarray(Problem.of(points[held]).residuals(seen.theta, seen.breaks)[0])


def inside(points: Points) -> FloatArray:
    """Return errors at random halves of the sizes."""
    found = []
    for seed in range(SEEDS):
        held = hold_out_sizes(points, 0.5, seed)
        found.append(errors(points, ~held, held))
    return np.concatenate(found)


def beyond(points: Points) -> FloatArray:
    """Return errors per octave at the three largest sizes."""
    last = np.unique(points.size_bytes)[-4]
    held = points.size_bytes > last
    return np.asarray(errors(points, ~held, held) / np.log2(points.size_bytes[held] / last))


def doubling(points: Points, known: int) -> FloatArray:
    """Return errors at twice the known ranks."""
    return errors(points, points.ranks == known, points.ranks == 2 * known)


def main() -> None:
    """Print the constants, NVSwitch systems and all systems apart."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    path = parser.parse_args().data / "collective_logs/nccl_by_system.csv"
    found: dict[str, dict[str, list[FloatArray]]] = {"NVSwitch": {}, "PCI Express": {}}
    for name, points in curves(path):
        kind = found["PCI Express" if name.startswith("rtx") else "NVSwitch"]
        for ranks in (2, 4, 8):
            one = points[points.ranks == ranks]
            kind.setdefault("inside", []).append(inside(one))
            kind.setdefault("per_octave", []).append(beyond(one))
        for known in (2, 4):
            kind.setdefault("per_doubling", []).append(doubling(points, known))
    names = list(found["NVSwitch"])
    found["all"] = {name: [*found["NVSwitch"][name], *found["PCI Express"][name]] for name in names}
    for kind_name, constants in found.items():
        for name, parts in constants.items():
            values = np.abs(np.concatenate(parts))
            spread = np.quantile(values, 0.9) / Z90
            middle = f"median error {np.median(values):.1%}  n {len(values)}"
            print(f"{kind_name:12s} {name:13s} spread {spread:.3f}  {middle}")


if __name__ == "__main__":
    main()
