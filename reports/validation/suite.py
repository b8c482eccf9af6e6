"""A suite: a folder of files of published curves and logs, one of those that are shipped or a user's own."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from nearlinear.models.errors import ContentError, SpecError, nearest
from nearlinear.reports.validation.curve import Curve
from nearlinear.reports.validation.curve_file import read_curves
from nearlinear.reports.validation.log import Log
from nearlinear.reports.validation.log_file import holds_logs, read_logs

SHIPPED = Path(__file__).parents[1] / "data" / "suites"
HISTORY = "history.csv"


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
    """Return the folder of a shipped suite or of a user's own.

    Raises
    ------
    SpecError
        Neither.
    """
    if name in shipped():
        return SHIPPED / name
    folder = Path(name)
    if not folder.is_dir():
        remedy = (
            nearest(name, shipped()) or f"shipped are {', '.join(shipped())}; or name a folder of TOML files"
        )
        raise SpecError("SUITE", "must be a suite or a folder", got=name, remedy=remedy)
    return folder


def read_suite(folder: Path) -> Suite:
    """Return the suite of a folder.

    Raises
    ------
    SpecError
        No TOML file there.
    ContentError
        A wrong file, or two curves or logs of one name.
    """
    files = sorted(folder.glob("*.toml"))
    if not files:
        raise SpecError("SUITE", "must hold TOML files of curves or logs", got=str(folder))
    of_logs = [file for file in files if holds_logs(file)]
    curves = tuple(curve for file in files if file not in of_logs for curve in read_curves(file))
    logs = tuple(log for file in of_logs for log in read_logs(file))
    names = [curve.name for curve in curves] + [log.name for log in logs]
    for name, times in Counter(names).items():
        if times > 1:
            kind = "log" if name in [log.name for log in logs] else "curve"
            raise ContentError(str(folder), f"must name each {kind} once", got=name)
    return Suite(name=folder.name, folder=folder, curves=curves, logs=logs)
