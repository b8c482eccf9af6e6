"""Measured speed of a family of kernels: what a profile knows of computing on one device.

    t(kernel) = floor + max(flop / rate, bytes / bandwidth)

Bytes are those of all operands, moved once, as a roofline counts them. A family has the terms that its
measurements showed: kernels of the memory family do hardly any operations and have no rate; the sizes of
a matrix product that are bound by memory may all be hidden behind the floor.

References
----------
Williams, Waterman and Patterson 2009, "Roofline".
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nearlinear.models.arrays import FloatArray
from nearlinear.models.errors import SpecError
from nearlinear.models.link_profile import Holdout, Interval
from nearlinear.models.strict import ROUNDED, WIDEST_SPREAD, build, check_types

DENSE, CONVOLUTION, MEMORY = "dense", "convolution", "memory"
FAMILIES = (DENSE, CONVOLUTION, MEMORY)
TERMS = ("floor_s", "rate_flop_per_s", "bandwidth_bytes_per_s", "cached_bytes_per_s")
PLAIN = (
    "family", "library", "dtype", "on_host", "cache_bytes", "spread", "low_bytes", "high_bytes", "sizes",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ComputeProfile:
    """The fitted time of one family of kernels.

    Attributes
    ----------
    family : {"dense", "convolution", "memory"}
        Matrix products, 3 x 3 convolutions, or copies and additions.
    library, dtype : str
        Array library that computed, and the element type.
    on_host : bool
        Whether it ran on processors, not on an accelerator.
    devices : tuple of str
        What it ran on, in the words of the machine; empty where nobody knows.
    floor_s : ndarray, shape (n,)
        Seconds of the smallest kernel. Row 0 of every term is the best fit, the others a bootstrap.
    rate_flop_per_s : ndarray, shape (n,), or None
        Operations per second; None where no size was bound by them.
    bandwidth_bytes_per_s : ndarray, shape (n,), or None
        Bytes per second of operands beyond ``cache_bytes``; None where no size was bound by them.
    cache_bytes : float
        Moved bytes up to which operands came from caches; 0 where no such edge was seen.
    cached_bytes_per_s : ndarray, shape (n,), or None
        Bytes per second up to there.
    spread : float
        Standard deviation of what the fit leaves out, in log time.
    low_bytes, high_bytes : float
        Smallest and largest operands that were measured.
    sizes : int
        How many sizes were measured, over all kernels of the family.
    holdout : Holdout or None
        Errors on sizes that a fit to the others did not see.
    """

    family: str
    library: str
    dtype: str
    on_host: bool
    devices: tuple[str, ...]
    floor_s: FloatArray
    rate_flop_per_s: FloatArray | None
    bandwidth_bytes_per_s: FloatArray | None
    cache_bytes: float
    cached_bytes_per_s: FloatArray | None
    spread: float
    low_bytes: float
    high_bytes: float
    sizes: int
    holdout: Holdout | None = None

    def __post_init__(self) -> None:
        if self.family not in FAMILIES:
            rule = f"must be one of {', '.join(FAMILIES)}"
            raise SpecError("compute", rule, field="family", got=self.family)
        bound = "bandwidth_bytes_per_s" if self.family == MEMORY else "rate_flop_per_s"
        if getattr(self, bound) is None:
            raise SpecError("compute", f"kernels of the {self.family} family need {bound}")
        if (self.cache_bytes > 0) != (self.cached_bytes_per_s is not None):
            raise SpecError("compute", "cache_bytes and cached_bytes_per_s belong together")
        if len({len(samples) for samples in self.terms.values()}) > 1:
            raise SpecError("compute", "must have as many samples of every term")

    @property
    def terms(self) -> dict[str, FloatArray]:
        """Samples of the terms that are known, by name."""
        found = {name: getattr(self, name) for name in TERMS}
        return {name: samples for name, samples in found.items() if samples is not None}

    @property
    def intervals(self) -> dict[str, Interval]:
        """Intervals of the terms that are known, by name."""
        return {name: Interval.of(samples[:, None]) for name, samples in self.terms.items()}


def read_compute(
    items: Sequence[Mapping[str, Any]], samples: Mapping[str, FloatArray], where: str
) -> tuple[ComputeProfile, ...]:
    """Return the families of kernels of a profile file.

    Parameters
    ----------
    items : sequence of mapping
        Tables ``[[compute]]``.
    samples : mapping of str to ndarray
        Arrays of the ``.npz``.
    where : str
        The file.

    Raises
    ------
    SpecError, KeyError, TypeError, ValueError
        A table is not whole or does not fit its samples.
    """
    return tuple(_read(item, samples, where) for item in items)


def _read(item: Mapping[str, Any], samples: Mapping[str, FloatArray], where: str) -> ComputeProfile:
    key = item["samples"]
    terms = {name: _positive(samples[f"{key}.{name}"], where) if name in item else None for name in TERMS}
    if terms["floor_s"] is None:
        raise SpecError(where, "kernels need floor_s")
    read = ComputeProfile(
        **{name: item[name] for name in PLAIN},
        **terms,  # type: ignore[arg-type]
        devices=tuple(item["devices"]),
        holdout=build(Holdout, item["holdout"], where) if "holdout" in item else None,
    )
    check_types(read, where)
    if not (0 <= read.spread <= WIDEST_SPREAD and 0 < read.low_bytes <= read.high_bytes):
        raise SpecError(where, f"spread must lie in 0..{WIDEST_SPREAD:g}, and low_bytes at most high_bytes")
    _check_told(read, item, where)
    return read


def _check_told(read: ComputeProfile, item: Mapping[str, Any], where: str) -> None:
    """Refuse best values for people that are not those of the samples, which are what is used."""
    for name, interval in read.intervals.items():
        if abs(item[name]["best"] / interval.best - 1.0) > ROUNDED:
            raise SpecError(where, "must be that of the samples beside", field=name, got=item[name]["best"])


def _positive(values: FloatArray, where: str) -> FloatArray:
    """Return samples that a time can be made of."""
    if values.ndim != 1 or not len(values) or not (np.isfinite(values).all() and (values > 0).all()):
        raise SpecError(where, "samples of kernels must be finite and > 0")
    return values
