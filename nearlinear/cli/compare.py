"""``nearlinear compare``: whether it became slower."""

import re
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nearlinear.cli import hints
from nearlinear.cli.options import JSON

if TYPE_CHECKING:
    from nearlinear.calibrate.regression import Change, Comparison

VERDICTS = ("slower", "faster", "changed")


def compare(
    before: Annotated[str, typer.Argument(metavar="BEFORE", help="A record or log.")],
    after: Annotated[str, typer.Argument(metavar="AFTER", help="The same measurements, later.")],
    fail_if: Annotated[
        str | None,
        typer.Option("--fail-if", metavar="RULE", help='Leave with 5, such as "slower>5%", faster, changed.'),
    ] = None,
    collective: hints.COLLECTIVE = None,
    ranks: hints.RANKS = None,
    per_node: hints.PER_NODE = None,
    columns: hints.COLUMNS = "",
    seed: Annotated[int, typer.Option("--seed", min=0, help="Of the bootstrap.")] = 0,
    as_json: JSON = False,
) -> None:
    """Compare two runs of the same measurements: effect with its interval, cell by cell."""
    from nearlinear.calibrate.importers import Hints, read_all
    from nearlinear.calibrate.regression import compare_runs
    from nearlinear.cli.output import print_document, warn
    from nearlinear.models.errors import TargetError

    rule = _rule(fail_if) if fail_if else None
    known = Hints(collective=collective, ranks=ranks, per_node=per_node, columns=columns)
    runs = read_all([before, after], known)
    found = compare_runs(runs[0], runs[1], seed)
    notes = [f"{run.path}: {note}" for run in runs for note in run.notes]
    if as_json:
        print_document("comparison", {"before": before, "after": after}, _plain(found), notes)
    else:
        warn(notes)
        _print(found)
    failing = found.worse(*rule) if rule else []
    if failing and rule:
        worst = max(failing, key=lambda change: abs(change.ratio - 1))
        told = f"{len(failing)} of {len(found.changes)} cells are {rule[0]} by more than {rule[1]:.3g}"
        raise TargetError("--fail-if", f"{told}, worst {_named(worst)} x {worst.ratio:.3f}")


def _rule(text: str) -> tuple[str, float]:
    """Return (verdict, fraction) of a rule such as ``slower>5%``."""
    from nearlinear.models.errors import SpecError
    from nearlinear.models.units import parse_fraction

    found = re.fullmatch(r"\s*(\w+)\s*(?:>\s*(\S+))?\s*", text)
    if found is None or found[1] not in VERDICTS:
        raise SpecError("--fail-if", f"must be {', '.join(VERDICTS)} with a limit", got=text,
                        remedy='write "slower>5%"')  # fmt: skip
    return found[1], parse_fraction(found[2], "--fail-if") if found[2] else 0.0


def _plain(found: "Comparison") -> dict[str, Any]:
    return {
        "cells": [
            {
                **change.cell, "before_s": change.before_s, "after_s": change.after_s,
                "samples": list(change.samples), "verdict": change.verdict,
                "ratio": {"median": change.ratio, "low": change.low, "high": change.high},
            }
            for change in found.changes
        ],
        "only_before": found.only_before,
        "only_after": found.only_after,
    }  # fmt: skip


def _print(found: "Comparison") -> None:
    from nearlinear.cli.output import print_table

    rows = [
        [_named(c), str(c.cell["ranks"]), f"{c.before_s * 1e6:.4g}", f"{c.after_s * 1e6:.4g}",
         f"{c.ratio:.3f}", f"{c.low:.3f} - {c.high:.3f}", f"{c.samples[0]}, {c.samples[1]}", c.verdict]
        for c in found.changes
    ]  # fmt: skip
    columns = ["cell", "ranks", "before us", "after us", "ratio", "95 % interval", "samples", "verdict"]
    print_table(columns, rows, left=(0, 7))
    verdicts = [change.verdict for change in found.changes]
    told = ", ".join(f"{verdicts.count(name)} {name}" for name in ("slower", "faster", "same"))
    print(f"\n{told} of {len(verdicts)} cells; one in twenty differs by chance")
    if found.only_before or found.only_after:
        print(f"left out: {found.only_before} cells are before only, {found.only_after} after only")


def _named(change: "Change") -> str:
    from nearlinear.models.units import format_size

    cell = change.cell
    words = [cell["operation"], cell["algorithm"], cell["wire_dtype"], cell["placement"]]
    words += ["pipelined"] if cell["mode"] == "pipelined" else []
    return " ".join([*filter(None, words), format_size(cell["size_bytes"])])
