"""What a link of a profile must hold to be used: a file may have been edited, or damaged."""

import numpy as np

from nearlinear.models.errors import SpecError
from nearlinear.models.link_profile import LinkProfile
from nearlinear.models.strict import ROUNDED, WIDEST_SPREAD


def check_link(link: LinkProfile, told_latency_s: float, told_bandwidths: list[float], where: str) -> None:
    """Refuse a link that cannot be.

    Parameters
    ----------
    told_latency_s, told_bandwidths : float, list of float
        Best values as the file has them for people; samples are what is used.

    Raises
    ------
    SpecError
        Says which field.
    """
    for name in ("spread", "spread_per_octave", "spread_per_doubling"):
        if not 0 <= getattr(link, name) <= WIDEST_SPREAD:
            raise SpecError(where, f"must lie in 0..{WIDEST_SPREAD:g}", field=name, got=getattr(link, name))
    if not 0 < link.low_bytes <= link.high_bytes < np.inf:
        raise SpecError(where, "must be > 0 and at most high_bytes", field="low_bytes", got=link.low_bytes)
    if not link.ranks or min(link.ranks) < 2 or link.per_node < 1:
        raise SpecError(where, "must be 2 or more, and per_node 1 or more", field="ranks", got=link.ranks)
    _check_cost(link, where)
    _check_told(link, told_latency_s, told_bandwidths, where)
    if (link.surface is None) == (link.source == "vendor"):
        raise SpecError(where, "must be there for a library's collective, and for it alone", field="growth")
    if link.surface is not None:
        _check_surface(link, where)


def _check_cost(link: LinkProfile, where: str) -> None:
    edges = np.array([0.0, *link.cost.break_bytes])
    if not (np.isfinite(edges).all() and (np.diff(edges) > 0).all()):
        raise SpecError(where, "must be rising sizes", field="break_bytes", got=link.cost.break_bytes)
    if not len(link.cost.latency_s) or not all((slope > 0).all() for slope in link.cost.seconds_per_byte):
        raise SpecError(where, "must hold samples of bandwidths above 0", field="samples")


def _check_told(link: LinkProfile, latency_s: float, bandwidths: list[float], where: str) -> None:
    used = [link.latency_s.best, *(piece.best for piece in link.bandwidth_bytes_per_s)]
    told = [latency_s, *bandwidths]
    if len(used) != len(told) or not np.allclose(told, used, rtol=ROUNDED, atol=0.0):
        rule = (
            "latency_s and bandwidth_bytes_per_s must be those of the samples beside, which are what is used"
        )
        raise SpecError(where, rule)


def _check_surface(link: LinkProfile, where: str) -> None:
    assert link.surface is not None
    counts = [curve.units for curve in link.surface.curves]
    known = counts + [curve.units for curve in link.surface.carried]
    if len(set(known)) < len(known) or tuple(counts) != link.ranks:
        raise SpecError(where, "must have one curve for each of ranks", field="curves", got=known)
