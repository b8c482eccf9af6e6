"""A family of kernels as a table of a profile file, with its samples beside."""

from dataclasses import asdict
from typing import Any

from nearlinear.models.arrays import FloatArray
from nearlinear.models.compute_profile import PLAIN, ComputeProfile


def stored(compute: ComputeProfile, samples: dict[str, FloatArray]) -> dict[str, Any]:
    """Return the table of a family; ``samples`` gets its arrays."""
    key = f"compute.{compute.family}.{compute.library}.{compute.dtype}"
    while f"{key}.floor_s" in samples:  # the same family of another device
        key += "+"
    samples.update({f"{key}.{name}": values for name, values in compute.terms.items()})
    return described(compute) | {"samples": key}


def described(compute: ComputeProfile) -> dict[str, Any]:
    """Return what was fitted, for people and for JSON: intervals instead of samples."""
    item: dict[str, Any] = {name: getattr(compute, name) for name in PLAIN}
    item["devices"] = list(compute.devices)
    item |= {name: asdict(interval) for name, interval in compute.intervals.items()}
    if compute.holdout is not None:
        item["holdout"] = asdict(compute.holdout)
    return item
