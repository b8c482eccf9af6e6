"""Logs of collectives that others measured, as points with a place to come from."""

from collections.abc import Sequence
from dataclasses import dataclass

from nearlinear.calibrate.holdout import of_libraries
from nearlinear.calibrate.importers import Imported
from nearlinear.calibrate.points import Points, alike, medians
from nearlinear.reports.validation.curve import Published


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Log:
    """One log, or several of one system.

    Attributes
    ----------
    name : str
        Unique in its suite.
    published : Published
        Where it comes from; its unit is bytes.
    system : str
        The machine. Logs of one system are put together where a rank count is left out, and a system of the
        reference (``calibrate/data/systems.csv``) of that name is never asked for help.
    files : tuple of Imported
        What was read.
    points : Points
        Medians over repeats of a library's collectives; messages and single rounds are fitted, not carried
        from size to size, and are left out.
    """

    name: str
    published: Published
    system: str
    files: tuple[Imported, ...]
    points: Points

    @property
    def best(self) -> float:
        """Largest size over time, bytes per second."""
        return float((self.points.size_bytes / self.points.time_s).max())


def log_of(name: str, published: Published, system: str, files: Sequence[Imported]) -> Log:
    """Return the log of files, with the points that calibration would use; there may be none."""
    points = of_libraries(alike(medians(files), []))
    return Log(name=name, published=published, system=system, files=tuple(files), points=points)
