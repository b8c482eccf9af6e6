"""What one message costs on one class of links.

    t(s) = latency + integral from 0 to s of seconds_per_byte(x) dx,    and  reduction x reduced bytes

``seconds_per_byte`` is constant, or piecewise constant where protocols switch; so t is continuous and
never falls with s. Every parameter is an array that broadcasts against sizes: a column of shape
(samples, 1) prices all samples of a calibration at once.
"""

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Self

import numpy as np

from nearlinear.models.arrays import FloatArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Residual:
    """What the physics leaves out: one correlated log-normal factor per sample.

    Every message is exp(z x spread) times as long as modelled; bytes above the measured sizes are a
    further exp(z x spread_per_octave x octaves) times as slow. Only bytes beyond carry the second
    factor, so that time still rises with bytes when z is negative.

    Attributes
    ----------
    z : ndarray, shape (samples, 1)
        Standard normal draws, one per sample, shared by every message of the link class.
    spread : float
        Standard deviation of the logarithm inside the measured range.
    spread_per_octave : float
        Added per doubling of the size above ``high_bytes``.
    high_bytes : float
        Largest message size measured, at or above the last break; infinite where nothing was measured.
    """

    z: FloatArray
    spread: float
    spread_per_octave: float = 0.0
    high_bytes: float = np.inf

    def factor(self) -> FloatArray:
        """Return the factor on every message."""
        return np.asarray(np.exp(self.z * self.spread))

    def beyond(self, size_bytes: FloatArray) -> FloatArray:
        """Return the factor on bytes above the measured sizes."""
        octaves = np.log2(np.maximum(size_bytes / self.high_bytes, 1.0))
        return np.asarray(np.exp(self.z * self.spread_per_octave * octaves))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LinkCost:
    """Latency, inverse bandwidth and reduction cost of one link class.

    Attributes
    ----------
    latency_s : ndarray
        Time of an empty message.
    seconds_per_byte : tuple of ndarray
        Inverse bandwidth of each piece.
    break_bytes : tuple of float or ndarray
        Where one piece ends and the next begins; one fewer than the pieces.
    reduction_s_per_byte : ndarray
        Cost at the receiver of adding one byte to its own.
    residual : Residual, optional
        What the physics leaves out.
    """

    latency_s: FloatArray
    seconds_per_byte: tuple[FloatArray, ...]
    break_bytes: tuple[float | FloatArray, ...] = ()
    reduction_s_per_byte: FloatArray
    residual: Residual | None = None

    @classmethod
    def of(cls, latency_s: float, bandwidth_bytes_per_s: float, reduction_s_per_byte: float = 0.0) -> Self:
        """Return the cost with one bandwidth, all plain numbers."""
        return cls(
            latency_s=np.asarray(latency_s, dtype=float),
            seconds_per_byte=(np.asarray(1.0 / bandwidth_bytes_per_s),),
            reduction_s_per_byte=np.asarray(reduction_s_per_byte, dtype=float),
        )

    def transfer_s(self, size_bytes: FloatArray | float, slowdown: FloatArray | float = 1.0) -> FloatArray:
        """Return the time of a message, sender to receiver, without reduction.

        Parameters
        ----------
        size_bytes : ndarray or float
            Bytes on the wire.
        slowdown : ndarray or float
            How many times slower bytes flow because the link is shared; latency is not shared.
        """
        return np.asarray((self.latency_s + slowdown * self.streaming_s(size_bytes)) * self.factor)

    @property
    def factor(self) -> FloatArray | float:
        """What the physics leaves out, as a factor on the time of every message."""
        return 1.0 if self.residual is None else self.residual.factor()

    def streaming_s(self, size_bytes: FloatArray | float) -> FloatArray:
        """Return the part of the time that grows with bytes, unshared and without ``factor``."""
        size = np.asarray(size_bytes, dtype=float)
        if self.residual is None or np.isinf(self.residual.high_bytes):
            return self._integral(size)
        inside = self._integral(np.minimum(size, self.residual.high_bytes))
        return inside + (self._integral(size) - inside) * self.residual.beyond(size)

    def _integral(self, size: FloatArray) -> FloatArray:
        """Return the integral of ``seconds_per_byte`` from 0 to ``size``."""
        edges = (0.0, *self.break_bytes, np.inf)
        time = np.zeros(np.broadcast_shapes(size.shape, np.shape(self.latency_s)))
        for slope, (low, high) in zip(self.seconds_per_byte, pairwise(edges), strict=True):
            time = time + slope * np.clip(size - low, 0.0, high - low)
        return time

    def reduce_s(self, size_bytes: FloatArray | float) -> FloatArray:
        """Return the time to add ``size_bytes`` to the receiver's own."""
        return np.asarray(self.reduction_s_per_byte * np.asarray(size_bytes, dtype=float))

    def scaled(self, factor: FloatArray | float) -> Self:
        """Return the cost with latency and inverse bandwidth multiplied by ``factor``."""
        return replace(
            self,
            latency_s=np.asarray(self.latency_s * factor),
            seconds_per_byte=tuple(np.asarray(slope * factor) for slope in self.seconds_per_byte),
        )

    def without(self, *, latency: bool = False, bandwidth: bool = False, reduction: bool = False) -> Self:
        """Return the cost with some terms set to zero, to ask what a term contributes."""
        return replace(
            self,
            latency_s=self.latency_s * (not latency),
            seconds_per_byte=tuple(slope * (not bandwidth) for slope in self.seconds_per_byte),
            reduction_s_per_byte=self.reduction_s_per_byte * (not reduction),
        )
