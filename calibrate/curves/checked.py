"""Held-out points of measured curves, beside what the others say of them."""

import numpy as np

from nearlinear.calibrate.curves.predicted import Judged, predict_held
from nearlinear.calibrate.held import Held
from nearlinear.calibrate.points import Points


def check_curves(points: Points, by: str, mask: np.ndarray, judged: Judged | None = None) -> Held | None:
    """Return predictions of held-out points by the curves of the others, or None where there are none.

    Parameters
    ----------
    by : {"sizes", "ranks", "runs"}
        What is held out.
    mask : ndarray of bool, shape (points,)
        Which points that are.
    """
    predicted = predict_held(points, mask, by, judged)
    order = np.argsort(predicted.rows)
    if not len(order):
        return None
    held = np.zeros_like(mask)
    held[predicted.rows] = True
    median, width = predicted.median_s[order], predicted.half_width[order]
    return Held(
        points=points, held=held, median_s=median, low_s=median * np.exp(-width),
        high_s=median * np.exp(width), outside=mask & ~held,
    )  # fmt: skip
