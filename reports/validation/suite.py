"""A suite: a folder of files of published curves, one of those that are shipped or a user's own."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from nearlinear.models.errors import ContentError, SpecError, nearest
from nearlinear.reports.validation.curve import Curve
from nearlinear.reports.validation.curve_file import read_curves

SHIPPED = Path(__file__).parents[1] / "data" / "suites"
HISTORY = "history.csv"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Suite:
    """Curves that are replayed together.

    Attributes
    ----------
    name : str
        Of the folder.
    folder : Path
        Where the files lie.
    curves : tuple of Curve
        In order of files.
    """

    name: str
    folder: Path
    curves: tuple[Curve, ...]

    @property
    def groups(self) -> tuple[str, ...]:
        """Groups of curves in order of appearance."""
        return tuple(dict.fromkeys(curve.published.group for curve in self.curves))


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
        A wrong file, or two curves of one name.
    """
    files = sorted(folder.glob("*.toml"))
    if not files:
        raise SpecError("SUITE", "must hold TOML files of curves", got=str(folder))
    curves = tuple(curve for file in files for curve in read_curves(file))
    for name, times in Counter(curve.name for curve in curves).items():
        if times > 1:
            raise ContentError(str(folder), "must name each curve once", got=name)
    return Suite(name=folder.name, folder=folder, curves=curves)
