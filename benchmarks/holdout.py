"""Errors and bands of curves at sizes and rank counts that they did not see, beside simpler predictions.

    python benchmarks/holdout.py --data DIR

DIR holds logs and ``nccl_by_system.csv`` (see ``logs.py``). A held-out point is the median over repeats of
one (log, collective, placement, ranks, type, size). Logs typed from threads, and those whose labels or
machines are in doubt, are left out. Bands and other systems never know the family (system, or cluster) that
they are judged on. The tables of docs/accuracy.md are this output.
"""

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from bands import COLLECTIVES, errors_between, fit_between, fit_octaves
from logs import Log, all_logs
from rank_counts import show_ranks

from nearlinear.calibrate.curves.half_width import Widths, half_width
from nearlinear.calibrate.curves.series import WITHOUT_SIZE, Series
from nearlinear.calibrate.curves.shapes import SHAPES, scores
from nearlinear.calibrate.points import groups
from nearlinear.models.arrays import FloatArray
from nearlinear.models.collectives.curve import Curve
from nearlinear.reports.validation.log_baselines import SHAPES as SIMPLE
from nearlinear.reports.validation.log_baselines import Shape

SEEDS = range(20)
LARGE_BYTES = 64 * 1024
MANY_SIZES = 12


def _chosen(size_bytes: FloatArray, time_s: FloatArray, query_bytes: FloatArray) -> FloatArray:
    found = scores([Curve(units=2, size_bytes=size_bytes, time_s=time_s)])
    best = min(found, key=lambda name: found[name], default="bent")
    return SHAPES[best](size_bytes, time_s, query_bytes)


PREDICTORS: dict[str, Shape] = {
    "nearlinear": SHAPES["bent"],
    "pieces": SHAPES["pieces"],
    "envelope": SHAPES["envelope"],
    "chosen per curve": _chosen,
    **SIMPLE,
}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sweep:
    """Sizes of one collective, placement, rank count and type of a log."""

    log: Log
    name: str
    operation: str
    series: Series

    @property
    def kind(self) -> str:
        """Which row of the summary it counts in."""
        if self.log.system:
            return "nccl_by_system"
        return "logs, 12 sizes or more" if len(self.series.size_bytes) >= MANY_SIZES else "logs, fewer sizes"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Errors:
    """Held-out points of one sweep: log errors of every predictor, and our half-widths."""

    sweep: Sweep
    error: dict[str, FloatArray]
    half_width: FloatArray


def sweeps(found: Sequence[Log]) -> Iterator[Sweep]:
    """Yield every sweep of a GPU collective with three sizes or more."""
    for log in found:
        for rows in groups(log.points, WITHOUT_SIZE):
            points = log.points[rows]
            if points.transport[0] == "nccl" and points.operation[0] in COLLECTIVES and len(points) > 2:
                yield Sweep(log=log, name=f"{log.name}, {points.placement[0]}, {points.ranks[0]} ranks",
                            operation=str(points.operation[0]), series=Series.of(points))  # fmt: skip


def masks(count: int, way: str) -> Iterator[np.ndarray]:
    """Yield what is held out of ``count`` sizes; halves leave the outermost sizes in unless ``any half``."""
    if way in ("half", "any half"):
        for seed in SEEDS:
            rng = np.random.default_rng(seed)
            order = rng.permutation(count) if way == "any half" else 1 + rng.permutation(count - 2)
            yield np.isin(np.arange(count), order[: round(count / 2)])
        return
    width = 1 if way == "one size" else max(count // 4, 1)
    for start in range(1, count - width):
        yield (np.arange(count) >= start) & (np.arange(count) < start + width)


def held_out(sweep: Sweep, way: str, widths: Widths) -> Errors | None:
    """Return the errors of a sweep at held-out sizes from 64 KiB inside the others' range."""
    sizes, times = sweep.series.size_bytes, sweep.series.time_s
    errors: dict[str, list[FloatArray]] = {name: [] for name in PREDICTORS}
    half: list[FloatArray] = []
    for mask in masks(len(sizes), way):
        if (~mask).sum() < 2:
            continue
        curve = Series(size_bytes=sizes[~mask], time_s=times[~mask]).curve(2)
        asked = mask & (sizes > curve.size_bytes[0]) & (sizes < curve.size_bytes[-1]) & (sizes >= LARGE_BYTES)
        query = sizes[asked]
        if len(query):
            for name, predict in PREDICTORS.items():
                seen = times[~mask] if name in SIMPLE else curve.time_s
                errors[name].append(np.log(predict(curve.size_bytes, seen, query) / times[asked]))
            half.append(half_width(curve.size_bytes, curve.time_s, query, widths))
    if not half:
        return None
    joined = {name: np.concatenate(parts) for name, parts in errors.items()}
    return Errors(sweep=sweep, error=joined, half_width=np.concatenate(half))


def widths_without(found: Sequence[Log]) -> dict[str, Widths]:
    """Return the coefficients of bands by the family that they do not know."""
    errors, octaves = errors_between(found), fit_octaves(found)
    families = {log.family for log in found}
    return {
        family: Widths(**fit_between([one for one in errors if one.family != family]), **octaves)
        for family in families
    }


def show_sizes(found: Sequence[Log]) -> None:
    """Print how well sizes are predicted, pooled and per log."""
    widths = widths_without(found)
    everything = list(sweeps(found))
    allreduces = [sweep for sweep in everything if sweep.operation == "allreduce"]
    for way in ("half", "any half", "one size", "inner quarter"):
        errors = [e for s in allreduces if (e := held_out(s, way, widths[s.log.family])) is not None]
        print(f"\nallreduce, {way} held out\n")
        _table(errors)
        if way == "half":
            print("\nEvery log, half held out\n")
            _per_log(errors)
    errors = [e for s in everything if (e := held_out(s, "half", widths[s.log.family])) is not None]
    print("\nall collectives, half held out\n")
    _table(errors)


def _table(errors: Sequence[Errors]) -> None:
    print(f"| points | {' | '.join(PREDICTORS)} | in 90 % band | half-width | number |")
    print(f"|---|{'---|' * (len(PREDICTORS) + 3)}")
    kinds = dict.fromkeys(e.sweep.kind for e in errors)
    for kind in ("all", *kinds, "logs"):
        some = [
            e for e in errors if kind in ("all", e.sweep.kind) or (kind == "logs" and not e.sweep.log.system)
        ]
        told = [_error(np.concatenate([e.error[name] for e in some])) for name in PREDICTORS]
        print(f"| {kind} | {' | '.join(told)} | {_band(some)} |")


def _error(error: FloatArray) -> str:
    relative = np.abs(np.expm1(error))
    return " / ".join(f"{100 * np.quantile(relative, q):.1f}" for q in (0.5, 0.9, 0.95))


def _band(errors: Sequence[Errors]) -> str:
    inside, half = _coverage(errors)
    return f"{inside.mean():.1%} | {np.median(half):.3f} | {len(half)}"


def _coverage(errors: Sequence[Errors]) -> tuple[np.ndarray, FloatArray]:
    half = np.concatenate([e.half_width for e in errors])
    inside = np.concatenate([np.abs(e.error["nearlinear"]) <= e.half_width for e in errors])
    return inside, half


def _per_log(errors: Sequence[Errors]) -> None:
    print("| log | sizes | nearlinear | linear in bytes | in 90 % band | half-width | number |")
    print("|---|---|---|---|---|---|---|")
    names = dict.fromkeys(e.sweep.log.name for e in errors)
    shares = []
    for name in names:
        mine = [e for e in errors if e.sweep.log.name == name]
        shares.append(_coverage(mine)[0].mean())
        sizes = ", ".join(str(n) for n in sorted({len(e.sweep.series.size_bytes) for e in mine}))
        ours, theirs = (
            _error(np.concatenate([e.error[n] for e in mine])) for n in ("nearlinear", "linear in bytes")
        )
        print(f"| {name} | {sizes} | {ours} | {theirs} | {_band(mine)} |")
    enough = np.mean(np.array(shares) >= 0.8)
    print(f"\n{enough:.0%} of {len(names)} logs have 80 % or more of their points in the band")


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    found = [log for log in all_logs(parser.parse_args().data) if log.evidence]
    show_sizes(found)
    show_ranks(found)


if __name__ == "__main__":
    main()
