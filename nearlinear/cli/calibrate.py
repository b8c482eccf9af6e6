"""``nearlinear calibrate``: records and logs in, a profile out."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nearlinear.cli.options import JSON

if TYPE_CHECKING:
    from nearlinear.calibrate.calibration import Calibrated, Calibration
    from nearlinear.models.profile import Holdout

LOGS = "What a log may not say"


def calibrate(
    files: Annotated[list[str], typer.Argument(metavar="FILE...", help="Records, and logs of nccl-tests.")],
    out: Annotated[
        str | None,
        typer.Option("--out", "-o", metavar="FILE", help="Write the profile (.toml, and .npz beside)."),
    ] = None,
    holdout: Annotated[
        str, typer.Option("--holdout", metavar="FRACTION", help="Sizes to check on; 0 for none.")
    ] = "20%",
    seed: Annotated[int, typer.Option("--seed", min=0, help="Of hold-out and bootstrap.")] = 0,
    replicates: Annotated[int, typer.Option("--replicates", min=50, help="Bootstrap samples.")] = 400,
    plot: Annotated[
        str | None,
        typer.Option("--plot", metavar="FILE", help="Draw fit and held-out points (.svg, .png, .pdf)."),
    ] = None,
    collective: Annotated[
        str | None, typer.Option("--collective", help="Such as allreduce.", rich_help_panel=LOGS)
    ] = None,
    ranks: Annotated[int | None, typer.Option("--ranks", min=2, help="Ranks.", rich_help_panel=LOGS)] = None,
    per_node: Annotated[
        int | None, typer.Option("--per-node", min=1, help="Ranks per node.", rich_help_panel=LOGS)
    ] = None,
    as_json: JSON = False,
) -> None:
    """Fit latency, bandwidth and reduction cost to measurements, with errors on held-out sizes."""
    from nearlinear.calibrate.calibration import CalibrateSpec, Hints, fit_profile
    from nearlinear.calibrate.profile_file import write_profile
    from nearlinear.cli.output import check_out, print_document, warn
    from nearlinear.models.units import parse_fraction

    path = check_out(out, (".toml",))
    figure = check_out(plot, (".svg", ".png", ".pdf"))
    spec = CalibrateSpec(
        hints=Hints(collective=collective, ranks=ranks, per_node=per_node),
        holdout=parse_fraction(holdout, "--holdout"),
        seed=seed,
        replicates=replicates,
    )
    calibration = fit_profile([Path(file) for file in files], spec, name=out or "profile")
    if path is not None:
        write_profile(calibration.profile, path)
    if figure is not None:
        from nearlinear.reports.figures import draw_fits, save

        save(draw_fits(calibration.links), figure)
    if as_json:
        made = calibration.profile.provenance
        print_document("calibration", made, _result(calibration), calibration.notes, {"files": made["files"]})
        return
    warn(calibration.notes)
    _print(calibration)
    if path is not None:
        print(f"\nwrote {path} and {path.with_suffix('.npz')}")
        print(f"Next: nearlinear predict resnet-50 --cluster dgx-h100 --profile {path}")
    else:
        print("\nNext: add -o profile.toml to keep it")


def _print(calibration: "Calibration") -> None:
    from nearlinear.cli.output import print_table

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
    for calibrated in calibration.links:
        line = _parity(calibrated)
        if line:
            print(line)


def _row(calibrated: "Calibrated") -> list[str]:
    import numpy as np

    link = calibrated.link
    cost = link.cost
    latency, slope = cost.latency_s, cost.seconds_per_byte[-1]
    low, high = np.percentile(latency, [5, 95])
    slowest, fastest = np.percentile(1 / slope, [5, 95])
    adding = (
        f"{1 / cost.reduction_s_per_byte[0, 0] / 1e9:.3g} GB/s" if link.reduction_known else "in bandwidth"
    )
    held = link.holdout
    return [
        link.level,
        f"{link.transport} {link.source}",
        f"{latency[0, 0] * 1e6:.3g} [{low * 1e6:.3g} - {high * 1e6:.3g}]",
        f"{1 / slope[0, 0] / 1e9:.3g} [{slowest / 1e9:.3g} - {fastest / 1e9:.3g}]",
        str(len(cost.seconds_per_byte)),
        adding,
        f"{link.spread:.1%}",
        _held(held) if held else "none",
    ]


def _held(held: "Holdout") -> str:
    errors = f"median {held.median_ape:.1%}, p95 {held.p95_ape:.1%}"
    return f"{errors}, in band {held.coverage_90:.0%} of {held.points}"


def _parity(calibrated: "Calibrated") -> str:
    """Return how predictions of held-out sizes compare with what was measured."""
    import numpy as np

    held = calibrated.held
    if held is None:
        return ""
    measured = calibrated.problem.points.time_s[held.held]
    ratio = np.log(held.median_s / measured)
    worst = int(np.argmax(np.abs(ratio)))
    size = calibrated.problem.points.size_bytes[held.held][worst]
    from nearlinear.models.units import format_size

    link = calibrated.link
    return (
        f"parity, {link.level} {link.source}: predicted / measured = {np.exp(ratio.mean()):.3f} on average,"
        f" worst {np.exp(ratio[worst]):.3f} at {format_size(size)}"
    )


def _result(calibration: "Calibration") -> dict[str, Any]:
    links = []
    for calibrated in calibration.links:
        link = calibrated.link
        item: dict[str, Any] = {
            "level": link.level, "transport": link.transport, "source": link.source,
            "ranks": list(link.ranks),
            "latency_s": _interval(link.cost.latency_s),
            "bandwidth_bytes_per_s": [_interval(1 / slope) for slope in link.cost.seconds_per_byte],
            "break_bytes": list(link.cost.break_bytes),
            "reduction_s_per_byte": _interval(link.cost.reduction_s_per_byte),
            "reduction_known": link.reduction_known, "spread": link.spread,
            "points": len(calibrated.problem.points),
        }  # fmt: skip
        if link.holdout is not None:
            h = link.holdout
            item["holdout"] = {"median_ape": h.median_ape, "p95_ape": h.p95_ape,
                               "coverage_90": h.coverage_90, "points": h.points}  # fmt: skip
        links.append(item)
    return {"links": links}


def _interval(values: Any) -> dict[str, float]:
    import numpy as np

    low, high = np.percentile(values, [5, 95])
    return {"median": float(values[0, 0]), "low": float(low), "high": float(high)}
