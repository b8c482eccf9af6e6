"""Recompute ``calibrate/data/bands.toml``: how wide a 90 % band between, beyond and across measurements is.

    python benchmarks/bands.py --data DIR > calibrate/data/bands.toml

Errors are those of GPU collectives whose sizes, rank counts or runs were held out. Between sizes: a
regression of the 0.9-quantile of log |error| by iteratively reweighted least squares (every log and way of
holding out weighs the same), times one conformal factor.
"""

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from logs import Log, all_logs

from nearlinear.calibrate.curves.half_width import FLOOR, Widths, features
from nearlinear.calibrate.curves.reference import NETWORK, SHARED, SWITCHED, fabric
from nearlinear.calibrate.curves.series import WITHOUT_RANKS, WITHOUT_SIZE, Series
from nearlinear.calibrate.curves.surface_fit import carried, surface_of
from nearlinear.calibrate.importers import Imported
from nearlinear.calibrate.points import Points, groups, medians
from nearlinear.models.arrays import FloatArray
from nearlinear.models.collectives.curve import between
from nearlinear.models.link_profile import RANK_POWER

HEAD = """\
# How wide 90 % bands are, in log time. Errors of GPU collectives with sizes, rank counts or runs held out:
# ai-dynamo/aiconfigurator (five systems), and logs of superbenchmark, MLPerf start-up checks, aws-samples,
# CoreWeave, GoogleCloudPlatform and nccl-eBPF; `ranks` and `runs` from aiconfigurator alone, `ranks.network`
# from jobs on 4, 16 and 32 nodes of Lassen (converged-computing), which differ by more than their counts.
# Printed by: python benchmarks/bands.py --data DIR   (2026-11-25)"""
SEEDS = 5
COVERED = 0.9
ROUNDS = 80
LEAST = 1e-4  # of an error: its logarithm must be finite
COLLECTIVES = ("allreduce", "allgather", "reduce-scatter", "alltoall", "broadcast", "reduce")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Errors:
    """Held-out sizes of one log held out in one way: log errors and what may tell them, shape (points,)."""

    family: str
    log: str
    way: str
    error: FloatArray
    local: FloatArray
    apart: FloatArray


def sweeps(log: Log) -> Iterator[Series]:
    """Yield the series of a log's GPU collectives."""
    for rows in groups(log.points, WITHOUT_SIZE):
        points = log.points[rows]
        if points.transport[0] == "nccl" and points.operation[0] in COLLECTIVES and len(points) > 2:
            yield Series.of(points)


def held_out(count: int) -> Iterator[tuple[str, np.ndarray]]:
    """Yield masks over ``count`` sizes: random halves, every inner size, every inner quarter."""
    for seed in range(SEEDS):
        mask = np.zeros(count, dtype=bool)
        mask[np.random.default_rng(seed).permutation(count)[: round(count / 2)]] = True
        yield "half", mask
    for way, width in (("one", 1), ("block", max(count // 4, 1))):
        for start in range(1, count - width):
            mask = np.zeros(count, dtype=bool)
            mask[start : start + width] = True
            yield way, mask


def errors_between(found: Sequence[Log]) -> list[Errors]:
    """Return the errors of all series at sizes held out."""
    return [
        errors
        for log in found
        for series in sweeps(log)
        for way, mask in held_out(len(series.size_bytes))
        if (errors := _errors(log, series, way, mask)) is not None
    ]


def _errors(log: Log, series: Series, way: str, mask: np.ndarray) -> Errors | None:
    if (~mask).sum() < 2:
        return None
    seen = Series(size_bytes=series.size_bytes[~mask], time_s=series.time_s[~mask]).curve(2)
    held = mask & (series.size_bytes > seen.size_bytes[0]) & (series.size_bytes < seen.size_bytes[-1])
    query = series.size_bytes[held]
    if not len(query):
        return None
    error = np.log(between(seen.size_bytes, seen.time_s, query) / series.time_s[held])
    local, apart = features(seen.size_bytes, seen.time_s, query)
    return Errors(family=log.family, log=log.name, way=way, error=error, local=local, apart=apart)


def fit_between(errors: Sequence[Errors]) -> dict[str, float]:
    """Return the coefficients between sizes."""
    keys = [f"{one.log} {one.way}" for one in errors for _ in one.error]
    _, which, counts = np.unique(keys, return_inverse=True, return_counts=True)
    weight = 1.0 / counts[which]
    error, local, apart = (
        np.concatenate([getattr(e, n) for e in errors]) for n in ("error", "local", "apart")
    )
    target = np.log(np.maximum(np.abs(error), LEAST))
    with_apart = np.log(apart + FLOOR)
    known = ~np.isnan(local)
    full = np.column_stack((np.ones(known.sum()), np.log(local[known] + FLOOR), with_apart[known]))
    alone = np.column_stack((np.ones(len(target)), with_apart))
    first = _quantile_regression(full, target[known], weight[known])
    second = _quantile_regression(alone, target, weight)
    return {
        "constant": first[0], "local": first[1], "ambiguity": first[2],
        "constant_alone": second[0], "ambiguity_alone": second[1],
    }  # fmt: skip


def _quantile_regression(design: FloatArray, target: FloatArray, weight: FloatArray) -> list[float]:
    """Return coefficients below which 90 % of the weight lies, the constant conformal."""
    found: FloatArray = np.zeros(design.shape[1])
    width = 0.05
    for _ in range(ROUNDS):
        rest = target - design @ found
        pull = weight * np.where(rest > 0, COVERED, 1 - COVERED) / np.maximum(np.abs(rest), width)
        width = max(0.9 * width, 0.01)
        normal = design.T @ (design * pull[:, None]) + 1e-9 * np.eye(design.shape[1])
        found = np.asarray(np.linalg.solve(normal, design.T @ (pull * target)), dtype=float)
    found[0] += _weighted_quantile(target - design @ found, weight)
    return [float(value) for value in found]


def _weighted_quantile(values: FloatArray, weight: FloatArray) -> float:
    order = np.argsort(values)
    reached = np.cumsum(weight[order]) / weight.sum()
    return float(values[order][np.searchsorted(reached, COVERED)])


def fit_octaves(found: Sequence[Log]) -> dict[str, float]:
    """Return half-widths per octave beyond the largest and the smallest size."""
    above, below = [], []
    for log in found:
        for series in sweeps(log):
            count = len(series.size_bytes)
            for cut in range(1, min(4, count - 3)):
                above.append(_beyond(series, slice(0, count - cut), slice(count - cut, count)))
                below.append(_beyond(series, slice(cut, count), slice(0, cut)))
    return {"octave_above": _ninth(above), "octave_below": _ninth(below)}


def _beyond(series: Series, seen: slice, held: slice) -> FloatArray:
    """Return errors beyond a part of the sizes, over their distance in octaves."""
    curve = Series(size_bytes=series.size_bytes[seen], time_s=series.time_s[seen]).curve(8)
    surface = surface_of([curve], "allreduce", chain=True)
    query = series.size_bytes[held]
    ends = np.clip(query, curve.size_bytes[0], curve.size_bytes[-1])
    error = np.log(surface.time_s(8, query) / series.time_s[held])
    return np.asarray(error / np.maximum(np.abs(np.log2(query / ends)), 1.0))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Step:
    """A rank count held out: log errors per doubling, and from how it was carried."""

    family: str
    kind: str
    way: str
    doublings: float
    error: FloatArray


def errors_of_ranks(found: Sequence[Log]) -> list[Step]:
    """Return errors at held-out rank counts, carried by growth and systems of other families."""
    return [step for log in found if log.system for rows in groups(log.points, WITHOUT_RANKS)
            for step in _steps(log.family, log.points[rows], chain=True)]  # fmt: skip


def errors_of_nodes(found: Sequence[Log]) -> list[Step]:
    """Return errors at held-out counts of nodes with one rank each: logs of one cluster, each a job."""
    families: dict[str, list[Imported]] = {}
    for log in found:
        if log.imported is not None and (log.points.nodes == log.points.ranks).all():
            families.setdefault(log.family, []).append(log.imported)
    return [
        step for family, files in families.items()
        for points in [medians(files)]
        for rows in groups(points, tuple(name for name in WITHOUT_RANKS if name != "file"))
        if points.operation[rows[0]] in COLLECTIVES and len(set(points.ranks[rows].tolist())) > 1
        for step in _steps(family, points[rows], chain=False)
    ]  # fmt: skip


def _steps(family: str, points: Points, chain: bool) -> Iterator[Step]:
    operation = str(points.operation[0])
    counts = sorted(set(points.ranks.tolist()))
    series = {count: Series.of(points[points.ranks == count]) for count in counts}
    for target in counts:
        others = [count for count in counts if count != target]
        for known in ([others] if len(others) > 1 else []) + [[count] for count in others]:
            surface = surface_of([series[count].curve(count) for count in known], operation, chain)
            curve = carried(surface, operation, target, without=(family,))
            held = series[target]
            error = np.log(curve.at(held.size_bytes, surface.growth) / held.time_s)
            near = min(abs(np.log2(target / count)) for count in known)
            between_two = len(known) > 1 and min(known) < target < max(known)
            way = "between" if between_two else "one" if len(known) == 1 else "beyond"
            kind = (fabric(surface.curves, operation) or "unknown") if chain else NETWORK
            yield Step(family=family, kind=kind, way=way, doublings=near, error=error)


def fit_ranks(steps: Sequence[Step], kind: str) -> dict[str, float]:
    """Return half-widths at one doubling: between two counts, beyond two, from one."""
    return {
        way: _ninth([s.error / s.doublings**RANK_POWER for s in steps if (s.kind, s.way) == (kind, way)])
        for way in ("between", "beyond", "one")
    }


def fit_runs(path: Path) -> float:
    """Return the half-width of one run around another: repeats of a point, from 64 KiB."""
    import csv

    times: dict[tuple[str, ...], list[float]] = {}
    with path.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if float(row["size_bytes"]) >= 65536:
                key = tuple(
                    row[n] for n in ("system", "ccl_version", "collective", "dtype", "nranks", "size_bytes")
                )
                times.setdefault(key, []).append(float(row["time_us"]))
    return _ninth([np.array([np.log(t[1] / t[0])]) for t in times.values() if len(t) > 1])


def _ninth(parts: Sequence[FloatArray]) -> float:
    return float(np.quantile(np.abs(np.concatenate(parts)), COVERED))


def widths_of(found: Sequence[Log], errors: Sequence[Errors]) -> Widths:
    """Return the coefficients between and beyond sizes."""
    return Widths(**fit_between(errors), **fit_octaves(found))


def main() -> None:
    """Print the file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    folder = parser.parse_args().data
    found = [log for log in all_logs(folder) if log.evidence]
    print(f"{HEAD}\n\n[between]")
    _print(asdict(widths_of(found, errors_between(found))))
    steps = [*errors_of_ranks(found), *errors_of_nodes(found)]
    for kind in (SWITCHED, SHARED, NETWORK):
        print(f"\n[ranks.{kind}]")
        _print(fit_ranks(steps, kind))
    print("\n[runs]")
    _print({"half_width": fit_runs(folder / "nccl_by_system.csv")})


def _print(values: dict[str, float]) -> None:
    for name, value in values.items():
        print(f"{name} = {value:.4g}")


if __name__ == "__main__":
    main()
