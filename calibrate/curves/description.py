"""What measured curves look like: where the library switches, and how well each shape would predict them."""

from typing import Any

import numpy as np

from nearlinear.calibrate.curves.envelope import fit_envelope
from nearlinear.calibrate.curves.segments import FEWEST_SIZES, Segments, fit_segments
from nearlinear.calibrate.curves.shapes import scores
from nearlinear.models.collectives.curve import Curve
from nearlinear.models.collectives.surface import Surface


def switches(curve: Curve) -> tuple[float, ...]:
    """Return the sizes at which latency or bandwidth of a curve change, in bytes."""
    if len(curve.size_bytes) < FEWEST_SIZES:
        return ()
    return tuple(fit_segments(curve.size_bytes, curve.time_s).break_bytes.tolist())


def described_shapes(surface: Surface) -> dict[str, Any]:
    """Return for JSON: errors of every shape at left-out sizes, and the pieces and lines of every curve."""
    long = [curve for curve in surface.curves if len(curve.size_bytes) >= FEWEST_SIZES]
    return {
        "left_out_errors": scores(surface.curves),
        "pieces": [_pieces(curve) for curve in long],
        "envelope": [_envelope(curve) for curve in long],
    }


def _pieces(curve: Curve) -> dict[str, Any]:
    found: Segments = fit_segments(curve.size_bytes, curve.time_s)
    starts = np.concatenate((curve.size_bytes[:1], found.break_bytes))
    rows = zip(starts.tolist(), found.latency_s.tolist(), found.seconds_per_byte.tolist(), strict=True)
    return {
        "units": curve.units,
        "lines": [{"from_bytes": start, "latency_s": a, "seconds_per_byte": b} for start, a, b in rows],
    }


def _envelope(curve: Curve) -> dict[str, Any]:
    found = fit_envelope(curve.size_bytes, curve.time_s)
    rows = zip(found.latency_s.tolist(), found.seconds_per_byte.tolist(), strict=True)
    return {"units": curve.units, "lines": [{"latency_s": a, "seconds_per_byte": b} for a, b in rows]}
