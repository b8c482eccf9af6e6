"""Figures: ``draw_…`` takes computed values and returns a figure; no reading, no fitting, no state."""

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, PercentFormatter

from nearlinear.calibrate.calibration import Calibrated
from nearlinear.calibrate.expected import expected_band
from nearlinear.models.answer import KNEE
from nearlinear.models.prediction import Band, Prediction
from nearlinear.models.units import format_size
from nearlinear.models.whole_file import write_whole
from nearlinear.reports.comparison import Comparison
from nearlinear.reports.style import (
    BAND_ALPHA,
    BLACK,
    BLUE,
    GREY,
    HEIGHT_IN,
    ORANGE,
    RED,
    SERIES,
    TERMS,
    WIDTH_IN,
    styled,
)  # fmt: skip

CURVE_POINTS = 120
DPI = 150


def draw_scaling(prediction: Prediction) -> Figure:
    """Return throughput and efficiency over devices, with bands, anchors and the knee."""
    with styled():
        figure = Figure(figsize=(WIDTH_IN, HEIGHT_IN))
        left, right = figure.subplots(1, 2)
        devices = np.array([point.devices for point in prediction.points])
        throughput = [point.throughput_per_s for point in prediction.points]
        _band(left, devices, throughput, "predicted")
        ideal = throughput[0].median / devices[0] * devices
        left.plot(devices, ideal, color=BLACK, linewidth=1, linestyle=":", label="linear")
        _anchors(left, prediction)
        left.set(
            xscale="log", yscale="log", xlabel="devices", ylabel="samples/s", title=_scaling_title(prediction)
        )
        efficiency = [point.efficiency for point in prediction.points]
        _band(right, devices, efficiency, "predicted")
        right.axhline(KNEE, color=GREY, linewidth=1, linestyle="--", label=f"{KNEE:.0%}")
        right.set(
            xscale="log", xlabel="devices", ylabel=f"efficiency relative to {devices[0]}", ylim=(0, 1.08)
        )
        right.yaxis.set_major_formatter(PercentFormatter(1.0))
        _knee(right, prediction)
        for axes in (left, right):
            _extrapolated(axes, prediction)
            _device_ticks(axes, devices)
            axes.legend()
        return figure


def draw_breakdown(prediction: Prediction) -> Figure:
    """Return the median step at every scale as stacked parts, hidden exchange hatched beside them."""
    with styled():
        figure = Figure(figsize=(WIDTH_IN, HEIGHT_IN))
        axes = figure.subplots()
        axes.set_axisbelow(True)
        place = np.arange(len(prediction.points))
        bottom = np.zeros(len(place))
        for name, (label, colour) in TERMS.items():
            values = np.array([getattr(point.breakdown_s, name) for point in prediction.points]) * 1e3
            if (values > 0).any():
                axes.bar(place - 0.1, values, 0.6, bottom=bottom, color=colour, label=label)
            bottom += values
        hidden = np.array([point.hidden_communication_s for point in prediction.points]) * 1e3
        axes.bar(
            place + 0.32, hidden, 0.2, color="white", edgecolor=RED, hatch="////", label="hidden exchange"
        )
        axes.set_xticks(place, [str(point.devices) for point in prediction.points])
        axes.set(xlabel="devices", ylabel="ms per step (median)", title="Where a step goes")
        axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))
        return figure


def draw_fits(links: Sequence[Calibrated]) -> Figure:
    """Return measured and modelled times of every fitted level, and the error at held-out sizes."""
    with styled():
        figure = Figure(figsize=(WIDTH_IN, HEIGHT_IN * 1.3 * len(links)))
        grid = figure.subplots(2 * len(links), 1, squeeze=False, height_ratios=[3, 1.3] * len(links))
        for index, calibrated in enumerate(links):
            _fit(grid[2 * index, 0], calibrated)
            _errors(grid[2 * index + 1, 0], calibrated)
        return figure


def draw_comparison(comparison: Comparison) -> Figure:
    """Return exchange time over workers by algorithm, formula as lines and engines as marks."""
    with styled():
        figure = Figure(figsize=(WIDTH_IN, HEIGHT_IN))
        left, right = figure.subplots(1, 2, width_ratios=[1.4, 1])
        for index, name in enumerate(comparison.algorithms):
            colour, row = SERIES[index], comparison.times(name)
            some = row.formula_s > 0  # a logarithmic axis has no zero
            workers = comparison.workers[some]
            left.plot(workers, row.formula_s[some] * 1e3, color=colour, label=f"{name}, formula")
            for times, mark, label in ((row.rounds_s, "s", "round engine"), (row.processes_s, "x", "SimPy")):
                left.plot(workers, times[some] * 1e3, mark, color=colour, fillstyle="none", label=label)
        figure.suptitle(comparison.title)
        left.set(xscale="log", yscale="log", xlabel="workers", ylabel="ms per exchange")
        left.legend(fontsize=7)
        slow, fast = comparison.algorithms[-1], comparison.algorithms[0]
        gain = comparison.gain(slow, fast)
        some = np.isfinite(gain)  # one worker needs no tree at all
        right.plot(comparison.workers[some], gain[some], color=BLUE, marker="o")
        right.axhline(1.0, color=GREY, linewidth=1, linestyle="--")
        right.set(xscale="log", yscale="log", xlabel="workers", ylabel=f"time of {slow} / time of {fast}")
        for axes in (left, right):
            _device_ticks(axes, comparison.workers)
        right.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        right.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g} x"))
        return figure


def save(figure: Figure, path: Path) -> None:
    """Write a figure in the format of the suffix, whole or not at all, without a date inside."""
    content = io.BytesIO()
    kind = path.suffix[1:]
    metadata = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}.get(kind, {})
    with styled():
        figure.savefig(content, format=kind, dpi=DPI, metadata=metadata)
    write_whole(path, lambda file: file.write(content.getvalue()))


def svg(figure: Figure) -> str:
    """Return a figure as SVG text to stand inside a page."""
    content = io.StringIO()
    with styled():
        figure.savefig(content, format="svg", metadata={"Date": None})
    text = content.getvalue()
    return text[text.index("<svg") :]


def _band(axes: Axes, x: Any, bands: Sequence[Band], label: str) -> None:
    low, middle, high = (
        np.array([getattr(band, name) for band in bands]) for name in ("low", "median", "high")
    )
    axes.fill_between(x, low, high, color=BLUE, alpha=BAND_ALPHA, linewidth=0, label="90 % band")
    axes.plot(x, middle, color=BLUE, marker="o", markersize=4, label=label)


def _anchors(axes: Axes, prediction: Prediction) -> None:
    measured = [(p.devices, p.measured_per_s) for p in prediction.points if p.measured_per_s]
    if measured:
        x, y = zip(*measured, strict=True)
        axes.plot(x, y, "D", color=ORANGE, label="measured", zorder=5)


def _knee(axes: Axes, prediction: Prediction) -> None:
    knee = prediction.answer.knee_devices
    if knee is not None:
        axes.axvline(knee, color=ORANGE, linewidth=1, label=f"knee: {knee}")


def _extrapolated(axes: Axes, prediction: Prediction) -> None:
    """Shade the scales that lie outside what the profile measured."""
    outside = [point.devices for point in prediction.points if point.extrapolated]
    if outside:
        last = prediction.points[-1].devices
        axes.axvspan(
            min(outside) / 1.3, last * 1.1, color=GREY, alpha=0.12, linewidth=0, label="extrapolated"
        )


def _device_ticks(axes: Axes, devices: Any) -> None:
    axes.set_xticks(devices, [str(n) for n in devices])
    axes.minorticks_off()


def _scaling_title(prediction: Prediction) -> str:
    return "strong scaling" if "global-batch" in prediction.inputs.get("plan", {}) else "weak scaling"


def _fit(axes: Axes, calibrated: Calibrated) -> None:
    points, held = calibrated.problem.points, calibrated.held
    hidden = held.held if held else np.zeros(len(points), dtype=bool)
    for index, kind in enumerate(calibrated.problem.kinds):
        colour = SERIES[index % len(SERIES)]
        sizes = np.geomspace(
            points.size_bytes[kind.rows].min(), points.size_bytes[kind.rows].max(), CURVE_POINTS
        )
        low, middle, high = expected_band(kind, calibrated.link, calibrated.problem.inner, sizes)
        axes.fill_between(sizes, low * 1e6, high * 1e6, color=colour, alpha=BAND_ALPHA, linewidth=0)
        name = kind.operation if kind.algorithm == "vendor" else kind.algorithm
        axes.plot(sizes, middle * 1e6, color=colour, linewidth=1, label=f"{name}, {kind.ranks} ranks")
        for rows, style, fill in ((~hidden, "o", "full"), (hidden, "D", "none")):
            mine = kind.rows[rows[kind.rows]]
            axes.plot(points.size_bytes[mine], points.time_s[mine] * 1e6, style, color=colour, markersize=4,
                      fillstyle=fill, linestyle="none")  # fmt: skip
    link = calibrated.link
    axes.plot([], [], "o", color=BLACK, markersize=4, label="fitted")
    if hidden.any():
        axes.plot([], [], "D", color=BLACK, markersize=4, fillstyle="none", label="held out")
    what = " ".join(filter(None, (link.source, link.operation)))
    title = f"{link.transport}, {what}, level {link.level}: what is expected, with its 90 % band"
    axes.set(xscale="log", yscale="log", ylabel="time, us", title=title)
    axes.set_xlim(points.size_bytes.min() / 1.5, points.size_bytes.max() * 1.5)
    _size_ticks(axes, points.size_bytes)
    axes.legend(fontsize=7, ncols=2)


def _errors(axes: Axes, calibrated: Calibrated) -> None:
    held, points = calibrated.held, calibrated.problem.points
    axes.axhline(0.0, color=BLACK, linewidth=0.8)
    if held is not None:
        measured = held.measured_s
        error = held.median_s / measured - 1.0
        span = np.abs(np.stack([held.low_s, held.high_s]) / measured - 1.0 - error)
        axes.errorbar(points.size_bytes[held.held], error, yerr=span, fmt="D", fillstyle="none", color=ORANGE,
                      markersize=4, linewidth=1, label="predicted without seeing it, 90 % band")  # fmt: skip
        axes.legend(fontsize=7, loc="lower right", bbox_to_anchor=(1.0, 0.98))
    axes.set(xscale="log", xlabel="vector, bytes", ylabel="error")
    axes.yaxis.set_major_formatter(PercentFormatter(1.0))
    axes.set_xlim(points.size_bytes.min() / 1.5, points.size_bytes.max() * 1.5)
    _size_ticks(axes, points.size_bytes)


def _size_ticks(axes: Axes, sizes: Any) -> None:
    first, last = int(np.ceil(np.log2(sizes.min()))), int(np.floor(np.log2(sizes.max())))
    step = max((last - first) // 7, 1)
    ticks = [2.0**k for k in range(first, last + 1, step)]
    axes.set_xticks(ticks, [format_size(tick) for tick in ticks])
    axes.minorticks_off()
