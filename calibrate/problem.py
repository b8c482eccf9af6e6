"""What a fit has to explain: points, the closed forms that read them, and parameters to residuals.

Parameters are logarithms, so that they stay positive; the residual is log(modelled / measured).
"""

from dataclasses import dataclass, replace

import numpy as np

from nearlinear.calibrate.forms import Inside, Kind, kinds_of
from nearlinear.calibrate.nccl_tuning import LatencyPrior
from nearlinear.calibrate.points import Points
from nearlinear.models.arrays import FloatArray
from nearlinear.models.hardware.message import LinkCost

LOWEST, HIGHEST = -60.0, 10.0  # of a logarithmic parameter: beyond these nothing is physical
STEP = 1e-5  # of a logarithmic parameter, for derivatives


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Problem:
    """Points to explain, and what is known already.

    Attributes
    ----------
    points : Points
        Of one level, transport and source.
    kinds : list of Kind
        Which closed form reads which rows.
    inner : Inside or None
        Cost inside nodes, for ranks that span nodes.
    reduction : bool
        Whether the cost of adding is a parameter of its own: algorithms with different shares of
        adding were timed. A library's own collective never tells.
    prior : LatencyPrior or None
        What holds the latency where the points do not.
    """

    points: Points
    kinds: list[Kind]
    inner: Inside | None
    reduction: bool
    prior: LatencyPrior | None = None

    @classmethod
    def of(cls, points: Points, inner: Inside | None = None, prior: LatencyPrior | None = None) -> "Problem":
        """Return the problem of points of one level, transport and source."""
        kinds = kinds_of(points)
        reduction = _tells_reduction(kinds, inner)
        return cls(points=points, kinds=kinds, inner=inner, reduction=reduction, prior=prior)

    def subset(self, rows: np.ndarray) -> "Problem":
        """Return the problem of some rows, with the same parameters."""
        points = self.points[rows]
        return replace(self, points=points, kinds=kinds_of(points))

    def cost(self, theta: FloatArray, breaks: FloatArray) -> LinkCost:
        """Return the cost of logarithmic parameters.

        Parameters
        ----------
        theta : ndarray, shape (samples, parameters) or (parameters,)
            Logarithms of latency, inverse bandwidth of each piece, and cost of adding if fitted.
        breaks : ndarray, shape (samples, pieces - 1) or (pieces - 1,)
            Logarithms to base 2 of the message sizes where pieces meet.
        """
        values = np.exp(np.clip(np.atleast_2d(theta), LOWEST, HIGHEST))
        edges = 2.0 ** np.broadcast_to(breaks, (len(values), np.shape(breaks)[-1]))
        pieces = edges.shape[1] + 1
        added = values[:, 1 + pieces :] if self.reduction else np.zeros((len(values), 1))
        return LinkCost(
            latency_s=values[:, :1],
            seconds_per_byte=tuple(values[:, 1 + i : 2 + i] for i in range(pieces)),
            break_bytes=tuple(edges[:, i : i + 1] for i in range(pieces - 1)),
            reduction_s_per_byte=added,
        )

    def modelled_s(self, cost: LinkCost) -> FloatArray:
        """Return modelled times of all points, shape (samples, points)."""
        sizes = self.points.size_bytes
        times = np.empty((len(cost.latency_s), len(sizes)))
        for kind in self.kinds:
            times[:, kind.rows] = kind.time_s(sizes[kind.rows], cost, self.inner)
        return times

    def residuals(self, theta: FloatArray, breaks: FloatArray) -> FloatArray:
        """Return log(modelled / measured), shape (samples, points)."""
        return np.log(self.modelled_s(self.cost(theta, breaks)) / self.points.time_s)

    def derivatives(self, theta: FloatArray, breaks: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return residuals and their derivatives by parameter, in one batched call.

        Returns
        -------
        residual : ndarray, shape (samples, points)
        slope : ndarray, shape (samples, parameters, points)
        """
        samples, count = theta.shape
        steps = STEP * np.vstack([np.zeros(count), np.eye(count)])
        shifted = (theta[:, None, :] + steps).reshape(-1, count)
        edges = np.broadcast_to(breaks, (samples, np.shape(breaks)[-1]))
        values = self.residuals(shifted, np.repeat(edges, count + 1, axis=0))
        values = values.reshape(samples, count + 1, -1)
        return values[:, 0], (values[:, 1:] - values[:, :1]) / STEP

    def messages(self) -> FloatArray:
        """Return the message size of every point."""
        sizes = np.empty(len(self.points))
        for kind in self.kinds:
            sizes[kind.rows] = kind.message_bytes(self.points.size_bytes[kind.rows])
        return sizes


def _tells_reduction(kinds: list[Kind], inner: Inside | None) -> bool:
    """Return whether two kinds differ in bytes added per byte moved along their critical path."""
    size, unit = np.array([2.0**20]), 1e-9
    shares = set()
    for kind in kinds:
        if kind.algorithm == "vendor":
            return False
        moving, adding = LinkCost.of(0.0, 1.0 / unit), LinkCost.of(0.0, 1.0 / unit, unit)
        moved = kind.time_s(size, moving, replace(inner, cost=moving) if inner else None)
        both = kind.time_s(size, adding, replace(inner, cost=adding) if inner else None)
        shares.add(round(float(both[0] / moved[0]), 2))
    return len(shares) > 1
