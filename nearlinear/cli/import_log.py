"""``nearlinear import``: logs of other tools in, a record out."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nearlinear.cli import hints

if TYPE_CHECKING:
    from nearlinear.calibrate.importers import Imported


def import_logs(
    files: Annotated[
        list[str],
        typer.Argument(
            metavar="FILE...",
            help="Logs of nccl-tests, OSU, Intel MPI Benchmarks, all_reduce_bench.py; CSV.",
        ),
    ],
    out: Annotated[str, typer.Option("--out", "-o", metavar="FILE", help="New record (.jsonl).")],
    collective: hints.COLLECTIVE = None,
    ranks: hints.RANKS = None,
    per_node: hints.PER_NODE = None,
    nics: hints.NICS = None,
    columns: hints.COLUMNS = "",
) -> None:
    """Read logs of other tools into a record, and say what was understood of them."""
    from nearlinear.calibrate.importers import Hints, read_all
    from nearlinear.calibrate.importers.record_file import write_record
    from nearlinear.cli.output import check_out, warn
    from nearlinear.cli.ranks import check_new

    path = check_out(out, (".jsonl",))
    assert path is not None  # --out is required
    check_new(path)
    _check_files(files)
    told = Hints(collective=collective, ranks=ranks, per_node=per_node, nics=nics, columns=columns)
    found = read_all(files, told)
    count = write_record(found, path, ["nearlinear", *sys.argv[1:]])
    warn([f"{Path(one.path).name}: {note}" for one in found for note in one.notes])
    _print(found)
    print(f"\nwrote {out}: {count} samples of {len(found)} {'file' if len(found) == 1 else 'files'}")
    print(f"Next: nearlinear calibrate {out} -o profile.toml")


def _check_files(files: list[str]) -> None:
    """Refuse a file given twice, and a record: it is one already."""
    from nearlinear.measure.records import is_record
    from nearlinear.models.errors import SpecError

    for place, file in enumerate(files):
        if file in files[:place]:
            raise SpecError("FILE", "must be given once", got=file)
        if is_record(file):
            remedy = "nearlinear calibrate reads it as it is; records merge joins several"
            raise SpecError("FILE", "must be a log of another tool", got=file, remedy=remedy)


def _print(found: "list[Imported]") -> None:
    from nearlinear.cli.output import print_table

    heads = ["file", "format", "operation", "ranks", "nodes", "sizes", "rows", "skipped", "ranks known from"]
    print_table(heads, [row for one in found for row in _rows(one)], left=(0, 1, 2, 8))


def _rows(one: "Imported") -> list[list[str]]:
    """Return a line for each operation of a file; rows are counted for the file."""
    from nearlinear.measure.records import samples_by
    from nearlinear.models.units import format_size

    lines = []
    groups = samples_by(one.samples, "operation", "ranks", "nodes")
    for index, ((operation, ranks, nodes), samples) in enumerate(groups.items()):
        least, most = (end(sample.size_bytes for sample in samples) for end in (min, max))
        sizes = f"{format_size(least)} - {format_size(most)}" if least < most else format_size(most)
        first = index == 0
        told = [Path(one.path).name, one.format, str(one.rows), str(one.skipped), one.known_from]
        name, form, rows, skipped, known = told if first else [""] * len(told)
        lines.append([name, form, operation, str(ranks), str(nodes), sizes, rows, skipped, known])
    return lines
