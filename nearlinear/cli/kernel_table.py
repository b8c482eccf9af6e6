"""The table of fitted kernels that ``nearlinear calibrate`` prints."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nearlinear.calibrate.compute.families import CalibratedCompute
    from nearlinear.models.link_profile import Holdout

COLUMNS = ("kernels", "through", "floor us", "GFLOP/s", "memory GB/s", "left out", "held-out sizes")


def print_kernels(families: "Sequence[CalibratedCompute]") -> None:
    """Print a row for each family, if there is any."""
    from nearlinear.cli.output import print_table

    if families:
        print_table(list(COLUMNS), [_row(family) for family in families], left=(0, 1, 6))


def _row(calibrated: "CalibratedCompute") -> list[str]:
    from nearlinear.models.units import GB, MICROSECOND

    compute, intervals = calibrated.compute, calibrated.compute.intervals
    rate, bandwidth = intervals.get("rate_flop_per_s"), intervals.get("bandwidth_bytes_per_s")
    return [
        compute.family,
        f"{compute.library} {compute.dtype}",
        intervals["floor_s"].shown(MICROSECOND),
        rate.shown(GB) if rate else "-",
        bandwidth.shown(GB) if bandwidth else "as memory",
        f"{compute.spread:.1%}",
        held(compute.holdout) if compute.holdout else "none",
    ]


def held(holdout: "Holdout") -> str:
    """Return errors on held-out sizes for people."""
    errors = f"median {holdout.median_ape:.1%}, p95 {holdout.p95_ape:.1%}"
    return f"{errors}, in band {holdout.coverage_90:.0%} of {holdout.points}"
