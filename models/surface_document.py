"""A surface as tables of a profile: numbers that people can read, and back."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np

from nearlinear.models.collectives.curve import Curve
from nearlinear.models.collectives.growth import Growth
from nearlinear.models.collectives.surface import Surface
from nearlinear.models.errors import SpecError
from nearlinear.models.strict import build


def described_surface(surface: Surface) -> dict[str, Any]:
    """Return the tables ``growth`` and ``curves``."""
    return {
        "growth": asdict(surface.growth),
        "curves": [
            {"units": curve.units, "measured": curve.measured,
             "size_bytes": curve.size_bytes.tolist(), "time_s": curve.time_s.tolist()}
            for curve in (*surface.curves, *surface.carried)
        ],
    }  # fmt: skip


def read_surface(item: Mapping[str, Any], where: str) -> Surface | None:
    """Return the surface of a link's table, or None where it has none.

    Raises
    ------
    SpecError
        Curves without measured ones, of other lengths, or that fall as sizes rise.
    """
    if "growth" not in item:
        return None
    growth = build(Growth, item["growth"], where)
    parts = (growth.launch_s, growth.hop_s, growth.seconds_per_byte)
    if min(parts) < 0 or max(parts) <= 0 or not np.isfinite(growth.time_s(2, 1.0)):
        raise SpecError(where, "must be >= 0 and finite", field="growth", got=item["growth"])
    curves = [_curve(one, where) for one in item.get("curves", [])]
    measured = tuple(sorted((c for c in curves if c.measured), key=lambda curve: curve.units))
    if not measured:
        raise SpecError(where, "must hold a measured curve", field="curves")
    return Surface(growth=growth, curves=measured, carried=tuple(c for c in curves if not c.measured))


def _curve(item: Mapping[str, Any], where: str) -> Curve:
    sizes, times = (np.array(item[name], dtype=float) for name in ("size_bytes", "time_s"))
    units, measured = item["units"], item["measured"]
    whole = (
        type(units) is int and units > 1 and type(measured) is bool and sizes.ndim == 1
        and sizes.shape == times.shape and len(sizes) > 0
        and bool(np.isfinite(sizes).all()) and bool(np.isfinite(times).all())
        and sizes[0] > 0 and times[0] > 0
        and bool((np.diff(sizes) > 0).all()) and bool((np.diff(times) >= 0).all())
    )  # fmt: skip
    if not whole:
        raise SpecError(where, "must have rising sizes, and times that do not fall", field="curves")
    return Curve(units=units, size_bytes=sizes, time_s=times, measured=measured)
