"""Samples per step over all devices: one number for every scale, or one for each."""

from dataclasses import dataclass
from typing import Any

from nearlinear.models.errors import SpecError
from nearlinear.models.option import count


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

    @property
    def text(self) -> str:
        """The batch in words."""
        if self.everywhere is not None:
            return f"global batch {self.everywhere}"
        samples = [one for _, one in self.by_devices]
        return f"global batch {min(samples)} to {max(samples)}"


def global_batch(raw: Any, where: str) -> GlobalBatch:
    """Return the batch of ``4096`` or of ``8:3200,64:12800``.

    Examples
    --------
    >>> global_batch("8:3200,64:12800", "--global-batch").at(64)
    12800
    """
    if isinstance(raw, int) or ":" not in str(raw):
        return GlobalBatch(count(raw, where))
    pairs = []
    for part in str(raw).split(","):
        devices, colon, samples = part.partition(":")
        if not colon:
            raise SpecError(where, "must be SAMPLES or DEVICES:SAMPLES,..., as in 8:3200,64:12800", got=raw)
        pairs.append((count(devices, where), count(samples, where)))
    if len({devices for devices, _ in pairs}) != len(pairs):
        raise SpecError(where, "must give each device count once", got=raw)
    return GlobalBatch(None, tuple(sorted(pairs)))


def plain(batch: GlobalBatch) -> int | str:
    """Return the batch as a file says it."""
    return batch.everywhere if batch.everywhere is not None else str(batch)
