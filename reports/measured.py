"""Samples summed up: one row per operation, way and size, with its spread and what to beware of."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from nearlinear.calibrate.importers.names import bus_factor
from nearlinear.measure.operations.table import OPERATIONS
from nearlinear.measure.protocol.stopping import half_width
from nearlinear.measure.records import Sample, samples_by

KEY = (
    "operation", "algorithm", "transport", "dtype", "wire_dtype", "ranks", "nodes", "among", "mode",
    "waiting", "placement", "size_bytes",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """All samples of one cell.

    Attributes
    ----------
    operation … size_bytes
        As in the samples.
    samples : int
        How many there are.
    time_s, low_s, high_s : float
        Median, 5th and 95th percentile.
    half_width : float
        Half the 95 % interval of the median, relative to it.
    skew_s : float or None
        Median between the first and the last rank to start.
    wrong_elements : int or None
        The most that any sample had; None where nothing was checked.
    processor_bound : bool
        Whether for half of the samples or more the processors may have been the limit.
    cpu_busy, cpu_waiting : float or None
        Median shares, where they are known.
    algorithm_bandwidth, bus_bandwidth : float
        Bytes per second as nccl-tests defines them.
    flop_per_s, moved_bytes_per_s : float or None
        Of a kernel.
    """

    operation: str
    algorithm: str
    transport: str
    dtype: str
    wire_dtype: str
    ranks: int
    nodes: int
    among: tuple[int, ...] | None
    mode: str
    waiting: str
    placement: str
    size_bytes: int
    samples: int
    time_s: float
    low_s: float
    high_s: float
    half_width: float
    skew_s: float | None
    wrong_elements: int | None
    processor_bound: bool
    cpu_busy: float | None
    cpu_waiting: float | None
    algorithm_bandwidth: float
    bus_bandwidth: float
    flop_per_s: float | None
    moved_bytes_per_s: float | None

    @property
    def limit(self) -> str:
        """What limited it: ``cpu`` where the processors may have, ``ok`` where not, ``-`` if unknown."""
        if self.processor_bound:
            return "cpu"
        return "-" if self.cpu_busy is None and self.cpu_waiting is None else "ok"

    def plain(self) -> dict[str, Any]:
        """Return it as JSON values."""
        values = asdict(self)
        values["half_width"] = self.half_width if np.isfinite(self.half_width) else None
        band = {"median": values.pop("time_s"), "low": values.pop("low_s"), "high": values.pop("high_s")}
        rates = ("algorithm_bandwidth", "bus_bandwidth")
        return {
            **{name: value for name, value in values.items() if name not in rates},
            "time_s": band,
            **{f"{name}_bytes_per_s": values[name] for name in rates},
        }


def summaries(samples: Iterable[Sample]) -> list[Summary]:
    """Return a summary of every cell, operations in the order of the table, then by way, ranks, size."""
    groups = samples_by(samples, *KEY)
    keys = sorted(groups, key=lambda key: (_place(key[0]), key[:2], key[5:7], key[2:5], str(key[7]), key[8:]))
    return [_summary(key, groups[key]) for key in keys]


def _place(operation: str) -> int:
    """Return where an operation stands in tables; operations of other tools come last."""
    return OPERATIONS.index(operation) if operation in OPERATIONS else len(OPERATIONS)


def _summary(key: tuple[Any, ...], group: list[Sample]) -> Summary:
    named = dict(zip(KEY, key, strict=True))
    low, median, high = np.percentile([s.time_s for s in group], [5, 50, 95])
    checked = [s.wrong_elements if s.wrong_elements is not None else int(not s.correct) for s in group
               if s.correct is not None]  # fmt: skip
    first, bandwidth = group[0], named["size_bytes"] / median
    if named["operation"] == "contention":
        bandwidth *= named["ranks"] // 2  # all pairs together
    return Summary(
        **named,
        samples=len(group),
        time_s=float(median),
        low_s=float(low),
        high_s=float(high),
        half_width=half_width(np.array([s.time_s for s in group])),
        skew_s=_median([s.skew_s for s in group]),
        wrong_elements=max(checked) if checked else None,
        processor_bound=sum(s.processor_bound for s in group) * 2 >= len(group),
        cpu_busy=_median([s.cpu_busy for s in group]),
        cpu_waiting=_median([s.cpu_waiting for s in group]),
        algorithm_bandwidth=float(bandwidth),
        bus_bandwidth=float(bandwidth * bus_factor(named["operation"], named["ranks"])),
        flop_per_s=first.flop / float(median) if first.flop else None,
        moved_bytes_per_s=first.moved_bytes / float(median) if first.moved_bytes else None,
    )


def _median(values: list[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.median(known)) if known else None


def rate_text(bytes_per_s: float) -> str:
    """Return GB/s with the two digits of nccl-tests, or four where two would hold nothing."""
    value = bytes_per_s / 1e9
    return f"{value:.2f}" if value >= 0.1 or value == 0 else f"{value:.4f}"


def band_us(row: Summary) -> str:
    """Return 5th to 95th percentile in microseconds."""
    return f"{row.low_s * 1e6:.4g}-{row.high_s * 1e6:.4g}"
