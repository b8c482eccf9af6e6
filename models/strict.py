"""Strict reading of mappings into frozen dataclasses: an unknown key is an error, never ignored."""

import tomllib
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from math import isfinite
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from nearlinear.models.errors import ContentError, SpecError, nearest

T = TypeVar("T")


WIDEST_SPREAD = 10.0  # of a log time in a file: beyond a factor of e^10 nothing is said
ROUNDED = 1e-6  # how far numbers in a file may be off by rounding


def read_toml(path: Path) -> dict[str, Any]:
    """Return the tables of a TOML file.

    Raises
    ------
    SpecError
        The file is missing or unreadable.
    ContentError
        The file is not TOML; the parser's line is in the message.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise SpecError(str(path), f"must be a readable file ({error.strerror})") from None
    except UnicodeDecodeError:
        raise ContentError(str(path), "must be UTF-8 text", remedy="is this a TOML file?") from None
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ContentError(str(path), f"must be TOML: {error}") from None


def line_of(path: Path, dotted_key: str) -> str:
    """Return ``path:line`` of a dotted key by a best-effort scan, else of its table, else ``path``.

    ``tomllib`` keeps no positions, so the scan follows table headers and assignments. Tables of an
    array are counted: ``levels.1.link`` stands in the second ``[[levels]]``.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return str(path)
    found: dict[str, int] = {}
    table, counts = "", Counter[str]()
    for number, line in enumerate(lines, start=1):
        stripped = line.split("#")[0].strip()
        if stripped.startswith("["):
            table = stripped.strip("[]").replace('"', "")
            if stripped.startswith("[["):
                counts[table] += 1
                table += f".{counts[table] - 1}"
            found.setdefault(table, number)
            continue
        key, equals, _ = stripped.partition("=")
        if equals:
            full = ".".join(part for part in (table, key.strip().strip('"')) if part)
            found.setdefault(full, number)
    place = found.get(dotted_key) or found.get(dotted_key.rpartition(".")[0])
    return f"{path}:{place}" if place else str(path)


def build(
    cls: type[T],
    values: Mapping[str, Any],
    where: str,
    readers: Mapping[str, Callable[[Any, str], Any]] | None = None,
) -> T:
    """Return ``cls(**values)`` after checking that every key is a field and every need is met.

    Parameters
    ----------
    cls : type
        A dataclass.
    values : mapping
        Field names to raw values.
    where : str
        What to name in an error.
    readers : mapping, optional
        For a field, ``reader(raw, where)`` returning its value.

    Raises
    ------
    SpecError
        Unknown key (with the nearest names), missing key, or a value that ``cls`` refuses.
    """
    specs: dict[str, Field[Any]] = {f.name: f for f in fields(cls)}  # type: ignore[arg-type]
    for key in values:
        if key not in specs:
            raise SpecError(where, "unknown key", got=key, remedy=nearest(key, list(specs)) or _list(specs))
    for name, spec in specs.items():
        required = spec.default is MISSING and spec.default_factory is MISSING
        if required and name not in values:
            raise SpecError(where, f"needs the key {name!r}")
    read = readers or {}
    ready = {k: read[k](v, f"{where}: {k}") if k in read else v for k, v in values.items()}
    try:
        return cls(**ready)
    except SpecError as error:
        raise error.at(where, error.where) from None


def _list(specs: Mapping[str, object]) -> str:
    return f"known are {', '.join(specs)}"


def number(value: object, where: str) -> float:
    """Return a finite float; refuse text, booleans and infinities.

    Raises
    ------
    SpecError
        Not a number.
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or abs(value) == float("inf"):
        raise SpecError(where, "must be a number", got=value)
    return float(value)


def require(condition: bool, field: str, rule: str, got: object, remedy: str = "") -> None:
    """Raise ``SpecError`` naming ``field`` unless ``condition`` holds; for ``__post_init__``."""
    if not condition:
        raise SpecError(field, rule, got=got, remedy=remedy)


def check_types(instance: object, where: str) -> None:
    """Refuse a dataclass whose values are not of the types that its fields state.

    Raises
    ------
    SpecError
        Names the first field that does not hold what it must.
    """
    for name, hint in get_type_hints(type(instance)).items():
        if not _fits(getattr(instance, name), hint):
            raise SpecError(where, "must be whole, a value of another type stands here", field=name)


def _fits(value: object, hint: Any) -> bool:
    origin, parts = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        return any(_fits(value, part) for part in parts)
    if origin is tuple:
        return isinstance(value, tuple) and all(_fits(item, parts[0]) for item in value)
    if isinstance(hint, type) and is_dataclass(hint):
        hints = get_type_hints(hint)
        return isinstance(value, hint) and all(_fits(getattr(value, n), h) for n, h in hints.items())
    if hint is float:
        return isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value)
    if hint is int:
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(value, hint) if hint in (str, bool, NoneType) else True
