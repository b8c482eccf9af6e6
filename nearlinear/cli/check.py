"""``nearlinear check``: whether a cluster is as fast as its profile says."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from nearlinear.cli import hints
from nearlinear.cli.options import JSON

if TYPE_CHECKING:
    from nearlinear.calibrate.health import Curve


def check(
    run: Annotated[str, typer.Argument(metavar="RUN", help="A record or log.")],
    profile: Annotated[str, typer.Option("--profile", metavar="FILE", help="What is expected (.toml).")],
    nics: hints.NICS = None,
    collective: hints.COLLECTIVE = None,
    ranks: hints.RANKS = None,
    per_node: hints.PER_NODE = None,
    columns: hints.COLUMNS = "",
    junit: Annotated[
        str | None, typer.Option("--junit", metavar="FILE", help="Write the verdicts as JUnit XML (.xml).")
    ] = None,
    as_json: JSON = False,
) -> None:
    """Check a run against a profile: expected range, verdict and suspected cause; leaves with 5 on a fail."""
    from nearlinear.calibrate.health import check_run
    from nearlinear.calibrate.importers import Hints, read_all
    from nearlinear.cli.output import check_out, print_document, warn, write_text
    from nearlinear.models.errors import TargetError
    from nearlinear.models.profile import read_profile

    path = check_out(junit, (".xml",), "--junit")
    expected = read_profile(profile)
    known = Hints(collective=collective, ranks=ranks, per_node=per_node, columns=columns)
    imported = read_all([run], known)[0]
    notes = list(imported.notes)
    curves = check_run(imported, expected, nics, notes)
    if path is not None:
        write_text(path, _junit(run, curves))
    if as_json:
        result = {"verdict": _verdict(curves), "curves": [_plain(curve) for curve in curves]}
        print_document("check", {"run": run, "profile": profile}, result, notes)
    else:
        warn(notes)
        _print(curves)
    failing = [curve for curve in curves if curve.fails]
    if failing:
        told = f"{len(failing)} of {len(curves)} curves are slower than the profile expects"
        raise TargetError(run, told, remedy=f"first {_named(failing[0])}: {failing[0].causes[0]}")


def _verdict(curves: "list[Curve]") -> str:
    verdicts = {curve.verdict for curve in curves}
    return next((name for name in ("fail", "warn") if name in verdicts), "ok")


def _print(curves: "list[Curve]") -> None:
    from nearlinear.cli.output import print_table
    from nearlinear.models.units import format_size

    rows = [
        [_named(curve), format_size(size), f"{measured * 1e6:.4g}", f"{low * 1e6:.4g} - {high * 1e6:.4g}",
         f"{measured / median:.2f}", "slow" if measured > high else "fast" if measured < low else "ok"]
        for curve in curves
        for size, measured, low, median, high in zip(
            curve.size_bytes, curve.measured_s, curve.low_s, curve.median_s, curve.high_s, strict=True)
    ]  # fmt: skip
    columns = ["curve", "size", "measured us", "expected us (90 %)", "ratio", "verdict"]
    print_table(columns, rows, left=(0, 5))
    print()
    for curve in curves:
        beyond = ", beyond what the profile measured" if curve.beyond else ""
        told = f"{int(curve.slow.sum())} of {len(curve.slow)} sizes slow"
        print(f"{curve.verdict:4s}  {_named(curve)}: {told}{beyond}")
        for cause in curve.causes:
            print(f"      {cause}")


def _named(curve: "Curve") -> str:
    kind = curve.kind
    return f"{kind.operation} {kind.algorithm}, {kind.ranks} ranks on {kind.nodes}"


def _plain(curve: "Curve") -> dict[str, Any]:
    kind = curve.kind
    return {
        "operation": kind.operation, "algorithm": kind.algorithm, "transport": curve.transport,
        "ranks": kind.ranks, "nodes": kind.nodes, "verdict": curve.verdict, "beyond": curve.beyond,
        "causes": list(curve.causes), "size_bytes": curve.size_bytes.tolist(),
        "measured_s": curve.measured_s.tolist(), "low_s": curve.low_s.tolist(),
        "median_s": curve.median_s.tolist(), "high_s": curve.high_s.tolist(),
    }  # fmt: skip


def _junit(run: str, curves: "list[Curve]") -> str:
    """Return a test case for every curve, for the pages of a build server."""
    from xml.sax.saxutils import quoteattr

    cases = []
    for curve in curves:
        name, failure = quoteattr(_named(curve)), ""
        if curve.fails:
            failure = f"<failure message={quoteattr('; '.join(curve.causes))}/>"
        cases.append(f'  <testcase classname="nearlinear.check" name={name}>{failure}</testcase>')
    failures = sum(curve.fails for curve in curves)
    head = f'<testsuite name={quoteattr(run)} tests="{len(curves)}" failures="{failures}">'
    return "\n".join(['<?xml version="1.0" encoding="UTF-8"?>', head, *cases, "</testsuite>", ""])
