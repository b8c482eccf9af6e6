"""Errors with one grammar: *where: field: rule, got value; remedy*.

The command line prints the text and leaves with ``exit_code``; nothing else is ever shown to a user
for bad input. The codes are those of ``docs/architecture.md``.
"""

from typing import Self

_NOT_GIVEN = object()
CLOSE = 0.6  # similarity from which a name is offered as the one that was meant
LOOKALIKES = str.maketrans("oil", "011")


class NearlinearError(Exception):
    """Anything nearlinear refuses, said in one line.

    Parameters
    ----------
    where : str
        What the user wrote: an option (``--net``), or a file with its line (``a.toml:12``).
    rule : str
        What must hold, such as ``must be > 0``.
    field : str, optional
        Dotted key inside ``where``.
    got : object, optional
        The offending value; strings are quoted.
    remedy : str, optional
        What to do about it.
    """

    exit_code = 1

    def __init__(
        self, where: str, rule: str, field: str = "", got: object = _NOT_GIVEN, remedy: str = ""
    ) -> None:
        # All arguments go to Exception, so that copies made from ``args`` (SimPy makes them) are whole.
        super().__init__(where, rule, field, got, remedy)
        self.where, self.rule, self.field, self.got, self.remedy = where, rule, field, got, remedy

    def __str__(self) -> str:
        return self._line()

    def _line(self) -> str:
        head = ": ".join(part for part in (self.where, self.field, self.rule) if part)
        got = "" if self.got is _NOT_GIVEN else f", got {self.got!r}"
        tail = f"; {self.remedy}" if self.remedy else ""
        return " ".join(f"{head}{got}{tail}".split())

    def at(self, where: str, field: str = "") -> Self:
        """Return the same error said of another place; ``field`` is put before the present one."""
        path = ".".join(part for part in (field, self.field) if part)
        return type(self)(where, self.rule, field=path, got=self.got, remedy=self.remedy)


class SelfCheckError(NearlinearError):
    """An invariant of nearlinear itself is violated: a defect, not bad input."""


class SpecError(NearlinearError, ValueError):
    """A value that a spec does not allow, or a path that is not there."""

    exit_code = 2


class ContentError(SpecError):
    """A file that was read but says something impossible; a file that cannot be written."""

    exit_code = 3


class CapacityError(NearlinearError):
    """A workload that does not fit the device's memory."""

    exit_code = 4


class TargetError(NearlinearError):
    """A stated target was missed: a wrong collective result, a regression."""

    exit_code = 5


class AbsentError(NearlinearError):
    """Hardware or a library that is needed here is not there."""

    exit_code = 6


class FitError(NearlinearError):
    """Measurements from which nothing honest can be fitted."""

    exit_code = 7


class IncompleteError(NearlinearError):
    """A run that ended early; what it had measured is kept."""

    exit_code = 8


def nearest(name: str, known: list[str], limit: int = 3) -> str:
    """Return the names nearest to ``name`` as the remedy of an error, or an empty string.

    Parameters
    ----------
    name : str
        What the user wrote.
    known : list of str
        The names that exist.
    limit : int
        Name at most so many.

    Examples
    --------
    >>> nearest("resnet50", ["resnet-50", "vgg-16"])
    'did you mean resnet-50?'
    """
    from difflib import SequenceMatcher  # kept off the path of a correct call

    wanted = _alike(name)
    if not wanted:
        return ""
    scores = {k: SequenceMatcher(None, wanted, _alike(k)).ratio() + (wanted in _alike(k)) for k in known}
    close = sorted((k for k in known if scores[k] >= CLOSE), key=lambda k: -scores[k])
    return f"did you mean {', '.join(close[:limit])}?" if close else ""


def _alike(name: str) -> str:
    """Return a name without what is easily mistaken: case, separators, letters that look like digits."""
    return "".join(c for c in name.lower() if c.isalnum()).translate(LOOKALIKES)
