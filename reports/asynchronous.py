"""The figure of a rule of synchronisation: how stale workers are, and what servers allow."""

from collections.abc import Sequence
from textwrap import fill

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator

from nearlinear.models.arrays import FloatArray
from nearlinear.models.training.gossip_pushes import received
from nearlinear.models.training.synchronisation import Gossip
from nearlinear.reports.style import BLACK, BLUE, GREY, HEIGHT_IN, ORANGE, RED, WIDTH_IN, styled
from nearlinear.simulator.asynchronous.account import Account

LEAST = 1e-4  # probabilities that are not seen
TITLE_LETTERS = 110  # of a line


def draw_account(account: Account, title: str) -> Figure:
    """Return the distribution of staleness, or of pushes, and throughput over devices with its bounds."""
    with styled():
        figure = Figure(figsize=(WIDTH_IN, HEIGHT_IN))
        left, right = figure.subplots(1, 2)
        if isinstance(account.rule, Gossip):
            _pushes(left, account, account.rule.probability)
        else:
            _staleness(left, account)
        _throughput(right, account)
        figure.suptitle(fill(f"{account.rule.name}, {title}", TITLE_LETTERS), fontsize=8)
        return figure


def _staleness(axes: Axes, account: Account) -> None:
    share, expected = account.staleness()
    line = expected.probability if expected is not None else None
    label = f"closed form: {expected.name}" if expected is not None else ""
    if expected is not None and expected.steps > account.course.crew.counted:
        label += f" (after {expected.steps:,} steps)"
    _compare(axes, share, line, label)
    workers = account.course.crew.workers
    axes.set(xlabel="moves of others that a visit missed", ylabel="share of visits",
             title=f"staleness at {workers} devices")  # fmt: skip


def _pushes(axes: Axes, account: Account, probability: float) -> None:
    course = account.course
    if course.crew.workers > 1:
        share = np.bincount(course.received) / course.crew.workers
        steps = course.crew.counted
        expected = received(course.crew.workers, steps, probability).distribution()
        _compare(axes, share, expected, "closed form: binomial")
    axes.set(xlabel="pushes that a worker received", ylabel="share of workers",
             title=f"pushes in {course.crew.counted} steps at {course.crew.workers} devices")  # fmt: skip


def _compare(axes: Axes, share: FloatArray, expected: FloatArray | None, label: str) -> None:
    """Draw simulated bars and the closed form over them, over all that has a share worth seeing."""
    axes.bar(np.arange(len(share)), share, 0.8, color=BLUE, label="simulated")
    seen = [np.flatnonzero(share > LEAST)]
    if expected is not None:
        some = np.flatnonzero(expected > LEAST)
        axes.plot(some, expected[some], color=RED, marker="o", markersize=3, label=label)
        seen.append(some)
    both = np.concatenate(seen) if len(np.concatenate(seen)) else np.zeros(1)
    axes.set_xlim(both.min() - 1, both.max() + 1)
    axes.set_ylim(0, 1.25 * max(share.max(initial=0.0), 0.0 if expected is None else expected.max()))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.legend()


def _throughput(axes: Axes, account: Account) -> None:
    scales = account.scales
    devices = np.array([scale.course.crew.workers for scale in scales])
    made = np.array([scale.samples_per_s for scale in scales])
    axes.plot(devices, made, color=BLUE, marker="o", markersize=4, label="simulated, nothing lost beyond")
    axes.plot(
        devices, made[0] / devices[0] * devices, color=BLACK, linewidth=1, linestyle=":", label="linear"
    )
    served = [scale for scale in scales if scale.server_per_s is not None and scale.most_per_s is not None]
    _bound(axes, [(s.course.crew.workers, s.most_per_s) for s in served], GREY, "nobody waits")
    _bound(axes, [(s.course.crew.workers, s.server_per_s) for s in served], ORANGE, "a server never rests")
    axes.set(xscale="log", yscale="log", xlabel="devices", ylabel="samples/s", title="throughput")
    axes.set_xticks(devices, [str(n) for n in devices])
    axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,g}"))
    axes.minorticks_off()
    axes.legend()


def _bound(axes: Axes, points: Sequence[tuple[int, float | None]], colour: str, label: str) -> None:
    if points:
        x, y = zip(*points, strict=True)
        axes.plot(x, y, color=colour, linewidth=1.2, linestyle="--", label=label)
