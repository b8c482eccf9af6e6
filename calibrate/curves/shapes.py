"""Shapes that may lie between the measured sizes of a curve, and how well each predicts left-out sizes.

========  ==========================================================================================
bent      a line between neighbours that bends towards a power law across wide gaps (``Curve``)
pieces    latency and bandwidth over stretches of sizes, breaks by dynamic programming (``segments``)
envelope  the fastest of up to three latencies and bandwidths (``envelope``)
========  ==========================================================================================

Predictions use ``bent``: it has the least error over the curves of many systems, whether sizes at random,
single ones or a block are left out. To choose the shape anew for every curve makes errors larger, because
the scores of one curve are as noisy as it is (``python benchmarks/holdout.py --data DIR`` prints both). The
others describe: where a library switches, and how many algorithms its times look like.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np

from nearlinear.calibrate.curves.envelope import fit_envelope
from nearlinear.calibrate.curves.segments import fit_segments
from nearlinear.models.arrays import FloatArray
from nearlinear.models.collectives.curve import Curve, between

Shape = Callable[[FloatArray, FloatArray, FloatArray], FloatArray]

FEWEST_SIZES = 5  # of a curve, so that three are left when a quarter is hidden
LEAST_S = 1e-12


def _pieces(size_bytes: FloatArray, time_s: FloatArray, query_bytes: FloatArray) -> FloatArray:
    return fit_segments(size_bytes, time_s).time_s(query_bytes)


def _envelope(size_bytes: FloatArray, time_s: FloatArray, query_bytes: FloatArray) -> FloatArray:
    return fit_envelope(size_bytes, time_s).time_s(query_bytes)


SHAPES: Mapping[str, Shape] = {"bent": between, "pieces": _pieces, "envelope": _envelope}


def scores(curves: Sequence[Curve]) -> dict[str, float]:
    """Return by shape the median |log error| where inner sizes, and inner quarters, are left out.

    Empty where no curve has five sizes.
    """
    long = [curve for curve in curves if len(curve.size_bytes) >= FEWEST_SIZES]
    return {
        name: float(np.median(np.concatenate([e for curve in long for e in _left_out(shape, curve)])))
        for name, shape in (SHAPES.items() if long else ())
    }


def _left_out(shape: Shape, curve: Curve) -> Iterator[FloatArray]:
    """Yield |log error| at every inner size, and at every inner quarter, predicted from the others."""
    count = len(curve.size_bytes)
    for width in (1, max(count // 4, 1)):
        for start in range(1, count - width):
            held = np.zeros(count, dtype=bool)
            held[start : start + width] = True
            predicted = shape(curve.size_bytes[~held], curve.time_s[~held], curve.size_bytes[held])
            yield np.abs(np.log(np.maximum(predicted, LEAST_S) / curve.time_s[held]))
