"""What a suite scored before: a file of errors by curve, and whether any became worse.

The file is CSV, one row for each curve and situation, so that a change of the model shows as a change of
the file. A curve is worse where its median error has grown by more than ``MARGIN``.
"""

import csv
import io
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from nearlinear.models.errors import ContentError, SpecError
from nearlinear.models.whole_file import write_whole
from nearlinear.reports.validation.log_replay import LogReplay
from nearlinear.reports.validation.replay import Replay

MARGIN = 0.02
COLUMNS = ("curve", "situation", "points", "median_error", "worst_error", "in_band")
REMEDY = f"its columns are {','.join(COLUMNS)}; nearlinear validate --record writes it"
Key = tuple[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Worse:
    """A curve that was better before.

    Attributes
    ----------
    curve, situation : str
        Which.
    before, now : float
        Median error recorded and found.
    """

    curve: str
    situation: str
    before: float
    now: float


def read_history(path: Path) -> dict[Key, float]:
    """Return the recorded median error of each curve and situation.

    Raises
    ------
    SpecError
        The file is not there.
    ContentError
        Not such a file.
    """
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
    except OSError as error:
        raise SpecError("--history", f"must be a readable file ({error.strerror})", got=str(path)) from None
    except UnicodeDecodeError:
        raise ContentError(str(path), "must be UTF-8 text") from None
    if not rows:
        raise ContentError(str(path), "must have rows of a history", remedy=REMEDY)
    found = {}
    for number, row in enumerate(rows, start=2):
        try:
            median = float(row["median_error"])
            if not median >= 0.0:
                raise ValueError
            found[row["curve"], row["situation"]] = median
        except (KeyError, TypeError, ValueError):
            raise ContentError(f"{path}:{number}", "must be a row of a history", remedy=REMEDY) from None
    return found


def worse(replays: Iterable[Replay | LogReplay], before: Mapping[Key, float]) -> Iterator[Worse]:
    """Yield the curves whose median error grew by more than the margin; new curves are no worse."""
    for replay in replays:
        key = (replay.curve.name, replay.situation.name)
        now = replay.median_error
        if key in before and now > before[key] + MARGIN:
            yield Worse(curve=key[0], situation=key[1], before=before[key], now=now)


def write_history(path: Path, replays: Iterable[Replay | LogReplay]) -> None:
    """Write the errors of replays, whole or not at all."""
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(COLUMNS)
    for replay in replays:
        errors = f"{replay.median_error:.4f}", f"{replay.worst_error:.4f}"
        share = f"{replay.covered.mean():.3f}"
        rows.writerow([replay.curve.name, replay.situation.name, len(replay.devices), *errors, share])
    write_whole(path, lambda file: file.write(text.getvalue().encode()))
