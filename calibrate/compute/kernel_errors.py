"""How wrong a fit of kernels is: bootstrap samples, the spread it leaves out, errors on unseen sizes."""

import numpy as np

from nearlinear.calibrate.compute.kernel_fit import KernelFit, fit_kernels, polish, residuals, reweighted
from nearlinear.calibrate.compute.kernel_points import KernelPoints, hold_out
from nearlinear.calibrate.held import summarise
from nearlinear.calibrate.spec import CalibrateSpec
from nearlinear.calibrate.uncertainty import SPLITS, UNSEEN, normal_spread
from nearlinear.models.arrays import FloatArray
from nearlinear.models.errors import FitError
from nearlinear.models.link_profile import Holdout
from nearlinear.models.prediction import HIGH, LOW


def bootstrap(fit: KernelFit, points: KernelPoints, replicates: int, seed: int) -> FloatArray:
    """Return parameter samples, shape (replicates, terms); the first is the best fit itself."""
    rng = np.random.default_rng(seed)
    draws = rng.multinomial(len(points), np.full(len(points), 1 / len(points)), replicates - 1)
    return np.vstack([fit.theta, reweighted(fit, points, draws.astype(float))])


def spread_of(fit: KernelFit, points: KernelPoints, seed: int) -> float:
    """Return the standard deviation, in log time, of what the fit leaves out.

    That of a normal variable with the same 90 % range as the errors at sizes that fits to the others did
    not see; of the residuals where there are too few sizes to leave some out.
    """
    errors = [np.empty(0)]
    for split in range(SPLITS):
        held = hold_out(points, UNSEEN, seed + 1 + split)
        if held.any():
            seen = polish(points[~held], fit.shape, fit.theta)
            errors.append(residuals(seen.theta[None, :], fit.shape, points[held])[0][0])
    unseen = np.concatenate(errors)
    known = unseen if len(unseen) else residuals(fit.theta[None, :], fit.shape, points)[0][0]
    return normal_spread(known)


def check_held_out(points: KernelPoints, family: str, spec: CalibrateSpec) -> Holdout | None:
    """Return errors at held-out sizes of a fit to the others, or None where too few are left."""
    held = hold_out(points, spec.holdout, spec.seed)
    if not held.any():
        return None
    seen, unseen = points[~held], points[held]
    try:
        best = fit_kernels(seen, family)
    except FitError:
        return None
    theta = bootstrap(best, seen, spec.replicates, spec.seed)
    z = np.random.default_rng(spec.seed).standard_normal((spec.replicates, 1))
    spread = spread_of(best, seen, spec.seed)
    times = best.shape.parts_s(theta, unseen).sum(axis=1) * np.exp(z * spread)
    low, median, high = np.percentile(times, [LOW, 50.0, HIGH], axis=0)
    return summarise(unseen.time_s, median, low, high)
