"""The growth of a collective with ranks and bytes, fitted to its curves.

Relative error with a robust weight, parameters not negative. One rank count tells launch and hops as one
number, so that their ratio is a prior then; it is the one of ``models.collectives.library``, from NCCL's
tuning constants.
"""

from collections.abc import Sequence

import numpy as np
from scipy.optimize import nnls

from nearlinear.calibrate.importers.names import CUT
from nearlinear.models.arrays import FloatArray
from nearlinear.models.collectives.curve import Curve
from nearlinear.models.collectives.growth import Growth, hops, passes
from nearlinear.models.collectives.library import LAUNCH_STEPS

ROUNDS = 15
SCALE = 0.1  # relative errors beyond it weigh less
LEAST_S = 1e-12  # a collective never takes less: keeps ratios finite where a fit is all zero


def fit_growth(curves: Sequence[Curve], operation: str, chain: bool) -> Growth:
    """Return the growth of curves of one operation.

    Parameters
    ----------
    curves : sequence of Curve
        At one rank count or more.
    operation : str
        What it is.
    chain : bool
        Whether hops follow a chain (ranks inside a node), or a tree (nodes).
    """
    cut = operation in (*CUT, "allreduce")
    design = np.concatenate([_columns(curve, chain, cut) for curve in curves])
    times = np.concatenate([curve.time_s for curve in curves])
    several = len({curve.units for curve in curves}) > 1
    if not several:
        design = np.column_stack((LAUNCH_STEPS * design[:, 0] + design[:, 1], design[:, 2]))
    found = _robust(design / times[:, None])
    launch, hop, byte = found if several else (LAUNCH_STEPS * found[0], found[0], found[1])
    return Growth(
        launch_s=max(float(launch), LEAST_S),
        hop_s=float(hop),
        seconds_per_byte=float(byte),
        chain=chain,
        cut=cut,
    )


def _columns(curve: Curve, chain: bool, cut: bool) -> FloatArray:
    ones = np.ones_like(curve.size_bytes)
    return np.column_stack(
        (ones, hops(curve.units, chain) * ones, passes(curve.units, cut) * curve.size_bytes)
    )


def _robust(design: FloatArray) -> FloatArray:
    """Return non-negative parameters whose relative predictions are nearest to 1."""
    norm = np.linalg.norm(design, axis=0)
    scaled, weight = design / norm, np.ones(len(design))
    for _ in range(ROUNDS):
        found, _ = nnls(scaled * weight[:, None], weight)
        weight = (1.0 + ((scaled @ found - 1.0) / SCALE) ** 2) ** -0.25
    return np.asarray(found / norm)
