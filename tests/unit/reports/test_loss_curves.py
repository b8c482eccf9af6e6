"""Loss curves show medians over seeds, over epochs and over time."""

import numpy as np

from nearlinear.reports.loss_curves import LossCurve, draw_loss_curves


def test_medians_of_seeds_over_epochs_and_seconds() -> None:
    curve = LossCurve(
        name="bsp",
        seconds=np.array([[1.0, 2.0], [3.0, 6.0], [2.0, 5.0]]),
        loss=np.array([[2.0, 1.0], [4.0, 0.5], [3.0, 0.7]]),
    )
    left, right = draw_loss_curves([curve], target=0.9).axes
    shown, mark = left.lines
    assert np.asarray(shown.get_xdata()).tolist() == [1.0, 2.0]
    assert np.asarray(shown.get_ydata()).tolist() == [3.0, 0.7]
    assert np.asarray(right.lines[0].get_xdata()).tolist() == [2.0, 5.0]
    assert set(np.asarray(mark.get_ydata()).tolist()) == {0.9}
