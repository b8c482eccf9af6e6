"""A library's collective over sizes and rank counts: measured curves, and what they say of other counts.

At a count that was not measured every size is carried by the growth of the nearest measured count, with
what growth misses there. Where two counts or more were measured, half of the trend of what growth misses
goes on, and a quarter of the weight is a power law through the two nearest counts.

    log t(u) = 3/4 (log G(u) + r(u)) + 1/4 (log t(u1) + slope x log2(u / u1)),   r = log t - log G

The weights lie where median errors are flat when one of three rank counts is left out, on NVSwitch systems
of ``ai-dynamo/aiconfigurator``: ``python benchmarks/weights.py --data DIR`` prints errors over their values.
"""

from dataclasses import dataclass

import numpy as np

from nearlinear.models.arrays import FloatArray
from nearlinear.models.collectives.curve import Curve
from nearlinear.models.collectives.growth import Growth

TREND = 0.5  # of what growth misses that goes on beyond the measured counts
POWER_WEIGHT = 0.25


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Surface:
    """Curves of one collective.

    Attributes
    ----------
    growth : Growth
        Carries times beyond the measured sizes and counts.
    curves : tuple of Curve
        Measured, in rising order of units.
    carried : tuple of Curve
        At counts that were not measured but are known better than growth alone tells.
    """

    growth: Growth
    curves: tuple[Curve, ...]
    carried: tuple[Curve, ...] = ()

    def time_s(self, units: int, size_bytes: FloatArray | float) -> FloatArray:
        """Return seconds among so many units at any sizes above 0."""
        return self.curve(units).at(size_bytes, self.growth)

    def curve(self, units: int) -> Curve:
        """Return the curve among so many units: as measured, or carried."""
        for curve in (*self.curves, *self.carried):
            if curve.units == units:
                return curve
        near = self.nearest(units)
        sizes = np.unique(np.concatenate([curve.size_bytes for curve in near]))
        time = np.exp(self._carried(near, units, sizes))
        return Curve(units=units, size_bytes=sizes, time_s=np.maximum.accumulate(time), measured=False)

    def nearest(self, units: int) -> list[Curve]:
        """Return the one or two measured curves at the nearest counts."""
        return sorted(self.curves, key=lambda curve: abs(np.log2(units / curve.units)))[:2]

    def _carried(self, near: list[Curve], units: int, size_bytes: FloatArray) -> FloatArray:
        """Return log times from the one or two nearest counts."""
        log_time = [np.log(curve.at(size_bytes, self.growth)) for curve in near]
        log_growth = np.log(self.growth.time_s(units, size_bytes))
        missed = [
            time - np.log(self.growth.time_s(curve.units, size_bytes))
            for time, curve in zip(log_time, near, strict=True)
        ]
        if len(near) == 1:
            return np.asarray(log_growth + missed[0])
        first, second = (np.log2(curve.units) for curve in near)
        way = (np.log2(units) - first) / (second - first)
        slowed = way if 0 < way < 1 else TREND * way
        grown = log_growth + missed[0] + slowed * (missed[1] - missed[0])
        power = log_time[0] + way * (log_time[1] - log_time[0])
        return np.asarray((1 - POWER_WEIGHT) * grown + POWER_WEIGHT * power)
