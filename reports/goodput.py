"""Goodput over the time between checkpoints: formula, simulated runs, and the best interval."""

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, PercentFormatter

from nearlinear.models.duration import UNITS
from nearlinear.reports.style import BLUE, GREEN, GREY, HEIGHT_IN, ORANGE, RED, WIDTH_IN, styled
from nearlinear.simulator.failures.outcome import GoodputPoint
from nearlinear.simulator.failures.sweep import Sweep

PER_PANEL = 0.75  # of the width: one panel needs less


def draw_goodput(point: GoodputPoint, sweep: Sweep) -> Figure:
    """Return goodput over the interval at one scale.

    Parameters
    ----------
    point : GoodputPoint
        The scale, with the intervals that formulas call best.
    sweep : Sweep
        Formula and simulation at intervals about them.
    """
    with styled():
        figure = Figure(figsize=(WIDTH_IN * PER_PANEL, HEIGHT_IN))
        axes = figure.subplots()
        unit, factor = next(one for one in UNITS if point.interval_s >= one[1] or one[0] == "s")
        x = sweep.interval_s / factor
        axes.plot(sweep.line_s / factor, sweep.formula, color=BLUE, label="closed form")
        error = [one.half_width for one in sweep.simulated]
        axes.errorbar(x, [one.mean for one in sweep.simulated], yerr=error, fmt="o", color=RED, markersize=4,
                      capsize=3, label="simulated, 95 % interval")  # fmt: skip
        for value, colour, style, name in (
            (point.young_s, GREY, ":", "Young"), (point.daly_s, GREEN, "--", "Daly"),
            (sweep.best_s, ORANGE, "-.", "simulated best"),
        ):  # fmt: skip
            if value <= 0:  # nothing blocks: write without a break
                continue
            axes.axvline(value / factor, color=colour, linestyle=style, linewidth=1.2,
                         label=f"{name}: {value / factor:.3g} {unit}")  # fmt: skip
        axes.set(xscale="log", xlabel=f"compute between checkpoints, {unit}", ylabel="goodput",
                 title=f"{point.devices:,} devices")  # fmt: skip
        axes.set_xticks(_ticks(x))
        axes.minorticks_off()
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.yaxis.set_major_formatter(PercentFormatter(1.0))
        axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))
        return figure


def _ticks(x: "np.ndarray[tuple[int], np.dtype[np.float64]]") -> list[float]:
    """Return 1, 2 and 5 times powers of ten within a range."""
    low, high = int(np.floor(np.log10(x.min()))), int(np.ceil(np.log10(x.max())))
    every = [digit * 10.0**power for power in range(low, high + 1) for digit in (1, 2, 5)]
    return [tick for tick in every if x.min() <= tick <= x.max()]
