"""Files of logs (TOML): where logs of collectives come from, and what they do not say themselves.

::

    [published]
    title = "nccl-tests on 8 A100"
    origin = "superbenchmark"
    source = "microsoft/superbenchmark: tests/data"
    retrieved = "2026-11-21"
    group = "gpu-node"

    [[log]]
    name = "a100x8-allgather"
    file = "a100x8_allgather.log"
    per-node = 8

A file lies relative to the TOML and is of any format of ``nearlinear import``. ``collective``, ``ranks``,
``per-node`` and ``columns`` tell what a log does not say, as the options of that verb (``columns`` is its
``--map``). ``system`` names the machine where several logs, or the reference of calibration, are of one.
"""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from nearlinear.calibrate.importers import Hints, Imported, read_all
from nearlinear.models.errors import ContentError, SpecError, nearest
from nearlinear.models.option import Reader, count, text
from nearlinear.models.strict import line_of, read_toml
from nearlinear.reports.validation.curve import Published
from nearlinear.reports.validation.curve_file import published_of
from nearlinear.reports.validation.log import Log, log_of

GROUP = "logs"  # where a file names no other
TABLES = ("published", "log")
PUBLISHED = ("title", "origin", "source", "retrieved", "group", "notes")
HINTS: dict[str, Reader] = {"collective": text, "ranks": count, "per-node": count, "columns": text}
OWN: dict[str, Reader] = {"name": text, "file": text, "system": text}
OPTIONS = {"--map": "columns"} | {f"--{name}": name for name in HINTS}  # where importers find fault


def holds_logs(path: Path) -> bool:
    """Return whether a file of a suite is one of logs."""
    return "log" in read_toml(path)


def read_logs(path: Path) -> list[Log]:
    """Return the logs of a file.

    Raises
    ------
    SpecError
        The TOML file is not there.
    ContentError
        A wrong key or value, or a log that is not there or cannot be read; the message has the line.
    """
    content = read_toml(path)
    _known(list(content), TABLES, "unknown table beside logs", lambda key: line_of(path, key))
    published = _published(path, content.get("published"))
    rows = content["log"]
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise ContentError(line_of(path, "log"), "must be tables [[log]]")
    return [_log(path, published, row, index) for index, row in enumerate(rows)]


def _published(path: Path, raw: Any) -> Published:
    keys = list(raw) if isinstance(raw, dict) else []
    _known(keys, PUBLISHED, "unknown key", lambda key: line_of(path, f"published.{key}"))
    published = published_of(path, raw)
    return replace(published, unit="bytes", group=published.group if "group" in keys else GROUP)


def _known(keys: list[str], known: tuple[str, ...], rule: str, where: Callable[[str], str]) -> None:
    for key in keys:
        if key not in known:
            remedy = nearest(key, list(known)) or f"known are {', '.join(known)}"
            raise ContentError(where(key), rule, got=key, remedy=remedy)


def _log(path: Path, published: Published, raw: dict[str, Any], index: int) -> Log:
    def where(key: str) -> str:
        return line_of(path, f"log.{index}.{key}")

    _known(list(raw), (*OWN, *HINTS), "unknown key of a log", where)
    for key in ("name", "file"):
        if key not in raw:
            raise ContentError(where(key), f"needs the key {key!r}")
    try:
        values = {key: (OWN | HINTS)[key](value, key) for key, value in raw.items()}
        file = _imported(path, values)
    except SpecError as error:
        raise _told(path, raw, error, where) from None
    log = log_of(values["name"], published, values.get("system", values["name"]), (file,))
    if not len(log.points):
        rule = "must hold a collective of a library between two ranks or more"
        raise ContentError(where("file"), rule, field=f"log {raw['name']}", got=raw["file"])
    return log


def _told(path: Path, raw: dict[str, Any], error: SpecError, where: Callable[[str], str]) -> ContentError:
    """Return an error of an importer or of a key with the line of the file, and options as keys."""
    key = OPTIONS.get(error.where, error.where if error.where in raw else "file")
    place = error.where.removeprefix(f"{path.parent}/") if key == "file" else key
    field = ": ".join(part for part in (f"log {raw['name']}", place, error.field) if part)
    remedy = error.remedy
    for option, name in OPTIONS.items():
        remedy = remedy.replace(option, name)
    return ContentError(where(key), error.rule, field=field, got=error.got, remedy=remedy)


def _imported(path: Path, values: dict[str, Any]) -> Imported:
    hints = {key.replace("-", "_"): values[key] for key in HINTS if key in values}
    (imported,) = read_all([path.parent / values["file"]], Hints(**hints))
    return imported
