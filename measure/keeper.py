"""Samples on their way into the record, kept for the final table, too."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nearlinear.measure.interruption import INTERRUPTED
from nearlinear.measure.records import RecordWriter, Sample
from nearlinear.models.errors import IncompleteError, TargetError


class Keeper:
    """Writes samples and keeps them for the final table."""

    def __init__(self, path: Path, header: Mapping[str, Any]) -> None:
        self.samples: list[Sample] = []
        self.file = RecordWriter(path, header)

    def keep(self, sample: Sample) -> None:
        """Write one sample."""
        self.file.add(sample)
        self.samples.append(sample)

    def close(self, error: BaseException) -> None:
        """Say that the run was interrupted; a record without a sample is of no use."""
        self.file.break_off(error)

    def end(self, reason: str) -> None:
        """Close the record; ``TargetError`` where it holds wrong results, ``IncompleteError`` where none."""
        if not self.samples:
            self.file.discard()
            if reason == INTERRUPTED:
                return
            told = "must be long enough for a sample of the smallest size"
            raise IncompleteError("--budget", told, remedy="give more, or measure less")
        self.file.end(complete=reason != INTERRUPTED, reason=reason)
        check_correct(self.samples, self.file.path)


def check_correct(samples: list[Sample], path: Path) -> None:
    """Raise ``TargetError`` where a result was wrong: reported, never averaged away."""
    wrong = sorted({(s.operation, s.algorithm, s.size_bytes) for s in samples if s.correct is False})
    if wrong:
        operation, algorithm, size = wrong[0]
        raise TargetError(
            str(path),
            f"{len(wrong)} measured results are wrong, first {operation}/{algorithm} at {size} bytes",
            remedy="do not use these numbers; check the MPI library and the network",
        )
