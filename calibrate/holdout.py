"""Checks of what a profile says at sizes, rank counts and runs that were hidden from it.

Library collectives, and whatever else has sizes and times, are predicted as curves; our own rounds and
single messages by a fit of their links.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np

from nearlinear.calibrate.curves.checked import check_curves
from nearlinear.calibrate.forms import MESSAGE
from nearlinear.calibrate.held import Held, summarise
from nearlinear.calibrate.importers import Imported
from nearlinear.calibrate.levels import Calibrated
from nearlinear.calibrate.loggp import STREAMS
from nearlinear.calibrate.points import Points, alike, groups, medians, tables_apart
from nearlinear.calibrate.spec import CalibrateSpec
from nearlinear.calibrate.splits import WAYS, splits
from nearlinear.calibrate.uncertainty import predict_by_fit
from nearlinear.models.link_profile import HeldOut

WHAT = ("file", "operation", "algorithm", "placement")


def check_all(
    points: Points, files: Sequence[Imported], links: Sequence[Calibrated], spec: CalibrateSpec
) -> tuple[HeldOut, ...]:
    """Return errors per file, collective and placement for everything that can be held out.

    Parameters
    ----------
    points : Points
        Of all files.
    files : sequence of Imported
        Where they come from.
    links : sequence of Calibrated
        What was fitted to them.
    """
    names = [Path(file.path).name for file in files]
    apart = tables_apart(files)
    rows: list[HeldOut] = []
    for by in WAYS if spec.holdout else ():
        if by == "runs" and len(apart) > len(files):
            found, told = of_libraries(alike(medians(apart), [])), [Path(file.path).name for file in apart]
        else:
            found, told = of_libraries(points), names
        held = [check_curves(found, by, mask) for mask in splits(found, by, spec.holdout, spec.seed)]
        rows += _rows(by, [one for one in held if one is not None], told)
        rows += _rows(by, list(_by_fit(links, by, spec)), names)
    return tuple(rows)


def of_libraries(points: Points) -> Points:
    """Return the points that are predicted as curves: all but our own rounds and messages."""
    return points[(points.algorithm == "vendor") & ~np.isin(points.operation, (MESSAGE, *STREAMS))]


def _by_fit(links: Sequence[Calibrated], by: str, spec: CalibrateSpec) -> Iterator[Held]:
    """Yield checks of fits; that of sizes was made with the fit."""
    for one in links:
        if one.link.source != "vendor" and by == "sizes":
            yield from [one.held] if one.held is not None else []
        elif one.link.source != "vendor":
            for mask in splits(one.problem.points, by, spec.holdout, spec.seed):
                held = predict_by_fit(one.problem, mask, spec.replicates, spec.seed)
                if held is not None:
                    yield held


def _rows(by: str, held: Sequence[Held], names: Sequence[str]) -> Iterable[HeldOut]:
    """Return one row for each file, collective and placement, in order of appearance."""
    found: dict[tuple[str, ...], list[tuple[Held, np.ndarray]]] = {}
    for one in held:
        for rows in groups(one.points, WHAT):
            first = one.points[int(rows[0])]
            key = (names[int(first.file)], str(first.operation), str(first.algorithm), str(first.placement))
            mine = np.zeros(len(one.points), dtype=bool)
            mine[rows] = True
            found.setdefault(key, []).append((one, mine))
    return [row for key, parts in found.items() if (row := _row(by, key, parts)) is not None]


def _row(by: str, key: tuple[str, ...], parts: Sequence[tuple[Held, np.ndarray]]) -> HeldOut | None:
    chosen = [(one, mine[one.held]) for one, mine in parts]
    columns = [
        np.concatenate([getattr(one, name)[rows] for one, rows in chosen])
        for name in ("measured_s", "median_s", "low_s", "high_s")
    ]
    if not len(columns[0]):
        return None
    file, collective, algorithm, placement = key
    outside = sum(int((one.outside & mine).sum()) for one, mine in parts)
    summary = asdict(summarise(*columns))
    return HeldOut(
        by=by, file=file, collective=collective, algorithm=algorithm, placement=placement, outside=outside,
        **summary,
    )  # fmt: skip
