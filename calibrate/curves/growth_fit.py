"""The growth of a collective with ranks and bytes, fitted to its curves.

Relative error with a robust weight, parameters not negative. One rank count tells launch and hops as one
number, so that their ratio is a prior then; it is the one of ``models.collectives.library``, from NCCL's
tuning constants.
"""

from collections.abc import Sequence

import numpy as np
from scipy.optimize import nnls

from nearlinear.calibrate.importers.names import CUT
from nearlinear.calibrate.nccl_tuning import LatencyPrior
from nearlinear.models.arrays import FloatArray
from nearlinear.models.collectives.curve import Curve
from nearlinear.models.collectives.growth import Growth, hops, passes
from nearlinear.models.collectives.library import LAUNCH_STEPS

ROUNDS = 15
SCALE = 0.1  # relative errors beyond it weigh less
LEAST_S = 1e-12  # a collective never takes less: keeps ratios finite where a fit is all zero


def fit_growth(
    curves: Sequence[Curve], operation: str, chain: bool, prior: LatencyPrior | None = None
) -> Growth:
    """Return the growth of curves of one operation.

    Parameters
    ----------
    curves : sequence of Curve
        At one rank count or more.
    operation : str
        What it is.
    chain : bool
        Whether hops follow a chain (ranks inside a node), or a tree (nodes).
    prior : LatencyPrior, optional
        What holds the time of an empty vector, where no small one was timed.
    """
    cut = operation in (*CUT, "allreduce")
    design = np.concatenate([_columns(curve, chain, cut) for curve in curves])
    times = np.concatenate([curve.time_s for curve in curves])
    weight = np.ones_like(times)
    if prior is not None:
        empty, held = _empty(curves[0], chain, prior)
        design, times = np.vstack((design, empty)), np.append(times, held)
        weight = np.append(weight, SCALE / prior.log_sd)
    several = len({curve.units for curve in curves}) > 1
    if not several:
        design = np.column_stack((LAUNCH_STEPS * design[:, 0] + design[:, 1], design[:, 2]))
    found = _robust(design / times[:, None], weight)
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


def _empty(curve: Curve, chain: bool, prior: LatencyPrior) -> tuple[FloatArray, float]:
    """Return the row of an empty vector, and how long the prior says it takes."""
    count = float(hops(curve.units, chain))
    return np.array([1.0, count, 0.0]), (LAUNCH_STEPS + count) * float(np.exp(prior.log_s))


def _robust(design: FloatArray, sure: FloatArray) -> FloatArray:
    """Return non-negative parameters whose relative predictions are nearest to 1.

    ``sure`` weighs the rows beside what their errors do.
    """
    norm = np.linalg.norm(design, axis=0)
    scaled, weight = design / norm, sure
    for _ in range(ROUNDS):
        found, _ = nnls(scaled * weight[:, None], weight)
        weight = sure * (1.0 + (sure * (scaled @ found - 1.0) / SCALE) ** 2) ** -0.25
    return np.asarray(found / norm)
