"""Samples per step over all devices: one number for every scale, or one for each."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from nearlinear.models.errors import SpecError
from nearlinear.models.option import count

FORM = re.compile(r"0*[1-9]\d*|0*[1-9]\d*:0*[1-9]\d*(,\s*0*[1-9]\d*:0*[1-9]\d*)*")


@dataclass(frozen=True, slots=True)
class GlobalBatch:
    """The global batch of a plan.

    Attributes
    ----------
    everywhere : int or None
        At every scale; None where scales have their own.
    by_devices : tuple of (int, int)
        Devices and samples of each scale that has its own, devices rising.
    """

    everywhere: int | None
    by_devices: tuple[tuple[int, int], ...] = ()

    def __str__(self) -> str:
        if self.everywhere is not None:
            return str(self.everywhere)
        return ",".join(f"{devices}:{samples}" for devices, samples in self.by_devices)

    def at(self, devices: int) -> int:
        """Return the samples of a step on so many devices.

        Raises
        ------
        SpecError
            The scale has none.
        """
        if self.everywhere is not None:
            return self.everywhere
        for scale, samples in self.by_devices:
            if scale == devices:
                return samples
        remedy = f"add {devices}:SAMPLES"
        raise SpecError(
            "--global-batch", f"must say the batch of {devices} devices", got=str(self), remedy=remedy
        )

    def text(self, devices: Sequence[int]) -> str:
        """Return the batch at so many devices in words."""
        if self.everywhere is not None:
            return f"global batch {self.everywhere}, strong scaling"
        samples = [self.at(one) for one in devices]
        return f"global batch {min(samples)} to {max(samples)}, by scale"


def global_batch(raw: Any, where: str) -> GlobalBatch:
    """Return the batch of ``4096`` or of ``8:3200,64:12800``.

    Examples
    --------
    >>> global_batch("8:3200,64:12800", "--global-batch").at(64)
    12800
    """
    if isinstance(raw, int) and not isinstance(raw, bool) and raw >= 1:
        return GlobalBatch(raw)
    form = FORM.fullmatch(raw.strip()) if isinstance(raw, str) else None
    if form is None:
        raise SpecError(where, "must be SAMPLES or DEVICES:SAMPLES,..., as in 8:3200,64:12800", got=raw)
    if ":" not in raw:
        return GlobalBatch(count(raw, where))
    parts = [part.split(":") for part in raw.split(",")]
    pairs = [(count(devices, where), count(samples, where)) for devices, samples in parts]
    if len({devices for devices, _ in pairs}) != len(pairs):
        raise SpecError(where, "must give each device count once", got=raw)
    return GlobalBatch(None, tuple(sorted(pairs)))


def plain(batch: GlobalBatch) -> int | str:
    """Return the batch as a file says it."""
    return batch.everywhere if batch.everywhere is not None else str(batch)
