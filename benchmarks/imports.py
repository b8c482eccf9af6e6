"""Import every log of a folder and print what was understood of it, or why it was refused.

    python benchmarks/imports.py --data DIR

A folder may say beside its logs what is in them: ``index.csv`` with the columns name, collective, nranks and
nnodes is used where a log itself does not tell; ``NAME.csv`` with size_bytes, placement, time_us and bw_MBs
is compared with what was read of ``NAME.log``.
"""

import argparse
import csv
import math
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from nearlinear.calibrate.importers import Hints, Imported, read_measurements
from nearlinear.calibrate.importers.names import collective_named
from nearlinear.cli.output import print_table
from nearlinear.measure.records import Sample
from nearlinear.models.errors import NearlinearError
from nearlinear.models.units import MB, MICROSECOND

DIGITS = 5  # of numbers that are compared
HEADS = ["file", "format", "rows", "skipped", "ranks", "nodes", "known from", "as its csv"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a log: what was read, or why it was refused, and how."""

    path: Path
    imported: Imported | None
    refusal: str
    hinted: bool


def outcomes(folder: Path) -> Iterator[Outcome]:
    """Yield what becomes of every log; those that do not tell enough are tried again with the index."""
    index = _index(folder / "index.csv")
    for path in sorted(folder.glob("*.log")):
        alone = _read(path, Hints())
        hints = index.get(path.stem)
        if alone.imported is None and hints is not None and "does not say" in alone.refusal:
            yield _read(path, hints)
        else:
            yield alone


def _index(path: Path) -> dict[str, Hints]:
    if not path.exists():
        return {}
    with path.open(newline="", encoding="utf-8") as file:
        return {row["name"]: _hints(row) for row in csv.DictReader(file)}


def _hints(row: dict[str, str]) -> Hints:
    collective = row["collective"].split(" ")[0]
    ranks = int(float(row["nranks"])) if row["nranks"] else None
    nodes = int(row["nnodes"]) if row["nnodes"].isdecimal() else None
    return Hints(
        collective=collective if collective_named(collective) else None, ranks=ranks,
        per_node=math.ceil(ranks / nodes) if ranks and nodes else None,
    )  # fmt: skip


def _read(path: Path, hints: Hints) -> Outcome:
    try:
        return Outcome(path, read_measurements(path, hints), "", hints != Hints())
    except NearlinearError as error:
        return Outcome(path, None, str(error).removeprefix(f"{path.parent}/"), hints != Hints())


def compared(outcome: Outcome) -> str:
    """Return whether what was read is what the table beside the log says, row by row."""
    table = outcome.path.with_suffix(".csv")
    if not table.exists() or outcome.imported is None:
        return "-"
    with table.open(newline="", encoding="utf-8") as file:
        expected = Counter(_expected(csv.DictReader(file), outcome.imported))
    found = Counter(_found(outcome.imported.samples))
    return (
        "yes"
        if expected == found
        else f"{(expected - found).total()} missing, {(found - expected).total()} more"
    )


def _expected(rows: Iterable[dict[str, str]], imported: Imported) -> Iterator[tuple[int, str, str]]:
    for row in rows:
        size = int(row["size_bytes"])
        if row["time_us"] and (size or imported.format == "osu"):
            yield size, row["placement"] or "out", _short(float(row["time_us"]) * MICROSECOND)
        elif row["bw_MBs"]:
            yield size, "out", f"{float(row['bw_MBs']):.2f} MB/s"


def _found(samples: Iterable[Sample]) -> Iterator[tuple[int, str, str]]:
    for sample in samples:
        pairs = sample.ranks // 2 if sample.operation == "contention" else 1
        rate = f"{pairs * sample.size_bytes / sample.time_s / MB:.2f} MB/s"
        of_rate = sample.operation in ("bandwidth", "contention")
        yield sample.size_bytes, sample.placement, rate if of_rate else _short(sample.time_s)


def _short(value: float) -> str:
    return f"{value:.{DIGITS}g}"


def main() -> None:
    """Print the table, and notes and refusals below it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    found = list(outcomes(parser.parse_args().data))
    print_table(HEADS, [_row(outcome) for outcome in found], left=(0, 1, 6, 7))
    for outcome in found:
        for note in outcome.imported.notes if outcome.imported else (f"refused: {outcome.refusal}",):
            print(f"{outcome.path.name}: {note}")


def _row(outcome: Outcome) -> list[str]:
    one = outcome.imported
    if one is None:
        return [outcome.path.name, "refused", *[""] * 6]
    ranks, nodes = (sorted({getattr(s, name) for s in one.samples}) for name in ("ranks", "nodes"))
    known = one.known_from + (" (index)" if outcome.hinted else "")
    counts = [", ".join(map(str, numbers)) for numbers in (ranks, nodes)]
    return [outcome.path.name, one.format, str(one.rows), str(one.skipped), *counts, known, compared(outcome)]


if __name__ == "__main__":
    main()
