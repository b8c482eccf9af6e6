"""How a prediction is shown and written, for ``predict`` and ``simulate`` alike."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from nearlinear.cli.asynchronous import account_lines
from nearlinear.cli.ending import ending_values, show_ending
from nearlinear.cli.output import csv_text, print_json, print_table, warn, write_json, write_text
from nearlinear.cli.simulations import detail_lines
from nearlinear.models.document import answer_lines, to_document
from nearlinear.models.prediction import Band, Point, Prediction
from nearlinear.models.units import format_rate

if TYPE_CHECKING:
    from nearlinear.simulator.asynchronous.account import Account
    from nearlinear.simulator.detail import Detail

Explanation = tuple[str, list[tuple[str, str]]]  # a heading, and lines of a word and what it was
SUFFIXES = (".json", ".csv", ".html")
BAR = 10
COLUMNS = (
    "devices", "step ms", "90 % band", "compute", "exposed", "hidden", "contends",
    "data", "lost", "efficiency", "",
    "samples/s", "measured", "allreduce",
)  # fmt: skip


def show(
    prediction: Prediction, as_json: bool, out: Path | None, following: str, detail: "Detail | None" = None,
    account: "Account | None" = None,
) -> None:  # fmt: skip
    """Print a prediction and write it where asked; ``detail``, or the account of a rule, explains its run."""
    document = to_document(prediction)
    if account is not None:
        document["result"]["asynchronous"] = account.document()
    if detail is not None:
        document["result"]["run"] = detail.document()
        document["warnings"] += detail.warnings
    explained = _explained(prediction, detail, account)
    if out is not None:
        write(prediction, document, out, explained)
    if as_json:
        print_json(document)
        return
    print(prediction.title)
    warn(document["warnings"])
    print()
    for line in answer_lines(prediction):
        head, _, rest = line.partition(": ")
        print(f"  {head:<28s} {rest}")
    print()
    shown = {
        "measured": any(point.measured_per_s for point in prediction.points),
        "contends": any(point.breakdown_s.contention_s > 0 for point in prediction.points),
        "data": any(point.breakdown_s.data_wait_s > 0 for point in prediction.points),
    }
    keep = [i for i, column in enumerate(COLUMNS) if shown.get(column, True)]
    rows = [[row[i] for i in keep] for row in map(_row, prediction.points)]
    columns = [COLUMNS[i] for i in keep]
    print_table(columns, rows, left=(len(columns) - 1, columns.index("")))
    waiting = "; data is waiting for batches" if shown["data"] else ""
    print(f"\ntimes in ms of the median step; efficiency and samples/s are medians{waiting}")
    if any(point.extrapolated for point in prediction.points):
        print("* outside what the profile measured")
    show_ending(prediction)
    if explained is not None:
        heading, lines = explained
        print(f"\n{heading}:")
        for head, text in lines:
            print(f"  {head:<16s} {text}")
    if out is not None:
        print(f"wrote {out}")
    print(f"Next: {following}")


def _explained(
    prediction: Prediction, detail: "Detail | None", account: "Account | None"
) -> Explanation | None:
    """Return what a run was and the lines that explain it; None for a closed form."""
    devices = prediction.points[-1].devices
    if account is not None:
        counted = account.course.crew.counted
        return f"the median sample at {devices} devices, {counted} steps of each", [*account_lines(account)]
    if detail is not None:
        return f"the median sample at {devices} devices, all steps", [*detail_lines(detail)]
    return None


def write(
    prediction: Prediction, document: dict[str, Any], out: Path, explained: Explanation | None = None
) -> None:
    """Write a prediction in the format of the suffix; pages have what explains a run, too."""
    if out.suffix == ".csv":
        write_text(out, csv_text(*_flat(prediction)))
    elif out.suffix == ".html":
        from nearlinear.reports.report import Section, render_report

        parts = [Section.of_prediction(prediction)]
        parts += [Section(heading=explained[0], answers=explained[1])] if explained is not None else []
        write_text(out, render_report(prediction.title, parts))
    else:
        write_json(out, document)


def _row(point: Point) -> list[str]:
    parts = point.breakdown_s
    compute = parts.forward_s + parts.backward_s + parts.optimizer_s
    step, share = point.step_time_s, point.efficiency
    lost = parts.in_node_loss_s + parts.unexplained_s
    return [
        f"{point.devices}{'*' if point.extrapolated else ''}",
        _ms(step.median),
        f"{_ms(step.low)} - {_ms(step.high)}",
        _ms(compute),
        _ms(parts.exposed_communication_s),
        _ms(point.hidden_communication_s),
        _ms(parts.contention_s),
        _ms(parts.data_wait_s),
        _ms(lost),
        f"{share.median:.0%} [{share.low:.0%} - {share.high:.0%}]",
        "#" * round(BAR * min(share.median, 1.0)),
        format_rate(point.throughput_per_s.median),
        format_rate(point.measured_per_s) if point.measured_per_s else "",
        point.algorithm,
    ]


def _ms(time_s: float) -> str:
    value = time_s * 1e3
    if value < 1e-6:
        return "0"
    return f"{value:.3g}" if value < 100 else f"{value:.0f}"


def _flat(prediction: Prediction) -> tuple[list[str], list[list[Any]]]:
    """Return column names with units and one row per scale."""
    rows = [_values(point) for point in prediction.points]
    return list(rows[0]), [list(row.values()) for row in rows]


def _values(point: Point) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for name in ("devices", "nodes", "batch_per_device", "global_batch"):
        values[name] = getattr(point, name)
    for name in ("step_time_s", "throughput_per_s", "efficiency"):
        band: Band = getattr(point, name)
        values |= {f"{name}_median": band.median, f"{name}_low": band.low, f"{name}_high": band.high}
    parts = point.breakdown_s
    for name in parts.__slots__:
        values[name] = getattr(parts, name)
    for name in ("hidden_communication_s", "algorithm", "memory_bytes", "extrapolated", "measured_per_s"):
        values[name] = getattr(point, name)
    return values | ending_values(point.until_target)
