"""Predict the shipped curves of each publication with the constants that the others give.

    python benchmarks/drawn_losses.py

``step_losses.py`` fits a formula; predictions draw its constants, with spreads, bandwidths and reruns beside.
Here every publication is predicted as ``nearlinear validate`` does, with constants fitted without it. The
loss beyond a node keeps its shipped median and spread, which were chosen on these curves; what other medians
would do is printed below: bias and median error beyond a known node.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
from step_losses import Points, collect, fit

from nearlinear.models.arrays import FloatArray
from nearlinear.models.prior import table
from nearlinear.reports.validation.curve import MAIN, Curve
from nearlinear.reports.validation.replay import Replay, replay
from nearlinear.reports.validation.situation import ONE_DEVICE, ONE_NODE, Situation
from nearlinear.reports.validation.suite import find_suite, read_suite

MEDIANS = (0.0005, 0.001, 0.002, 0.005)


def curves() -> list[Curve]:
    """Return the curves of the population."""
    return [c for c in read_suite(find_suite("data-parallel")).curves if c.published.group == MAIN]


def replays(chosen: Sequence[Curve], situation: Situation) -> list[Replay]:
    """Return what can be replayed in a situation."""
    return [one for curve in chosen if (one := replay(curve, situation)) is not None]


@contextmanager
def shipping(group: str, **constants: float) -> Iterator[None]:
    """Predict with other constants of a group of the priors."""
    node = table()
    for key in group.split("."):
        node = node[key]
    before = {key: node[key] for key in constants}
    node.update(constants)
    try:
        yield
    finally:
        node.update(before)


def left_out(points: Points, known: Sequence[Curve], situation: Situation) -> list[Replay]:
    """Return replays of every publication with constants fitted without it."""
    found: list[Replay] = []
    for origin in dict.fromkeys(points.origin):
        constant, per_doubling, _, unhidden = fit(points, points.origin != origin)
        mine = [curve for curve in known if curve.published.origin == origin]
        step = shipping("step", constant=constant, per_doubling=per_doubling)
        with step, shipping("overlap", unhidden=unhidden):
            found += replays(mine, situation)
    return found


def _row(title: str, found: Sequence[Replay]) -> str:
    error: FloatArray = np.concatenate([one.error for one in found])
    held = np.concatenate([one.covered for one in found]).mean()
    wrong = np.abs(error)
    shown = f"{np.median(wrong):.1%} | {np.quantile(wrong, 0.9):.1%} | {np.median(error):+.1%} | {held:.1%}"
    return f"| {title} | {shown} |"


def main() -> None:
    """Print errors as shipped and left out, and what the loss beyond a node does."""
    points, known = collect(), curves()
    print("| situation | median | 90th percentile | bias | in band |\n|---|---|---|---|---|")
    for situation in (ONE_DEVICE, ONE_NODE):
        print(_row(f"{situation.title}, as shipped", replays(known, situation)))
        print(_row(f"{situation.title}, drawn without the publication", left_out(points, known, situation)))
    print("\n| median loss per doubling beyond a node | median | 90th percentile | bias | in band |")
    print("|---|---|---|---|---|")
    for median in MEDIANS:
        with shipping("step.beyond", per_doubling=median):
            print(_row(f"{median:g}", replays(known, ONE_NODE)))


if __name__ == "__main__":
    main()
