"""The fit of every family of kernels, or a note why it is left out."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from nearlinear.calibrate.compute.kernel_errors import bootstrap, check_held_out, spread_of
from nearlinear.calibrate.compute.kernel_fit import SEEN, KernelFit, fit_kernels, unseen
from nearlinear.calibrate.compute.kernel_points import Group, KernelPoints, kernel_points
from nearlinear.calibrate.importers.imported import Imported
from nearlinear.calibrate.levels import WIDEST_FACTOR
from nearlinear.calibrate.spec import CalibrateSpec
from nearlinear.models.compute_profile import MEMORY, TERMS, ComputeProfile
from nearlinear.models.errors import FitError
from nearlinear.models.units import format_size

WORDS = {"rate_flop_per_s": "rate", "bandwidth_bytes_per_s": "bandwidth", "cached_bytes_per_s": "cache"}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CalibratedCompute:
    """One family of kernels: its profile, and the points it was made from."""

    compute: ComputeProfile
    points: KernelPoints


def fit_compute(files: Sequence[Imported], spec: CalibrateSpec, notes: list[str]) -> list[CalibratedCompute]:
    """Return the fit of every family, element type and library; ``notes`` gets what is left out."""
    found = []
    for group, points in kernel_points(files, notes).items():
        try:
            found.append(_fit(group, points, spec, notes))
        except FitError as error:
            notes.append(f"{str(error).replace(error.where, str(group), 1)}; left out")
    return found


def _fit(group: Group, points: KernelPoints, spec: CalibrateSpec, notes: list[str]) -> CalibratedCompute:
    best = fit_kernels(points, group.family)
    hidden = unseen(best, points)
    if hidden:
        largest = format_size(points.size_bytes.max())
        rule = f"{WORDS[hidden[0]]} is not identified, even {largest} take hardly longer than less"
        raise FitError("calibrate", rule, remedy="sweep to larger sizes")
    theta = bootstrap(best, points, spec.replicates, spec.seed)
    compute = _profile(group, points, best, theta, spec)
    _check_useful(compute)
    notes += _floor_hidden(group, best, points)
    return CalibratedCompute(compute=compute, points=points)


def _profile(
    group: Group, points: KernelPoints, best: KernelFit, theta: np.ndarray, spec: CalibrateSpec
) -> ComputeProfile:
    """Return the profile of a fit; seconds per operation and per byte become rates."""
    logs = dict(zip(best.shape.terms, theta.T, strict=True))
    terms = {name: np.exp(logs[name] if name == "floor_s" else -logs[name]) for name in logs}
    return ComputeProfile(
        family=group.family,
        library=group.library,
        dtype=group.dtype,
        on_host=group.on_host,
        devices=group.devices,
        **{name: terms.get(name) for name in TERMS},  # type: ignore[arg-type]
        cache_bytes=best.shape.cache_bytes,
        spread=spread_of(best, points, spec.seed),
        low_bytes=float(points.size_bytes.min()),
        high_bytes=float(points.size_bytes.max()),
        sizes=len(points),
        holdout=check_held_out(points, group.family, spec) if spec.holdout else None,
    )


def _check_useful(compute: ComputeProfile) -> None:
    """Refuse an interval of what bounds the family that says nothing."""
    name = "bandwidth_bytes_per_s" if compute.family == MEMORY else "rate_flop_per_s"
    interval = compute.intervals[name]
    if interval.high / interval.low > WIDEST_FACTOR:
        raise FitError(
            "calibrate",
            f"the 90 % interval of the {WORDS[name]} spans a factor of {interval.high / interval.low:.0f}",
            remedy="measure more sizes, larger ones, or with more repetitions",
        )


def _floor_hidden(group: Group, best: KernelFit, points: KernelPoints) -> list[str]:
    """Return a warning where no size is small enough to show the floor."""
    if (best.shares(points)["floor_s"] >= SEEN).any():
        return []
    smallest = format_size(points.size_bytes.min())
    return [f"{group}: floor is not identified, {smallest} is the smallest size; sweep from 1K"]
