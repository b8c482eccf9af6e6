"""The loop closed on shaped links: calibrated on 2 and 4 hosts, what 8 hosts will take, beside what they do.

    python -m tests.emulated.scaled

Prints a table and the median error of the points that the processors did not limit. Needs what the tests
of this folder need, and about two minutes.
"""

import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nearlinear.calibrate.calibration import CalibrateSpec, Calibration, fit_profile
from nearlinear.calibrate.health import Curve, check_run
from nearlinear.calibrate.importers import Hints, Imported, read_measurements
from nearlinear.calibrate.points import medians
from nearlinear.models.units import format_size
from tests.emulated.cluster import EmulatedCluster, missing

RATE_BIT_PER_S = 50e6  # two cores carry eight TCP stacks at this rate
KNOWN, ASKED = (2, 4), 8
ALGORITHMS = ("ring", "tree", "ps")
# Every host waits asleep, because 4 and 8 must, and times of ranks that poll differ from theirs. From
# 64 KiB on a link is busy for longer than a message costs the processors.
MEASURE = [
    "-m", "nearlinear.cli.app", "measure", "--ops", "allreduce", "--algorithms", ",".join(ALGORITHMS),
    "--sizes", "64K..1M", "--repetitions", "5", "--precision", "0", "--budget", "120s", "--waiting", "sleep",
]  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A point on the larger cluster.

    Attributes
    ----------
    algorithm, size_bytes : str, float
        What ran.
    measured_s : float
        Median.
    low_s, median_s, high_s : float
        Predicted: 90 % band and its middle.
    bound : bool
        Whether the record says that the processors may have been the limit.
    """

    algorithm: str
    size_bytes: float
    measured_s: float
    low_s: float
    median_s: float
    high_s: float
    bound: bool

    @property
    def error(self) -> float:
        """Predicted over measured, less one."""
        return self.median_s / self.measured_s - 1


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Loop:
    """A calibration of small clusters, and how it does on the large one.

    Attributes
    ----------
    calibration : Calibration
        Of ``KNOWN`` hosts.
    rows : tuple of Row
        Of ``ASKED`` hosts.
    notes : tuple of str
        What was said about these.
    """

    calibration: Calibration
    rows: tuple[Row, ...]
    notes: tuple[str, ...]

    @property
    def free(self) -> list[Row]:
        """Points that the processors did not limit."""
        return [row for row in self.rows if not row.bound]

    @property
    def median_error(self) -> float:
        """Median of the absolute error of these; NaN where there is none."""
        return median_error(self.free)


def median_error(rows: Sequence[Row]) -> float:
    """Return the median of the absolute error; NaN of no row."""
    return float(np.median([abs(row.error) for row in rows])) if rows else np.nan


def close_the_loop(folder: Path) -> Loop:
    """Measure on all scales, fit to the small ones, and return what that says of the large one."""
    calibration = fit_profile([measured(hosts, folder) for hosts in KNOWN], CalibrateSpec(holdout=0.0))
    run, notes = read_measurements(measured(ASKED, folder), Hints()), []  # type: Imported, list[str]
    curves = check_run(run, calibration.profile, None, notes)
    rows = tuple(row for curve in curves for row in _rows(curve, run))
    return Loop(calibration=calibration, rows=rows, notes=tuple(notes))


def measured(hosts: int, folder: Path) -> Path:
    """Return the record of a cluster with so many hosts."""
    out = folder / f"{hosts}.jsonl"
    with EmulatedCluster(hosts, RATE_BIT_PER_S) as cluster:
        done = cluster.run(hosts, [*MEASURE, "-o", str(out)], cwd=folder)
    assert done.returncode == 0, done.stderr
    return out


def _rows(curve: Curve, run: Imported) -> list[Row]:
    points = medians([run])
    mine = points[points.algorithm == curve.kind.algorithm]
    bound = dict(zip(mine.size_bytes.tolist(), mine.bound.tolist(), strict=True))
    columns = (curve.size_bytes, curve.measured_s, curve.low_s, curve.median_s, curve.high_s)
    return [
        Row(algorithm=curve.kind.algorithm, size_bytes=size, measured_s=measured_s, low_s=low_s,
            median_s=median_s, high_s=high_s, bound=bound[size])
        for size, measured_s, low_s, median_s, high_s in zip(*map(np.ndarray.tolist, columns), strict=True)
    ]  # fmt: skip


def main() -> int:
    """Print a row per algorithm and size."""
    if missing() is not None:
        print(missing(), file=sys.stderr)
        return 6
    with tempfile.TemporaryDirectory() as folder:
        loop = close_the_loop(Path(folder))
    print("| algorithm | vector | measured, ms | predicted, ms (90 % band) | error | processors the limit |")
    print("|---|---|---:|---:|---:|---|")
    for row in loop.rows:
        band = f"{row.median_s * 1e3:.1f} ({row.low_s * 1e3:.1f} - {row.high_s * 1e3:.1f})"
        told = "maybe" if row.bound else "no"
        print(
            f"| {row.algorithm} | {format_size(row.size_bytes)} | {row.measured_s * 1e3:.1f} | {band} "
            f"| {row.error:+.1%} | {told} |"
        )
    print(f"\nmedian error {median_error(loop.rows):.1%} of all {len(loop.rows)} points")
    if loop.free:
        print(f"{loop.median_error:.1%} of the {len(loop.free)} points that the processors did not limit")
    for note in (*loop.calibration.notes, *loop.notes):
        print(note)
    return 0


if __name__ == "__main__":
    sys.exit(main())
