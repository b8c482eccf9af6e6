"""``nearlinear calibrate``: records and logs in, a profile out."""

from inspect import signature
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from nearlinear.cli import hints
from nearlinear.cli.kernel_table import held, print_kernels
from nearlinear.cli.options import JSON

if TYPE_CHECKING:
    from nearlinear.calibrate.calibration import Calibrated, Calibration

MOST_HELD_OUT = 0.5  # a fit to less than half of the sizes says nothing of the whole


def calibrate(
    files: Annotated[list[str], typer.Argument(metavar="FILE...", help="Records, and logs of other tools.")],
    out: Annotated[
        str | None,
        typer.Option("--out", "-o", metavar="FILE", help="Write the profile (.toml, and .npz beside)."),
    ] = None,
    holdout: Annotated[
        str, typer.Option("--holdout", metavar="FRACTION", help="Sizes to check on; 0 for none.")
    ] = "20%",
    by: Annotated[
        Literal["sizes", "ranks", "runs"],
        typer.Option("--by", help="Which errors to print: of sizes, rank counts or runs held out."),
    ] = "sizes",
    seed: Annotated[int, typer.Option("--seed", min=0, help="Of hold-out and bootstrap.")] = 0,
    replicates: Annotated[
        int, typer.Option("--replicates", min=50, max=20_000, help="Bootstrap samples.")
    ] = 400,
    plot: Annotated[
        str | None,
        typer.Option("--plot", metavar="FILE", help="Draw fit and held-out points (.svg, .png, .pdf)."),
    ] = None,
    collective: hints.COLLECTIVE = None,
    ranks: hints.RANKS = None,
    per_node: hints.PER_NODE = None,
    nics: hints.NICS = None,
    columns: hints.COLUMNS = "",
    as_json: JSON = False,
) -> None:
    """Fit links and kernels to measurements, or links to training steps, with errors on what is held out."""
    asked = dict(locals())
    from nearlinear.calibrate.calibration import CalibrateSpec, Hints, fit_profile
    from nearlinear.calibrate.profile_file import write_profile
    from nearlinear.cli.exchanges import asked_for, calibrate_exchanges
    from nearlinear.cli.output import check_out

    path = check_out(out, (".toml",))
    usual = {name: one.default for name, one in signature(calibrate).parameters.items()}
    if asked_for(files, {name: value for name, value in asked.items() if value != usual[name]}):
        calibrate_exchanges(files[0], path, as_json)
        return
    figure = check_out(plot, (".svg", ".png", ".pdf"), "--plot")
    spec = CalibrateSpec(
        hints=Hints(collective=collective, ranks=ranks, per_node=per_node, nics=nics, columns=columns),
        holdout=_holdout(holdout),
        seed=seed,
        replicates=replicates,
    )
    calibration = fit_profile([Path(file) for file in files], spec, name=out or "profile")
    if figure is not None:
        _check_plot(calibration, figure)
    if path is not None:
        write_profile(calibration.profile, path)
    if figure is not None:
        from nearlinear.reports.figures import draw_fits, save

        save(draw_fits(calibration.links), figure)
    _show(calibration, path, by, as_json)


def _show(calibration: "Calibration", path: Path | None, by: str, as_json: bool) -> None:
    from nearlinear.cli.output import print_document, warn

    notes = [*calibration.notes, *_unchecked(calibration, by)]
    if as_json:
        made = calibration.profile.provenance
        result = _result(calibration, by)
        print_document("calibration", {**made, "by": by}, result, notes, {"files": made["files"]})
        return
    warn(notes)
    _print(calibration)
    _print_held_out(calibration, by)
    if path is not None:
        print(f"\nwrote {path} and {path.with_suffix('.npz')}")
        print(f"Next: nearlinear predict resnet-50 --cluster CLUSTER --profile {path}")
    else:
        print("\nNext: add -o profile.toml to keep it")


def _check_plot(calibration: "Calibration", figure: Path) -> None:
    if not calibration.links:
        from nearlinear.models.errors import SpecError

        raise SpecError("--plot", "needs a level of links: of kernels there is a table only", got=str(figure))


def _holdout(text: str) -> float:
    from nearlinear.models.errors import SpecError
    from nearlinear.models.units import parse_fraction

    fraction = parse_fraction(text, "--holdout")
    if fraction > MOST_HELD_OUT:
        raise SpecError("--holdout", f"must be at most {MOST_HELD_OUT:.0%}", got=text)
    return fraction


def _print(calibration: "Calibration") -> None:
    from nearlinear.cli.loggp import print_loggp
    from nearlinear.cli.output import print_table

    print_kernels(calibration.compute)
    if not calibration.links:
        return
    if calibration.compute:
        print()
    rows = [_row(calibrated) for calibrated in calibration.links]
    columns = [
        "level",
        "through",
        "latency us",
        "bandwidth GB/s",
        "pieces",
        "adding",
        "left out",
        "held-out sizes",
    ]
    print_table(columns, rows, left=(0, 1, 7))
    if any(one.link.source == "vendor" for one in calibration.links):
        print("vendor latency is that of one hop in the library's form (docs/collectives.md)")
    if any(one.link.source == "stream" for one in calibration.links):
        print("stream latency is the gap between messages; predictions do not use it")
    for calibrated in calibration.links:
        for line in (_parity(calibrated), _switches(calibrated), _assumed(calibrated)):
            if line:
                print(line)
    print_loggp(calibration.profile.loggp)


def _unchecked(calibration: "Calibration", by: str) -> list[str]:
    """Return why there are no errors of what was asked for."""
    profile = calibration.profile
    if any(row.by == by for row in profile.holdout) or not calibration.links:
        return []
    if not profile.provenance["holdout"]:
        return [] if by == "sizes" else [f"nothing was held out: --by {by} needs --holdout above 0"]
    needs = {"sizes": "more sizes, or a larger --holdout", "ranks": "the same collective at two rank counts",
             "runs": "the same measurement in two runs"}  # fmt: skip
    return [f"nothing was held out: --by {by} needs {needs[by]}"]


def _print_held_out(calibration: "Calibration", by: str) -> None:
    from nearlinear.cli.output import print_table

    rows = [row for row in calibration.profile.holdout if row.by == by]
    if not rows:
        return
    names = [f"{row.collective}{'' if row.algorithm == 'vendor' else f' {row.algorithm}'}" for row in rows]
    told = [
        [row.file, name, row.placement, f"{row.median_ape:.1%}", f"{row.p95_ape:.1%}",
         f"{row.coverage_90:.0%}", str(row.points), str(row.outside)]
        for row, name in zip(rows, names, strict=True)
    ]  # fmt: skip
    print(f"\n{by} held out")
    columns = ["file", "collective", "placement", "median", "p95", "in 90 % band", "points", "outside"]
    print_table(columns, told, left=(0, 1, 2))


def _row(calibrated: "Calibrated") -> list[str]:
    from nearlinear.models.units import GB, MICROSECOND

    link = calibrated.link
    bandwidths, adding = link.bandwidth_bytes_per_s, link.reduction_s_per_byte
    return [
        link.level,
        " ".join(filter(None, (link.transport, link.source, link.operation))),
        link.latency_s.shown(MICROSECOND),
        bandwidths[-1].shown(GB),
        str(len(bandwidths)),
        f"{1 / adding.best / GB:.3g} GB/s" if link.reduction_known else "in bandwidth",
        f"{link.spread:.1%}",
        held(link.holdout) if link.holdout else "none",
    ]


def _parity(calibrated: "Calibrated") -> str:
    """Return how predictions of held-out sizes compare with what was measured."""
    import numpy as np

    unseen = calibrated.held
    if unseen is None:
        return ""
    ratio = np.log(unseen.median_s / unseen.measured_s)
    worst = int(np.argmax(np.abs(ratio)))
    size = unseen.points.size_bytes[unseen.held][worst]
    from nearlinear.models.units import format_size

    what = f"{calibrated.link.level} {calibrated.link.operation or calibrated.link.source}"
    return (
        f"parity, {what}: predicted / measured = {np.exp(ratio.mean()):.3f} on average,"
        f" worst {np.exp(ratio[worst]):.3f} at {format_size(size)}"
    )


def _switches(calibrated: "Calibrated") -> str:
    """Return where the library's collective changes latency or bandwidth, at the largest scale."""
    from nearlinear.calibrate.curves.description import switches
    from nearlinear.models.units import format_size

    surface = calibrated.link.surface
    sizes = switches(surface.curves[-1]) if surface is not None else ()
    if not sizes:
        return ""
    link = calibrated.link
    return f"switches, {link.level} {link.operation}: at {', '.join(format_size(size) for size in sizes)}"


def _assumed(calibrated: "Calibrated") -> str:
    """Return what was not measured but taken from elsewhere."""
    link = calibrated.link
    if not link.assumed:
        return ""
    return f"prior, {link.level} {link.operation or link.source}: {', '.join(link.assumed)}"


def _result(calibration: "Calibration", by: str) -> dict[str, Any]:
    from dataclasses import asdict

    from nearlinear.calibrate.compute import compute_table
    from nearlinear.calibrate.curves.description import described_shapes
    from nearlinear.calibrate.profile_file import described
    from nearlinear.models.hardware.loggp import plain

    links = [
        described(one.link) | {"points": len(one.problem.points)}
        | ({"shapes": described_shapes(one.link.surface)} if one.link.surface else {})
        for one in calibration.links
    ]  # fmt: skip
    return {
        "links": links,
        "compute": [compute_table.described(one.compute) for one in calibration.compute],
        "holdout": [asdict(row) for row in calibration.profile.holdout if row.by == by],
        "loggp": plain(calibration.profile.loggp),
    }
