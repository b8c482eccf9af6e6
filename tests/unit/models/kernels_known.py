"""Kernels whose terms are round numbers, and a profile that holds them."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from nearlinear.models.compute_profile import ComputeProfile
from nearlinear.models.parameters import Parameters
from nearlinear.models.profile import Profile

FLOOR_S, RATE, BANDWIDTH = 1e-5, 1e12, 1e11


def family(
    name: str,
    *,
    floor_s: Sequence[float] = (FLOOR_S,),
    rate: Sequence[float] = (RATE,),
    bandwidth: Sequence[float] = (BANDWIDTH,),
    library: str = "torch",
    dtype: str = "float32",
    on_host: bool = False,
    devices: tuple[str, ...] = ("Tesla V100-SXM2-16GB",),
    spread: float = 0.0,
) -> ComputeProfile:
    """Return a family with samples of its terms."""
    memory = name == "memory"
    return ComputeProfile(
        family=name, library=library, dtype=dtype, on_host=on_host, devices=devices, spread=spread,
        floor_s=np.array(floor_s), rate_flop_per_s=None if memory else np.array(rate),
        bandwidth_bytes_per_s=np.array(bandwidth) if memory else None,
        cache_bytes=0.0, cached_bytes_per_s=None, low_bytes=1e3, high_bytes=1e8, sizes=17,
    )  # fmt: skip


def all_families(**terms: object) -> tuple[ComputeProfile, ...]:
    """Return the three families with the same terms."""
    return tuple(family(name, **terms) for name in ("dense", "convolution", "memory"))  # type: ignore[arg-type]


def profile_of(*families: ComputeProfile) -> Profile:
    """Return a profile of kernels alone."""
    return Profile(name="made-up", links=(), provenance={}, compute=families)


def in_one_run(parameters: Parameters) -> Parameters:
    """Return parameters whose other scales compute exactly as the measured one."""
    return replace(parameters, z_rerun=np.zeros_like(parameters.z_rerun))
