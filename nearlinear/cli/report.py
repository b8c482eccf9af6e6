"""``nearlinear report``: stored predictions as one HTML page."""

from pathlib import Path
from typing import Annotated

import typer


def report(
    files: Annotated[
        list[str], typer.Argument(metavar="FILE...", help="Predictions written with --json or -o.")
    ],
    out: Annotated[
        str, typer.Option("--out", "-o", metavar="FILE", help="The page to write (.html).")
    ] = "report.html",
    title: Annotated[str, typer.Option("--title", help="Heading of the page.")] = "nearlinear report",
) -> None:
    """Render stored predictions as one self-contained HTML page."""
    from nearlinear.cli.output import check_out, write_text
    from nearlinear.models.document import read_document
    from nearlinear.reports.report import Section, render_report

    path = check_out(out, (".html",))
    assert path is not None  # --out has a default
    sections = [Section.of_prediction(read_document(Path(file))) for file in files]
    write_text(path, render_report(title, sections, [f"nearlinear report {' '.join(files)} -o {out}"]))
    print(f"wrote {path}")
