"""What a verb prints: results on standard output, everything else on standard error."""

import csv
import io
import json
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from nearlinear.models.errors import ContentError, SpecError


def say(line: str) -> None:
    """Print a line for people on standard error."""
    print(line, file=sys.stderr, flush=True)


def warn(warnings: Sequence[str]) -> None:
    """Print warnings on standard error, each on its line."""
    for warning in warnings:
        say(f"! {warning}")


def print_json(content: Any) -> None:
    """Print a JSON document on standard output."""
    print(json.dumps(content, indent=2, allow_nan=False))


def envelope(
    schema: str,
    inputs: Mapping[str, Any],
    result: Any,
    warnings: Sequence[str] = (),
    provenance: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Return a result in the envelope that all JSON output shares."""
    from importlib.metadata import version

    made = {"nearlinear": version("nearlinear"), **(provenance or {})}
    return {
        "schema": f"nearlinear/{schema}", "version": 1, "inputs": dict(inputs), "result": result,
        "warnings": list(warnings), "provenance": made,
    }  # fmt: skip


def print_document(
    schema: str,
    inputs: Mapping[str, Any],
    result: Any,
    warnings: Sequence[str] = (),
    provenance: Mapping[str, Any] | None = None,
) -> None:
    """Print a result in the envelope that all JSON output shares."""
    print_json(envelope(schema, inputs, result, warnings, provenance))


def print_table(columns: Sequence[str], rows: Sequence[Sequence[str]], left: Sequence[int] = (0,)) -> None:
    """Print a table on standard output; columns in ``left`` are aligned left, others right."""
    widths = [max(map(len, column)) for column in zip(columns, *rows, strict=True)]
    lines = [columns, ["-" * width for width in widths], *rows]
    for line in lines:
        cells = (
            cell.ljust(width) if index in left else cell.rjust(width)
            for index, (cell, width) in enumerate(zip(line, widths, strict=True))
        )
        print("  ".join(cells).rstrip())


def check_out(path: str | None, suffixes: Sequence[str], where: str = "--out") -> Path | None:
    """Return the path to write, refused at once where it cannot be written.

    Raises
    ------
    SpecError
        An unknown suffix, or a folder that is not there.
    ContentError
        A folder that cannot be written to.
    """
    if path is None:
        return None
    out = Path(path)
    if out.suffix not in suffixes:
        raise SpecError(where, f"must end in {', '.join(suffixes)}", got=path)
    if not out.parent.is_dir():
        remedy = "make the folder first"
        raise SpecError(where, "must lie in a folder that is there", got=path, remedy=remedy)
    if not os.access(out.parent, os.W_OK) or out.is_dir():
        raise ContentError(where, "must be writable", got=path)
    return out


def write_text(path: Path, text: str) -> None:
    """Write a file whole or not at all."""
    from nearlinear.models.whole_file import write_whole

    write_whole(path, lambda file: file.write(text.encode()))


def write_json(path: Path, content: Any) -> None:
    """Write a JSON document whole or not at all."""
    write_text(path, json.dumps(content, indent=2, allow_nan=False) + "\n")


def csv_text(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """Return rows as CSV with a header."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    return buffer.getvalue()
