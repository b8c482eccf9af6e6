"""Appending to a record file: every line is out before the next is taken."""

import json
import os
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from nearlinear.measure.records.sample import Epoch, Sample, Step
from nearlinear.models.errors import ContentError

SCHEMA = "nearlinear/record"
VERSION = 1


class RecordWriter:
    """Appends to a new record file, unbuffered.

    Raises
    ------
    ContentError
        The file exists already, or it cannot be written.
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

    def add(self, line: Sample | Step | Epoch) -> None:
        """Append one line."""
        self._line({"kind": line.kind, **asdict(line)})
        self.count += 1

    def end(self, complete: bool, reason: str) -> None:
        """Say why the run ended, and close."""
        self._line({"kind": "end", "complete": complete, "reason": reason, "samples": self.count})
        self._sync()
        self._file.close()

    def break_off(self, error: BaseException) -> None:
        """Close for an error: a wish to end is written, a record without a line is of no use."""
        if not self.count:
            self.discard()
        elif isinstance(error, KeyboardInterrupt):
            self.end(complete=False, reason="interrupted")

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
