"""Two runs of the same measurements compared: by how much each became slower, and how sure that is.

The effect is the ratio of medians, after over before. Its 95 % interval is a bootstrap over the samples of
both runs; where a run has too few, it comes from how the ratios of all such cells scatter, so that a log
with one number per size can be compared, too. Among many cells one in twenty differs by chance.

References
----------
Kalibera and Jones 2013, "Rigorous benchmarking in reasonable time", section 7 (effect sizes, not p-values).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nearlinear.calibrate.importers.imported import Imported
from nearlinear.measure.records import Sample, samples_by
from nearlinear.models.arrays import FloatArray
from nearlinear.models.errors import ContentError

KEY = (
    "operation", "algorithm", "transport", "dtype", "wire_dtype", "placement", "mode", "waiting", "ranks",
    "nodes", "among", "size_bytes",
)  # fmt: skip
REPLICATES = 1000
FEWEST = 6  # samples that a bootstrap of a median makes sense of
MAD_TO_SIGMA, Z95 = 1.4826, 1.96
SMALLEST_NOISE = 0.01  # of single numbers: printed times have three or four digits


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One cell in both runs.

    Attributes
    ----------
    cell : dict
        Operation, way, scale and size.
    before_s, after_s : float
        Medians.
    samples : tuple of int
        Before and after.
    ratio, low, high : float
        After over before, with its 95 % interval.
    """

    cell: dict[str, Any]
    before_s: float
    after_s: float
    samples: tuple[int, int]
    ratio: float
    low: float
    high: float

    @property
    def verdict(self) -> str:
        """``slower`` or ``faster`` where the interval leaves 1 out, else ``same``."""
        if self.low > 1.0:
            return "slower"
        return "faster" if self.high < 1.0 else "same"


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """All cells of two runs: those in both, and how many were in one only."""

    changes: tuple[Change, ...]
    only_before: int
    only_after: int

    def worse(self, verdict: str, fraction: float) -> list[Change]:
        """Return cells that are surely of a verdict, by more than a fraction in the middle."""
        wanted = ("slower", "faster") if verdict == "changed" else (verdict,)
        return [c for c in self.changes if c.verdict in wanted and _by(c) > fraction]


def compare_runs(before: Imported, after: Imported, seed: int = 0) -> Comparison:
    """Return how two runs differ, cell by cell.

    Raises
    ------
    ContentError
        They have no cell in common.
    """
    groups = [samples_by((s for s in run.samples if s.correct is not False), *KEY) for run in (before, after)]
    both = [key for key in groups[0] if key in groups[1]]
    if not both:
        told = f"must share a measurement with {before.path}"
        raise ContentError(after.path, told, remedy="same operation, transport, type, ranks and sizes")
    times = [(_times(groups[0][key]), _times(groups[1][key])) for key in both]
    rng = np.random.default_rng(seed)
    noise = _noise(times)
    changes = [_change(key, pair, noise, rng) for key, pair in zip(both, times, strict=True)]
    return Comparison(
        changes=tuple(changes), only_before=len(groups[0]) - len(both), only_after=len(groups[1]) - len(both)
    )


def _times(samples: Sequence[Sample]) -> FloatArray:
    return np.array([sample.time_s for sample in samples])


def _noise(times: Sequence[tuple[FloatArray, FloatArray]]) -> float:
    """Return the standard deviation of the log ratio of cells with few samples, around their middle."""
    ratios = np.array([_log_ratio(a, b) for a, b in times if min(len(a), len(b)) < FEWEST])
    if not len(ratios):
        return SMALLEST_NOISE
    return max(MAD_TO_SIGMA * float(np.median(np.abs(ratios - np.median(ratios)))), SMALLEST_NOISE)


def _log_ratio(before_s: FloatArray, after_s: FloatArray) -> float:
    return float(np.log(np.median(after_s) / np.median(before_s)))


def _change(
    key: tuple[Any, ...], pair: tuple[FloatArray, FloatArray], noise: float, rng: np.random.Generator
) -> Change:
    before_s, after_s = pair
    middle = _log_ratio(before_s, after_s)
    low, high = middle - Z95 * noise, middle + Z95 * noise
    if min(len(before_s), len(after_s)) >= FEWEST:
        low, high = np.percentile(_medians(after_s, rng) - _medians(before_s, rng), [2.5, 97.5])
    return Change(
        cell=dict(zip(KEY, key, strict=True)),
        before_s=float(np.median(before_s)),
        after_s=float(np.median(after_s)),
        samples=(len(before_s), len(after_s)),
        ratio=float(np.exp(middle)),
        low=float(np.exp(min(low, middle))),
        high=float(np.exp(max(high, middle))),
    )


def _medians(times_s: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Return the log of bootstrapped medians."""
    drawn = times_s[rng.integers(len(times_s), size=(REPLICATES, len(times_s)))]
    return np.asarray(np.log(np.median(drawn, axis=1)))


def _by(change: Change) -> float:
    """Return how much slower, or how much faster, as a fraction of the time before."""
    return change.ratio - 1.0 if change.ratio >= 1.0 else 1.0 - change.ratio
