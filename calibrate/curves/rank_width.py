"""How far a collective at a rank count that was not measured may be off.

Half-widths of 90 % bands, in log time: the errors of systems that were carried with the help of other
systems. They hold for nodes whose links are of the same class; for a class that was never seen the wider one
stands in. Between nodes they are those of jobs on one cluster, which differ by more than their counts.
"""

from functools import cache
from typing import Any

import numpy as np

from nearlinear.calibrate.curves.half_width import PATH
from nearlinear.calibrate.curves.reference import NETWORK, SHARED
from nearlinear.calibrate.curves.surface_fit import known_class
from nearlinear.models.collectives.surface import Surface
from nearlinear.models.link_profile import RANK_POWER
from nearlinear.models.prediction import Z90
from nearlinear.models.strict import read_toml


@cache
def bands() -> dict[str, Any]:
    """Return the bands as they stand in the file."""
    return read_toml(PATH)


def rank_half_width(
    surface: Surface, operation: str, units: int, table: dict[str, Any] | None = None
) -> float:
    """Return the half-width at a rank count; 0 where it was measured.

    Parameters
    ----------
    table : dict, optional
        Half-widths by class of links instead of those that are shipped.
    """
    counts = [curve.units for curve in surface.curves]
    doublings = float(np.min(np.abs(np.log2(units / np.array(counts)))))
    if len(counts) == 1:
        way = "one"
    else:
        way = "between" if min(counts) < units < max(counts) else "beyond"
    return float(_widths(surface, operation, table)[way] * doublings**RANK_POWER)


def spread_per_doubling(surface: Surface, operation: str) -> float:
    """Return the standard deviation per doubling beyond the measured counts."""
    widths = _widths(surface, operation, None)
    return float(widths["beyond" if len(surface.curves) > 1 else "one"]) / Z90


def _widths(surface: Surface, operation: str, table: dict[str, Any] | None) -> dict[str, float]:
    known = table or bands()["ranks"]
    inside = known_class(surface, operation) or SHARED
    found: dict[str, float] = known[inside if surface.growth.chain else NETWORK]
    return found
