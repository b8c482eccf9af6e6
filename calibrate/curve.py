"""The fitted curve of one kind of measurement with its band, at any sizes."""

from dataclasses import replace

import numpy as np

from nearlinear.calibrate.calibration import Calibrated
from nearlinear.calibrate.forms import Kind
from nearlinear.models.arrays import FloatArray
from nearlinear.models.hardware.message import Residual
from nearlinear.models.prediction import HIGH, LOW


def curve(
    calibrated: Calibrated, kind: Kind, size_bytes: FloatArray, seed: int = 0
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return 5th percentile, median and 95th percentile of the modelled time, shape (sizes,)."""
    link = calibrated.link
    z = np.random.default_rng(seed).standard_normal((len(link.cost.latency_s), 1))
    residual = Residual(
        z=z, spread=link.spread, spread_per_octave=link.spread_per_octave, high_bytes=link.high_bytes
    )
    times = kind.time_s(size_bytes, replace(link.cost, residual=residual), calibrated.problem.inner)
    low, median, high = np.percentile(times, [LOW, 50.0, HIGH], axis=0)
    return low, median, high
