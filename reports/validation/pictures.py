"""Figures of a leaderboard: predicted against published throughput, and how errors are spread."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter, PercentFormatter, ScalarFormatter

from nearlinear.models.arrays import FloatArray
from nearlinear.reports.style import BLACK, GREY, SERIES, styled
from nearlinear.reports.validation.leaderboard import Group

WIDTH_IN, ROW_IN = 9.0, 3.8
WIDEST, BINS = 0.5, 41
MOST_TICKS = 6
MANY = 500


def draw_board(groups: Sequence[Group]) -> Figure:
    """Return a row for each group: a parity plot with bands, and histograms of errors.

    Errors beyond 50 % are counted at the edge.
    """
    with styled():
        figure = Figure(figsize=(WIDTH_IN, ROW_IN * len(groups)))
        rows = figure.subplots(len(groups), 2, squeeze=False)
        for (left, right), group in zip(rows, groups, strict=True):
            _parity(left, group)
            _histogram(right, group)
        return figure


def _parity(axes: Axes, group: Group) -> None:
    origins = list(dict.fromkeys(one.curve.published.origin for one in group.replays))
    for index, origin in enumerate(origins):
        mine = [one for one in group.replays if one.curve.published.origin == origin]
        published, median, low, high = (
            np.concatenate([getattr(one, name) for one in mine])
            for name in ("published", "median", "low", "high")
        )
        drawn = axes.errorbar(
            published, median, yerr=[median - low, high - median], fmt="o", markersize=3, linewidth=0.6,
            color=SERIES[index % len(SERIES)], label=origin, alpha=0.8,
        )  # fmt: skip
        for artist in drawn.get_children() if len(published) > MANY else ():
            artist.set_rasterized(True)  # logs have thousands of points, too many for a page of lines
    ends = np.array(axes.get_xlim())
    axes.plot(ends, ends, color=BLACK, linewidth=0.8, linestyle=":")
    unit, title = "bytes" if group.kind == "logs" else "samples", f"{group.name}, {group.title}"
    axes.set(xscale="log", yscale="log", xlabel=f"published, {unit}/s", ylabel="predicted", title=title)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(LogLocator(numticks=MOST_TICKS))
        axis.set_minor_formatter(NullFormatter())
        if np.ptp(np.log10(axis.get_view_interval())) < 1.0:  # no power of ten may lie in it
            axis.set_major_locator(MaxNLocator(MOST_TICKS // 2))
            axis.set_major_formatter(ScalarFormatter())
    axes.legend(fontsize=7)


def _histogram(axes: Axes, group: Group) -> None:
    published = np.concatenate([one.published for one in group.replays])
    edges = np.linspace(-WIDEST, WIDEST, BINS + 1)
    for name, said in list(group.replays[0].baselines.items())[:1]:
        naive = np.concatenate(said(group.replays))
        _bars(axes, naive / published - 1.0, edges, GREY, name, 0.5)
    ours = np.concatenate([one.error for one in group.replays])
    _bars(axes, ours, edges, SERIES[0], "nearlinear", 0.7)
    axes.axvline(0.0, color=BLACK, linewidth=0.8)
    scores = group.scores
    title = f"median {scores.errors.median:.1%}, 90th percentile {scores.errors.high:.1%}"
    axes.set(
        xlabel=f"error of predicted {group.quantity}; beyond {WIDEST:.0%} at the edge",
        ylabel="points",
        title=title,
    )
    axes.xaxis.set_major_formatter(PercentFormatter(1.0))
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    axes.legend(fontsize=7)


def _bars(axes: Axes, error: FloatArray, edges: FloatArray, color: str, label: str, alpha: float) -> None:
    axes.hist(np.clip(error, -WIDEST, WIDEST), bins=list(edges), color=color, label=label, alpha=alpha)
