"""``fit_profile``: files of measurements in, a profile with samples and hold-out errors out."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from nearlinear.calibrate.compute.families import CalibratedCompute, fit_compute
from nearlinear.calibrate.compute.kernel_points import FAMILY
from nearlinear.calibrate.curves.reference import SHARED
from nearlinear.calibrate.forms import READABLE, STREAM
from nearlinear.calibrate.holdout import check_all
from nearlinear.calibrate.importers import Hints, Imported, read_all
from nearlinear.calibrate.levels import Calibrated, fit_levels
from nearlinear.calibrate.loggp import STREAMS, fit_loggp
from nearlinear.calibrate.points import Points, alike, medians
from nearlinear.calibrate.spec import CalibrateSpec
from nearlinear.models.errors import FitError, SpecError
from nearlinear.models.profile import Profile
from nearlinear.models.provenance import sha256


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Calibration:
    """The profile with everything behind it."""

    profile: Profile
    links: tuple[Calibrated, ...]
    notes: tuple[str, ...]
    compute: tuple[CalibratedCompute, ...] = ()


def fit_profile(
    files: Sequence[str | Path], spec: CalibrateSpec | None = None, name: str = "profile"
) -> Calibration:
    """Return the profile of record files and logs.

    Parameters
    ----------
    files : sequence of path
        Records of ``nearlinear measure`` and logs of other tools.
    spec : CalibrateSpec, optional
        Hold-out, seed, hints.
    name : str
        What the profile is called.

    Raises
    ------
    SpecError
        A file is not there, or none is given.
    ContentError
        A file cannot be read; names the line.
    FitError
        Too few points, or intervals that say nothing.
    """
    if not files:
        raise SpecError("calibrate", "needs at least one record or log")
    spec = spec or CalibrateSpec()
    imported = read_all(files, spec.hints)
    _check_once(imported)
    points = medians(imported)
    notes = [f"{Path(i.path).name}: {note}" for i in imported for note in i.notes]
    notes += _unreadable(points)
    loggp = fit_loggp(points, spec.replicates, spec.seed, notes)
    usable = alike(points[~np.isin(points.operation, [*FAMILY, *STREAMS])], notes)
    links = fit_levels(usable[np.isin(usable.operation, READABLE)], spec, notes)
    links += fit_levels(alike(points[points.operation == STREAM], []), spec, notes)
    compute = fit_compute(imported, spec, notes)
    if not links and not compute:
        why = notes[-1] if notes else f"no rows of {', '.join((*READABLE, *FAMILY))}"
        raise FitError("calibrate", f"nothing could be fitted ({why})", remedy="see docs/calibration.md")
    profile = Profile(
        name=name, links=tuple(c.link for c in links), provenance=_provenance(imported, spec),
        holdout=check_all(usable, imported, links, spec), compute=tuple(c.compute for c in compute),
        loggp=loggp,
    )  # fmt: skip
    notes += _doubts(links)
    return Calibration(profile=profile, links=tuple(links), notes=tuple(notes), compute=tuple(compute))


def _doubts(links: Sequence[Calibrated]) -> list[str]:
    """Return what a reader must know before other rank counts are predicted from measured curves."""
    return [
        f"{one.link.operation} {one.link.level}: links that ranks share, whose bandwidth may collapse with"
        " more ranks: measure every count that matters"
        for one in links
        if one.link.fabric == SHARED
    ]


def _check_once(imported: Sequence[Imported]) -> None:
    """Refuse a file given twice: its points would count twice."""
    digests = [sha256(Path(one.path)) for one in imported]
    for index, digest in enumerate(digests):
        if digest in digests[:index]:
            raise SpecError("FILE", "must be given once", got=imported[index].path)


def _unreadable(points: Points) -> list[str]:
    other = sorted(set(points.operation) - {*READABLE, *FAMILY, *STREAMS})
    return [f"{name}: read, but fits use {', '.join(READABLE)} only" for name in other]


def _provenance(imported: Sequence[Imported], spec: CalibrateSpec) -> dict[str, Any]:
    return {
        "files": [
            {
                "path": Path(i.path).name,
                "format": i.format,
                "sha256": sha256(Path(i.path)),
                "samples": len(i.samples),
                "modes": sorted({sample.mode for sample in i.samples}),
                "hosts": sorted(set(i.header.get("hosts", []))),
                "devices": sorted(set(i.header.get("devices", []))),
            }
            for i in imported
        ],
        "holdout": spec.holdout,
        "seed": spec.seed,
        "replicates": spec.replicates,
    }


__all__ = ["CalibrateSpec", "Calibrated", "Calibration", "Hints", "fit_profile"]
