"""The record contract: one JSON object a line, a header, then samples, flushed as they are taken.

A record that ends without its last line (a crash, a kill) is read up to where it is whole.
"""

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np

from nearlinear.models.arrays import FloatArray
from nearlinear.models.errors import ContentError, SpecError

SCHEMA = "nearlinear/record"
VERSION = 1
MODES = ("individual", "pipelined")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One timed operation.

    Attributes
    ----------
    operation, algorithm : str
        ``allreduce`` or ``sendrecv``; ``vendor`` for the library's own, else whose rounds were run.
    transport, dtype : str
        How bytes moved, and the element type.
    placement : {"in", "out"}
        Whether the result replaced the input.
    size_bytes, ranks, nodes : int
        Vector in memory, participants that hold it, machines they run on.
    repetition : int
        Counted from 0 within the operation and size.
    mode : {"individual", "pipelined"}
        Timed one by one, or as the mean of calls back to back.
    statistic : str
        What ``time_s`` is over ranks: ``max``, or ``mean`` for logs of other tools.
    time_s : float
        Seconds.
    per_rank_s : tuple of float or None
        Of every rank; None where only the statistic is known.
    correct : bool or None
        Whether the result was checked and right; None where it was not checked.
    """

    operation: str
    algorithm: str
    transport: str
    dtype: str
    placement: str
    size_bytes: int
    ranks: int
    nodes: int
    repetition: int
    mode: str
    statistic: str
    time_s: float
    per_rank_s: tuple[float, ...] | None = None
    correct: bool | None = None


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
    complete : bool
        Whether the run came to its own end.
    notes : tuple of str
        What was wrong with the file, if anything.
    """

    path: str
    header: Mapping[str, Any]
    samples: tuple[Sample, ...]
    complete: bool
    notes: tuple[str, ...] = field(default=())

    def times_s(self) -> FloatArray:
        """Return the time of every sample."""
        return np.array([sample.time_s for sample in self.samples])


class RecordWriter:
    """Appends to a new record file, unbuffered: every line is out before the next is taken.

    Raises
    ------
    SpecError
        The file exists already or its folder does not.
    ContentError
        The file cannot be written.
    """

    def __init__(self, path: Path, header: Mapping[str, Any]) -> None:
        self.path, self.count = path, 0
        try:
            self._file = path.open("xb", buffering=0)
        except FileExistsError:
            remedy = "choose another --out, or remove it: records are never overwritten"
            raise ContentError("--out", "must be a new file", got=str(path), remedy=remedy) from None
        except OSError as error:
            raise ContentError("--out", f"cannot be written ({error.strerror})", got=str(path)) from None
        try:
            self._line({"kind": "header", "schema": SCHEMA, "version": VERSION, **header})
            self._sync()
        except ContentError:
            self.discard()
            raise

    def add(self, sample: Sample) -> None:
        """Append one sample."""
        self._line({"kind": "sample", **asdict(sample)})
        self.count += 1

    def end(self, complete: bool, reason: str) -> None:
        """Say why the run ended, and close."""
        self._line({"kind": "end", "complete": complete, "reason": reason, "samples": self.count})
        self._sync()
        self._file.close()

    def discard(self) -> None:
        """Take the file away: nothing was measured."""
        self._file.close()
        self.path.unlink(missing_ok=True)

    def _sync(self) -> None:
        try:
            os.fsync(self._file.fileno())
        except OSError as error:
            raise self._unwritable(error) from None

    def _line(self, content: Mapping[str, Any]) -> None:
        rest = memoryview((json.dumps(content) + "\n").encode())
        try:
            while rest:  # a disk that fills up takes a part first
                rest = rest[self._file.write(rest) :]
        except OSError as error:
            raise self._unwritable(error) from None

    def _unwritable(self, error: OSError) -> ContentError:
        return ContentError(str(self.path), f"cannot be written ({error.strerror})")


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
    notes: list[str] = []
    samples: list[Sample] = []
    complete = False
    for number, content in _whole(path, lines, notes):
        if content.get("kind") == "sample":
            samples.append(_sample(content, f"{path}:{number}"))
        elif content.get("kind") == "end":
            complete = bool(content.get("complete"))
    if not complete:
        notes.append(f"{path}: the run did not come to its end; {len(samples)} samples are there")
    return Record(
        path=str(path), header=header, samples=tuple(samples), complete=complete, notes=tuple(notes)
    )


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


_TEXTS = ("operation", "algorithm", "transport", "dtype", "placement", "mode", "statistic")
_COUNTS = ("size_bytes", "ranks", "nodes", "repetition")
_NAMES = tuple(f.name for f in fields(Sample))


def _sample(content: Mapping[str, Any], where: str) -> Sample:
    values = {name: content[name] for name in _NAMES if name in content}
    try:
        per_rank = values.get("per_rank_s")
        values["per_rank_s"] = None if per_rank is None else tuple(float(t) for t in per_rank)
        sample = Sample(**values)
    except (TypeError, ValueError) as error:
        raise ContentError(where, f"must be a whole sample ({error})") from None
    _check(sample, where)
    return sample


def _check(sample: Sample, where: str) -> None:
    for name in _TEXTS:
        if not isinstance(getattr(sample, name), str):
            raise ContentError(where, "must be text", field=name, got=getattr(sample, name))
    for name in _COUNTS:
        value = getattr(sample, name)
        least = 1 if name in ("ranks", "nodes") else 0
        if not isinstance(value, int) or isinstance(value, bool) or value < least:
            raise ContentError(where, f"must be a whole number >= {least}", field=name, got=value)
    if not isinstance(sample.time_s, int | float) or not 0 < sample.time_s < float("inf"):
        raise ContentError(where, "must be > 0", field="time_s", got=sample.time_s)
    if sample.mode not in MODES:
        raise ContentError(where, f"must be one of {', '.join(MODES)}", field="mode", got=sample.mode)


def samples_by(samples: Iterable[Sample], *names: str) -> dict[tuple[Any, ...], list[Sample]]:
    """Return samples grouped by the values of some fields, groups in order of appearance."""
    groups: dict[tuple[Any, ...], list[Sample]] = {}
    for sample in samples:
        groups.setdefault(tuple(getattr(sample, name) for name in names), []).append(sample)
    return groups
