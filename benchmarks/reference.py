"""Write ``calibrate/data/systems.csv``: collectives of known systems, from which others are carried.

    python benchmarks/reference.py --data DIR > calibrate/data/systems.csv

Medians over versions of NCCL, element types and repeats, in microseconds, of ``nccl_by_system.csv``.
"""

import argparse
import csv
import sys
from pathlib import Path

import numpy as np
from logs import SYSTEMS, systems

from nearlinear.models.units import MICROSECOND


def main() -> None:
    """Print one row per system, collective and rank count; columns are sizes in bytes."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    times: dict[tuple[str, str, int], dict[int, list[float]]] = {}
    for log in systems(parser.parse_args().data / SYSTEMS):
        for row in range(len(log.points)):
            one = log.points[row]
            key = (log.family, str(one.operation), int(one.ranks))
            times.setdefault(key, {}).setdefault(int(one.size_bytes), []).append(float(one.time_s))
    sizes = sorted({size for by_size in times.values() for size in by_size})
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(["system", "operation", "ranks", *sizes])
    for key, by_size in sorted(times.items()):
        writer.writerow([*key, *(f"{np.median(by_size[size]) / MICROSECOND:.5g}" for size in sizes)])


if __name__ == "__main__":
    main()
