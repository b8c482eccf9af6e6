"""What a profile expects of one kind of measurement, with its 90 % band, at any sizes."""

from dataclasses import replace

import numpy as np

from nearlinear.calibrate.forms import Inside, Kind
from nearlinear.models.arrays import FloatArray
from nearlinear.models.hardware.message import LinkCost, Residual
from nearlinear.models.link_profile import LinkProfile
from nearlinear.models.prediction import HIGH, LOW


def expected_band(
    kind: Kind, link: LinkProfile, inner: Inside | None, size_bytes: FloatArray, seed: int = 0
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return 5th percentile, median and 95th percentile of the expected time, shape (sizes,).

    A library's collective is expected as it was measured, or carried from there, with the band of such
    curves; everything else follows from samples of the fit. Bands widen beyond measured sizes and counts.

    Parameters
    ----------
    kind : Kind
        What is timed.
    link, inner : LinkProfile, Inside or None
        The outermost links, and what is known inside nodes.
    size_bytes : ndarray, shape (sizes,)
        Vectors.
    seed : int
        Of the draws behind what a fit leaves out.
    """
    z = np.random.default_rng(seed).standard_normal((len(link.cost.latency_s), 1))
    times = kind.time_s(size_bytes, _with_residual(kind, link, z), inner)
    if link.surface is not None and link.fills(filling(kind)):
        modelled = kind.time_s(size_bytes, link.best, inner)[:1]
        edge = np.exp(z * link.edge_spread(size_bytes))
        times = times * link.surface.time_s(kind.units, size_bytes) / modelled * edge
    low, median, high = np.percentile(times, [LOW, 50.0, HIGH], axis=0)
    return low, median, high


def filling(kind: Kind) -> int:
    """Return how many ranks each unit of the outermost links has: 1 inside a node."""
    return 1 if kind.level == "node" else kind.per_node


def _with_residual(kind: Kind, link: LinkProfile, z: FloatArray) -> LinkCost:
    """Return the link's samples, each with a draw of what the fit leaves out."""
    spread = float(np.hypot(link.spread, link.rank_spread(kind.units, filling(kind))))
    residual = Residual(
        z=z, spread=spread, spread_per_octave=link.spread_per_octave, high_bytes=link.high_bytes
    )
    return replace(link.best if link.fills(filling(kind)) else link.cost, residual=residual)
