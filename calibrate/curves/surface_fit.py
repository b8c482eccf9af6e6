"""The surface of one collective: its measured curves, their growth, and counts that other systems tell."""

from collections.abc import Container, Sequence

import numpy as np

from nearlinear.calibrate.curves.growth_fit import fit_growth
from nearlinear.calibrate.curves.reference import carried_by_others, fabric
from nearlinear.calibrate.nccl_tuning import LatencyPrior
from nearlinear.models.collectives.curve import Curve
from nearlinear.models.collectives.surface import Surface

OTHERS_WEIGHT = 0.5  # of what other systems say, beside growth (benchmarks/weights.py)


def surface_of(
    curves: Sequence[Curve], operation: str, chain: bool, prior: LatencyPrior | None = None
) -> Surface:
    """Return the surface of measured curves, in rising order of units."""
    ordered = tuple(sorted(curves, key=lambda curve: curve.units))
    return Surface(growth=fit_growth(ordered, operation, chain, prior), curves=ordered)


def carried(surface: Surface, operation: str, units: int, without: Container[str] = ()) -> Curve:
    """Return the curve at a rank count: as measured, or from growth and, where known, other systems.

    Parameters
    ----------
    without : container of str
        Systems of the reference not to look at.
    """
    own = surface.curve(units)
    if own.measured or not surface.growth.chain:
        return own
    others = carried_by_others(
        surface.nearest(units), operation, units, own.size_bytes, surface.growth, without
    )
    if others is None:
        return own
    log_time = (1 - OTHERS_WEIGHT) * np.log(own.time_s) + OTHERS_WEIGHT * others
    rising = np.maximum.accumulate(np.exp(log_time))
    return Curve(units=units, size_bytes=own.size_bytes, time_s=rising, measured=False)


def known_class(surface: Surface, operation: str) -> str | None:
    """Return the class of links, where rank counts of such links were measured elsewhere."""
    return fabric(surface.curves, operation) if surface.growth.chain else None
