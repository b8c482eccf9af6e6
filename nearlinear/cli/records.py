"""``nearlinear records``: list, show, merge and export what was measured."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nearlinear.cli.options import JSON

if TYPE_CHECKING:
    from nearlinear.measure.records import Record
    from nearlinear.reports.measured import Summary

records = typer.Typer(help="List, show, merge and export records of measurements.", no_args_is_help=True)
FILE = Annotated[str, typer.Argument(metavar="FILE", help="A record (.jsonl).")]


@records.command("list")
def list_records(
    folder: Annotated[str, typer.Argument(metavar="FOLDER", help="Where to look.")] = ".",
    as_json: JSON = False,
) -> None:
    """List the records of a folder, newest last."""
    from nearlinear.cli.output import print_document, print_table, say, warn
    from nearlinear.measure.records import is_record, read_record
    from nearlinear.models.errors import NearlinearError, SpecError

    if not Path(folder).is_dir():
        raise SpecError("FOLDER", "must be a folder that is there", got=folder)
    found, bad = [], []
    for path in sorted(Path(folder).glob("*.jsonl")):
        try:
            found += [read_record(path)] if is_record(path) else []
        except NearlinearError as error:
            bad.append(str(error))
    warn(bad)
    found.sort(key=lambda record: str(record.header.get("created", "")))
    rows = [_entry(record) for record in found]
    if as_json:
        print_document("records", {"folder": folder}, rows)
    elif rows:
        print_table(list(rows[0]), [[str(value) for value in row.values()] for row in rows], left=(0, 1, 5))
    else:
        say(f"no records in {folder}; nearlinear measure makes them")


@records.command("show")
def show_record(
    file: FILE,
    picture: Annotated[
        str | None,
        typer.Option("--picture", metavar="FILE", help="Draw the rank by rank matrix (.svg, .png, .pdf)."),
    ] = None,
    as_json: JSON = False,
) -> None:
    """Show what a record holds: where it was measured, and the tables of its samples or steps."""
    from nearlinear.cli.output import check_out, print_document, warn
    from nearlinear.measure.records import read_record
    from nearlinear.reports.measured import summaries
    from nearlinear.reports.trained import trained_plain

    out = check_out(picture, (".svg", ".png", ".pdf"), "--picture")
    record = read_record(file)
    rows = summaries(record.samples)
    if as_json:
        trained = trained_plain(record) if record.steps or record.epochs else None
        result = {"header": record.header, "operations": [row.plain() for row in rows], "trained": trained}
        print_document("measurement", {"record": file}, result, record.notes)
    else:
        _show(record)
        warn(record.notes)
    if out is not None:
        _draw(rows, out)


@records.command("merge")
def merge_records(
    files: Annotated[list[str], typer.Argument(metavar="FILE...", help="Records of one kind of machine.")],
    out: Annotated[str, typer.Option("--out", "-o", metavar="FILE", help="New record (.jsonl).")],
) -> None:
    """Write the samples of several records of one machine into a new one."""
    from nearlinear.cli.output import warn
    from nearlinear.cli.ranks import check_new
    from nearlinear.measure.records import read_record
    from nearlinear.measure.records.merging import merge

    check_new(Path(out))
    found = [read_record(file) for file in files]
    warn([note for record in found for note in record.notes])
    print(f"wrote {out}: {merge(found, Path(out))} samples of {len(found)} records")


@records.command("export")
def export_record(
    file: FILE,
    out: Annotated[str, typer.Option("--out", "-o", metavar="FILE", help="A .csv or .parquet file.")],
) -> None:
    """Export samples, or steps of a training run, as one table."""
    from nearlinear.cli.output import check_out, csv_text, warn, write_text
    from nearlinear.measure.records import read_record
    from nearlinear.measure.records.columns import columns

    path = check_out(out, (".csv", ".parquet"))
    assert path is not None  # --out is required
    record = read_record(file)
    table = columns(record, lists=path.suffix == ".parquet")
    warn(record.notes)
    if path.suffix == ".csv":
        write_text(path, csv_text(list(table), list(zip(*table.values(), strict=True))))
    else:
        _write_parquet(path, table)
    print(f"wrote {out}: {len(table['run_id'])} rows of {len(table)} columns")


def _entry(record: "Record") -> dict[str, Any]:
    from nearlinear.measure.operations.table import OPERATIONS

    header = record.header
    samples = record.samples
    held = {s.operation for s in samples}
    names = [name for name in OPERATIONS if name in held] or (["training"] if record.steps else [])
    return {
        "file": Path(record.path).name,
        "created": header.get("created", ""),
        "ranks": header.get("ranks", ""),
        "nodes": header.get("nodes", ""),
        "samples": len(samples) or len(record.steps),
        "holds": ",".join(names),
        "transport": header.get("transport", ""),
        "complete": "yes" if record.complete else "no",
    }


def _show(record: "Record") -> None:
    from nearlinear.reports.measured_tables import measured_text
    from nearlinear.reports.trained import trained_text

    header = record.header
    print(f"{record.path}: run {header.get('run_id', '')} of {header.get('created', '')}")
    print(f"  command    {' '.join(header.get('command', []))}")
    print(f"  ranks      {header.get('ranks')} on {header.get('nodes')}: {_counted(header.get('hosts', []))}")
    print(f"  devices    {_counted(header.get('devices', []))}")
    print(f"  transport  {header.get('transport')}")
    versions = header.get("versions", {})
    print(f"  software   {', '.join(f'{name} {versions[name]}' for name in versions if name != 'mpi')}")
    if "mpi" in versions:
        print(f"  mpi        {versions['mpi'][:90]}")
    host, protocol = header.get("host", {}), header.get("protocol", {})
    print(f"  cores      {host.get('cores', '?')} on the host of rank 0")
    if protocol:
        print(f"  protocol   {', '.join(f'{name} {value}' for name, value in protocol.items() if value)}")
    for merged in header.get("merged_from", []):
        print(f"  merged     {merged.get('run_id', '')[:8]} of {merged.get('created', '')}")
    for name, value in header.get("environment", {}).items():
        print(f"  variable   {name}={value}")
    for note in header.get("notes", []):
        print(f"  note       {note}")
    text = trained_text(record) if record.steps or record.epochs else measured_text(record.samples)
    print(f"\n{text}")


def _counted(names: list[str]) -> str:
    return ", ".join(f"{names.count(name)} x {name}" for name in dict.fromkeys(names))


def _draw(rows: list["Summary"], out: Path) -> None:
    from nearlinear.cli.output import say
    from nearlinear.models.errors import SpecError
    from nearlinear.reports.figures import save
    from nearlinear.reports.measured_tables import pair_kinds
    from nearlinear.reports.pair_picture import draw_pairs

    kinds = list(pair_kinds(rows).values())
    if not kinds:
        raise SpecError("--picture", "needs messages between all pairs", remedy="measure --ops pairs")
    save(draw_pairs(kinds[0]), out)
    say(f"wrote {out}")


def _write_parquet(path: Path, table: dict[str, list[Any]]) -> None:
    from importlib.util import find_spec

    from nearlinear.models.errors import AbsentError
    from nearlinear.models.whole_file import write_whole

    if find_spec("pyarrow") is None:
        raise AbsentError("--out", "needs pyarrow for Parquet", got=str(path), remedy="pip install pyarrow")
    import pyarrow
    import pyarrow.parquet

    write_whole(path, lambda file: pyarrow.parquet.write_table(pyarrow.table(table), file))
