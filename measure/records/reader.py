"""Reading a record back, as far as it is whole."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from nearlinear.measure.records.sample import MODES, Epoch, Sample, Step
from nearlinear.measure.records.writer import SCHEMA, VERSION
from nearlinear.models.arrays import FloatArray
from nearlinear.models.errors import ContentError, SpecError


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Record:
    """A record read back.

    Attributes
    ----------
    path : str
        The file.
    header : mapping
        Run id, hosts, devices, versions, environment, clock, command.
    samples : tuple of Sample
        In the order they were taken.
    steps : tuple of Step
        Of every rank of a training run.
    epochs : tuple of Epoch
        Of a training run.
    complete : bool
        Whether the run came to its own end.
    notes : tuple of str
        What was wrong with the file, if anything.
    """

    path: str
    header: Mapping[str, Any]
    samples: tuple[Sample, ...]
    complete: bool
    steps: tuple[Step, ...] = field(default=())
    epochs: tuple[Epoch, ...] = field(default=())
    notes: tuple[str, ...] = field(default=())

    def times_s(self) -> FloatArray:
        """Return the time of every sample."""
        return np.array([sample.time_s for sample in self.samples])


def read_record(path: str | Path) -> Record:
    """Return the record of a file, as far as it is whole.

    Raises
    ------
    SpecError
        The file is not there.
    ContentError
        Not a record, of another version, or wrong before its last line; names the line.
    """
    path = Path(path)
    lines = _lines(path)
    header = _object(lines[0], f"{path}:1") if lines else {}
    if header.get("schema") != SCHEMA:
        remedy = "nearlinear measure writes them"
        raise ContentError(str(path), f"must be a {SCHEMA}", got=header.get("schema"), remedy=remedy)
    if header.get("version") != VERSION:
        raise ContentError(str(path), f"must be of version {VERSION}", got=header.get("version"))
    _check_header(header, f"{path}:1")
    notes: list[str] = []
    lines_of: dict[str, list[Any]] = {kind: [] for kind in _KINDS}
    complete = False
    for number, content in _whole(path, lines, notes):
        kind = str(content.get("kind"))
        if kind in _KINDS:
            lines_of[kind].append(_KINDS[kind](content, f"{path}:{number}"))
        elif kind == "end":
            complete = bool(content.get("complete"))
    samples, steps, epochs = (tuple(lines_of[kind]) for kind in ("sample", "step", "epoch"))
    if not complete:
        there = f"{len(steps)} steps are" if steps else f"{len(samples)} samples are"
        notes.append(f"{path}: the run did not come to its end; {there} there")
    return Record(
        path=str(path), header=header, samples=samples, steps=steps, epochs=epochs, complete=complete,
        notes=tuple(notes),
    )  # fmt: skip


def _check_header(header: Mapping[str, Any], where: str) -> None:
    for name, kind in _HEADER.items():
        if name in header and (not isinstance(header[name], kind) or isinstance(header[name], bool)):
            raise ContentError(where, f"must be {_KIND_NAMES[kind]}", field=name, got=header[name])


_KIND_NAMES = {list: "a list", dict: "an object", int: "a whole number"}


def kept(path: Path, run_id: str) -> tuple[Record | None, str]:
    """Return what a run left, if anything, and that in words; another run's record is not its own."""
    record = read_record(path) if path.exists() else None
    if record is None or record.header.get("run_id") != run_id:
        return None, "nothing was measured"
    held = f"{len(record.steps)} steps" if record.steps else f"{len(record.samples)} samples"
    return record, f"{held} are kept in {path}"


def is_record(path: str | Path) -> bool:
    """Return whether a file starts like a record."""
    try:
        with Path(path).open(encoding="utf-8") as file:
            return SCHEMA in file.readline(4096)
    except (OSError, UnicodeDecodeError):
        return False


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise SpecError(str(path), f"must be a readable file ({error.strerror})") from None
    except UnicodeDecodeError:
        raise ContentError(str(path), "must be UTF-8 text") from None


def _whole(path: Path, lines: list[str], notes: list[str]) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """Yield (line number, object) after the header; a broken last line is noted and left out."""
    for number, line in enumerate(lines[1:], start=2):
        try:
            yield number, _object(line, f"{path}:{number}")
        except ContentError:
            if number < len(lines):
                raise
            notes.append(f"{path}:{number}: the last line is cut off and was left out")


def _object(line: str, where: str) -> dict[str, Any]:
    try:
        content = json.loads(line)
    except json.JSONDecodeError as error:
        raise ContentError(where, f"must be a JSON object ({error.msg})") from None
    if not isinstance(content, dict):
        raise ContentError(where, "must be a JSON object", got=line[:40])
    return content


_TEXTS = ("operation", "algorithm", "transport", "dtype", "placement", "mode", "statistic",
          "wire_dtype", "start", "waiting")  # fmt: skip
_NUMBERS = ("skew_s", "cpu_busy", "cpu_waiting", "flop", "moved_bytes", "wrong_elements")
_HEADER = {
    "hosts": list, "devices": list, "command": list, "notes": list, "merged_from": list, "host": dict,
    "environment": dict, "versions": dict, "training": dict, "protocol": dict, "ranks": int, "nodes": int,
}  # fmt: skip
_COUNTS = ("size_bytes", "ranks", "nodes", "repetition")


def _sample(content: Mapping[str, Any], where: str) -> Sample:
    values = _known(Sample, content)
    try:
        per_rank, among = values.get("per_rank_s"), values.get("among")
        values["per_rank_s"] = None if per_rank is None else tuple(float(t) for t in per_rank)
        values["among"] = None if among is None else tuple(int(rank) for rank in among)
        sample = Sample(**values)
    except (TypeError, ValueError) as error:
        raise ContentError(where, f"must be a whole sample ({error})") from None
    _check(sample, where)
    return sample


def _known(kind: type, content: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a line that this version knows; later versions may write more."""
    return {f.name: content[f.name] for f in fields(kind) if f.name in content}


def _numbers(kind: Any, content: Mapping[str, Any], where: str) -> Any:
    """Return a line of numbers only."""
    values = _known(kind, content)
    for name, value in values.items():
        if not _is_number(value):
            raise ContentError(where, "must be a number", field=name, got=value)
    try:
        return kind(**values)
    except TypeError as error:
        raise ContentError(where, f"must be a whole {kind.kind} ({error})") from None


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _check(sample: Sample, where: str) -> None:
    for name in _TEXTS:
        if not isinstance(getattr(sample, name), str):
            raise ContentError(where, "must be text", field=name, got=getattr(sample, name))
    for name in _COUNTS:
        value = getattr(sample, name)
        least = 1 if name in ("ranks", "nodes") else 0
        if not isinstance(value, int) or isinstance(value, bool) or value < least:
            raise ContentError(where, f"must be a whole number >= {least}", field=name, got=value)
    if not _is_number(sample.time_s) or not 0 < sample.time_s < float("inf"):
        raise ContentError(where, "must be > 0", field="time_s", got=sample.time_s)
    for name in _NUMBERS:
        value = getattr(sample, name)
        if value is not None and not (_is_number(value) and value >= 0):
            raise ContentError(where, "must be a number >= 0, or null", field=name, got=value)
    if sample.among is not None and len(sample.among) < sample.ranks:
        raise ContentError(
            where, f"must name all {sample.ranks} ranks", field="among", got=list(sample.among)
        )
    if sample.mode not in MODES:
        raise ContentError(where, f"must be one of {', '.join(MODES)}", field="mode", got=sample.mode)


_KINDS: dict[str, Callable[[Mapping[str, Any], str], Any]] = {
    "sample": _sample,
    "step": partial(_numbers, Step),
    "epoch": partial(_numbers, Epoch),
}
