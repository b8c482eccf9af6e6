"""Errors over the constants of curves and surfaces, each moved while the others stay as shipped.

    python benchmarks/weights.py --data DIR

``BEND`` lies between sizes of a curve: medians over all halves, single sizes and inner quarters held out of
allreduces, from 64 KiB. ``TREND``, ``POWER_WEIGHT`` and ``OTHERS_WEIGHT`` carry curves to other rank counts:
medians over all collectives of switched systems, a count held out of three, every size. A family never helps
with itself. The value that is shipped is marked.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from unittest.mock import patch

import numpy as np
from bands import errors_between, errors_of_ranks
from logs import Log, all_logs

from nearlinear.calibrate.curves import surface_fit
from nearlinear.calibrate.curves.reference import SWITCHED
from nearlinear.models.collectives import curve, surface

GRID = (0.0, 0.1, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6, 0.75, 1.0)
WAYS = ("half", "one", "block")


def between(found: Sequence[Log]) -> list[str]:
    """Return the median error of each way of holding sizes out, in percent."""
    errors = errors_between(found)
    return [_median([one.error for one in errors if one.way == way]) for way in WAYS]


def across(found: Sequence[Log]) -> list[str]:
    """Return the median error of counts between two others, and beyond them, in percent."""
    steps = [step for step in errors_of_ranks(found) if step.kind == SWITCHED]
    return [_median([step.error for step in steps if step.way == way]) for way in ("between", "beyond")]


def _median(parts: Sequence[np.ndarray]) -> str:
    return f"{100 * np.median(np.abs(np.expm1(np.concatenate(parts)))):.2f}"


def main() -> None:
    """Print a row for each value of each constant."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    found = [log for log in all_logs(parser.parse_args().data) if log.evidence]
    allreduces = [log.of("allreduce", least_bytes=64 * 1024) for log in found]
    cases: tuple[tuple[ModuleType, str], ...] = (
        (curve, "BEND"), (surface, "TREND"), (surface, "POWER_WEIGHT"), (surface_fit, "OTHERS_WEIGHT"),
    )  # fmt: skip
    for module, name in cases:
        heads = WAYS if module is curve else ("between two counts", "beyond two counts")
        print(f"\n| {name} | {' | '.join(heads)} |\n|---|{'---|' * len(heads)}")
        shipped = getattr(module, name)
        for value in GRID:
            with patch.object(module, name, value):
                row = between(allreduces) if module is curve else across(found)
            print(f"| {value:g}{' (shipped)' if value == shipped else ''} | {' | '.join(row)} |")


if __name__ == "__main__":
    main()
