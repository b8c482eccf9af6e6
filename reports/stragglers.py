"""Stragglers: how compute spreads over devices, and what the slowest of them costs."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from nearlinear.models.arrays import FloatArray
from nearlinear.reports.style import BLUE, HEIGHT_IN, ORANGE, RED, WIDTH_IN, styled
from nearlinear.simulator.steps.explained import Explained

MOST_DRAWS = 20_000  # per scale of a violin: more would not change its shape


def draw_stragglers(explained: Explained, scales: Sequence[int]) -> Figure:
    """Return the spread of compute at every scale, and the slowest device, expected and simulated.

    Parameters
    ----------
    explained : Explained
        A run with jitter.
    scales : sequence of int
        Numbers of devices.
    """
    with styled():
        figure = Figure(figsize=(WIDTH_IN, HEIGHT_IN))
        left, right = figure.subplots(1, 2)
        place = np.arange(len(scales))
        parts = left.violinplot([_draws(explained, n) for n in scales], place, widths=0.8, showmedians=True)
        for body in parts["bodies"]:
            body.set_facecolor(BLUE)
        left.set(xlabel="devices", ylabel="compute of a device over calm", title="Every device, every step")
        found = [one for n in scales if (one := explained.slowest(n)) is not None]
        right.plot(place, [one.expected for one in found], color=ORANGE, label="expected (order statistics)")
        error = [one.half_width or 0.0 for one in found]
        right.errorbar(place, [one.simulated for one in found], yerr=error, fmt="o", color=RED, markersize=4,
                       capsize=3, label="simulated, 95 % interval")  # fmt: skip
        right.set(xlabel="devices", ylabel="slowest device over calm", title="What a step waits for")
        right.legend()
        for axes in (left, right):
            axes.set_xticks(place, [f"{n:,}" for n in scales])
        return figure


def _draws(explained: Explained, devices: int) -> FloatArray:
    """Return factors of compute of devices in all steps and samples, thinned evenly."""
    per_node, samples = explained.workers.placement.per_node, len(explained.run.step_s)
    factors = explained.conditions.factors(samples, devices, per_node)
    draws = np.concatenate([factor.ravel() for factor in factors])
    return draws[:: max(len(draws) // MOST_DRAWS, 1)]
