"""Errors of fits to the bundled GPU logs, at sizes that were not fitted.

    python benchmarks/accuracy.py

For every seed a fifth of the sizes is held out; errors are those of a fit to the rest. The table of
docs/calibration.md is this output.
"""

import numpy as np

from nearlinear.calibrate.bundled import BUNDLED, BundledLogs
from nearlinear.calibrate.calibration import CalibrateSpec, fit_profile

SEEDS = range(20)
MIB = 2**20
RANGES = (("all sizes", 0), ("from 1 MiB", MIB), ("from 64 MiB", 64 * MIB))


def held_out(logs: BundledLogs) -> dict[str, np.ndarray]:
    """Return by level the sizes, relative errors and band hits of all seeds, shape (3, points)."""
    found: dict[str, list[np.ndarray]] = {}
    for seed in SEEDS:
        for calibrated in fit_profile(logs.files, CalibrateSpec(hints=logs.hints, seed=seed)).links:
            held, points = calibrated.held, calibrated.problem.points
            if held is not None:
                measured = points.time_s[held.held]
                inside = (held.low_s <= measured) & (measured <= held.high_s)
                errors = np.abs(held.median_s / measured - 1.0)
                rows = np.stack([points.size_bytes[held.held], errors, inside.astype(float)])
                found.setdefault(calibrated.link.level, []).append(rows)
    return {level: np.concatenate(rows, axis=1) for level, rows in found.items()}


def main() -> None:
    """Print one row per log, level and range of sizes."""
    print(
        "| logs | links | vectors | median error | 95th percentile | inside the 90 % band | held-out points |"
    )
    print("|---|---|---|---|---|---|---|")
    for logs in BUNDLED:
        for level, (sizes, errors, inside) in held_out(logs).items():
            for label, least in RANGES:
                some = sizes >= least
                if some.any():
                    print(f"| {logs.title} | {level} | {label} | {_row(errors[some], inside[some])} |")


def _row(errors: np.ndarray, inside: np.ndarray) -> str:
    median, tail = np.quantile(errors, [0.5, 0.95])
    return f"{median:.1%} | {tail:.1%} | {inside.mean():.0%} | {len(errors)}"


if __name__ == "__main__":
    main()
