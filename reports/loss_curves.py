"""Loss curves of rules of synchronisation, over epochs and over time."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from nearlinear.models.arrays import FloatArray
from nearlinear.reports.style import BAND_ALPHA, HEIGHT_IN, SERIES, WIDTH_IN, styled


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LossCurve:
    """Runs of one rule.

    Attributes
    ----------
    name : str
        Of the rule, for people.
    seconds : ndarray, shape (seeds, epochs)
        Wall-clock time until the end of each epoch.
    loss : ndarray, shape (seeds, epochs)
        On held-back images.
    """

    name: str
    seconds: FloatArray
    loss: FloatArray


def draw_loss_curves(curves: Sequence[LossCurve], target: float | None = None) -> Figure:
    """Return test loss over epochs and over seconds: the median of the seeds, and their range.

    Parameters
    ----------
    curves : sequence of LossCurve
        As many as there are colours.
    target : float, optional
        A loss to mark.
    """
    with styled():
        figure = Figure(figsize=(WIDTH_IN, HEIGHT_IN))
        left, right = figure.subplots(1, 2, sharey=True)
        for curve, colour in zip(curves, SERIES, strict=False):
            _draw(left, np.arange(1.0, 1.0 + curve.loss.shape[1]), curve, colour)
            _draw(right, np.percentile(curve.seconds, 50, axis=0), curve, colour)
        left.set(xlabel="epochs", ylabel="test loss", yscale="log", title="equal samples")
        left.xaxis.set_major_locator(MaxNLocator(integer=True))
        right.set(xlabel="seconds of training", xscale="log", title="equal time")
        right.xaxis.set_major_formatter("{x:g}")
        for axes in (left, right):
            axes.yaxis.set_major_formatter("{x:g}")
            axes.yaxis.set_minor_formatter("{x:g}")
            if target is not None:
                axes.axhline(target, color="black", linewidth=0.8, linestyle=":")
        left.legend()
        return figure


def _draw(axes: Axes, x: FloatArray, curve: LossCurve, colour: str) -> None:
    low, middle, high = np.percentile(curve.loss, [0, 50, 100], axis=0)
    axes.plot(x, middle, color=colour, linewidth=1.4, label=curve.name)
    axes.fill_between(x, low, high, color=colour, alpha=BAND_ALPHA / 2, linewidth=0)
