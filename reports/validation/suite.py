"""A suite: a folder of files of published curves and logs, one of those that are shipped or a user's own."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from nearlinear.models.errors import ContentError, SpecError, nearest
from nearlinear.models.strict import read_toml
from nearlinear.reports.validation.curve import Curve
from nearlinear.reports.validation.curve_file import read_curves
from nearlinear.reports.validation.log import Log
from nearlinear.reports.validation.log_file import holds_logs, read_logs

SHIPPED = Path(__file__).parents[1] / "data" / "suites"
HISTORY = "history.csv"
KINDS = ("published", "curve", "log")  # tables that make a file one of a suite


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Suite:
    """Curves and logs that are replayed together.

    Attributes
    ----------
    name : str
        Of the folder.
    folder : Path
        Where the files lie.
    curves : tuple of Curve
        In order of files.
    logs : tuple of Log
        The same.
    """

    name: str
    folder: Path
    curves: tuple[Curve, ...]
    logs: tuple[Log, ...] = ()

    @property
    def groups(self) -> tuple[str, ...]:
        """Groups of curves, then of logs, in order of appearance."""
        published = [curve.published for curve in self.curves] + [log.published for log in self.logs]
        return tuple(dict.fromkeys(one.group for one in published))


def shipped() -> list[str]:
    """Return the names of the suites of this package."""
    return sorted(folder.name for folder in SHIPPED.iterdir() if folder.is_dir())


def find_suite(name: str) -> Path:
    """Return the folder of a shipped suite, or the folder or file of a user's own.

    Raises
    ------
    SpecError
        Neither.
    """
    if name in shipped():
        return SHIPPED / name
    path = Path(name)
    if not name.strip() or not (path.is_dir() or path.is_file()):
        remedy = (
            nearest(name, shipped()) or f"shipped are {', '.join(shipped())}; or name a folder of TOML files"
        )
        raise SpecError("SUITE", "must be a suite, a folder or a file", got=name, remedy=remedy)
    return path


def read_suite(path: Path) -> Suite:
    """Return the suite of a folder, or of one file; TOML files of other kinds are no part of it.

    Raises
    ------
    SpecError
        No file of curves or logs there.
    ContentError
        A wrong file, or two curves or logs of one name.
    """
    files = sorted(path.glob("*.toml")) if path.is_dir() else [path]
    ours = [file for file in files if set(read_toml(file)) & set(KINDS)]
    if not ours:
        raise SpecError("SUITE", "must hold TOML files of curves or logs", got=str(path))
    of_logs = [file for file in ours if holds_logs(file)]
    curves = tuple(curve for file in ours if file not in of_logs for curve in read_curves(file))
    logs = tuple(log for file in of_logs for log in read_logs(file))
    names = [(curve.name, "curve") for curve in curves] + [(log.name, "log") for log in logs]
    seen = Counter(name for name, _ in names)
    for name, kind in reversed(names):
        if seen[name] > 1:
            place = next((curve.place for curve in reversed(curves) if curve.name == name), str(path))
            raise ContentError(place, f"must name each {kind} once", got=name)
    folder = path if path.is_dir() else path.parent
    return Suite(name=path.name if path.is_dir() else path.stem, folder=folder, curves=curves, logs=logs)
