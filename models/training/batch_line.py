"""Step time of one device over its batch, from throughputs at one batch size or several.

    t(batch) = overhead + batch / rate

Several are fitted by least squares on relative error; an overhead below nothing is held at nothing. Valid
between the batch sizes that were measured; beyond them the spread grows with octaves. One gives the step
at its batch, and the overhead is a prior: the time in which the device could do so much work at its fp32
peak, ``[batch.overhead]`` of ``models/data/priors.toml``, but never more than the step itself.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from nearlinear.models.arrays import FloatArray
from nearlinear.models.errors import SpecError
from nearlinear.models.prediction import Z90
from nearlinear.models.prior import table
from nearlinear.models.throughput import Anchor, Throughput
from nearlinear.models.units import TERA

LINE = 2  # parameters of a line: only what is measured beyond so many batch sizes checks it


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchLine:
    """The fitted line.

    Attributes
    ----------
    overhead_s : float
        Seconds of a step whatever its batch.
    seconds_per_sample : float
        One over the rate.
    residual : float
        Standard deviation of log time around the line: the prior where two batch sizes cannot tell.
    low, high : float
        Smallest and largest batch that was measured.
    overhead_spread : float
        Standard deviation of the logarithm of an overhead that is a prior; 0 where it was fitted.
    """

    overhead_s: float
    seconds_per_sample: float
    residual: float
    low: float
    high: float
    overhead_spread: float = 0.0

    @classmethod
    def of_one(cls, batch: float, step_s: float, peak_flop_per_s: float) -> Self:
        """Return the line through one measured step on a device with that peak in its widest arithmetic.

        Many small kernels, launches and updates take the same time whatever the batch. Held to the step
        of the measured batch T, a prior overhead p becomes T p / (T + p).
        """
        prior = table()["batch"]["overhead"]
        return cls.with_overhead(batch, step_s, prior["tflop"] * TERA / peak_flop_per_s, prior["log_sd"])

    @classmethod
    def with_overhead(cls, batch: float, step_s: float, fixed_s: float, log_sd: float) -> Self:
        """Return the line through one measured step where an overhead p is known as a log-normal."""
        overhead_s = step_s * fixed_s / (step_s + fixed_s)
        return cls(
            overhead_s=overhead_s,
            seconds_per_sample=(step_s - overhead_s) / batch,
            residual=table()["batch"]["inside"],
            low=batch,
            high=batch,
            overhead_spread=log_sd,
        )

    @classmethod
    def of(cls, throughputs: Sequence[Throughput], peak_flop_per_s: float) -> Self:
        """Return the line through measured throughputs; that of :meth:`of_one` where there is one.

        Raises
        ------
        SpecError
            A larger batch takes no longer.
        """
        if len(throughputs) == 1:
            only = throughputs[0]
            return cls.of_one(only.batch, only.batch / only.samples_per_s, peak_flop_per_s)
        batch = np.array([one.batch for one in throughputs], dtype=float)
        time_s = batch / np.array([one.samples_per_s for one in throughputs])
        overhead, slope = _fit(batch, time_s)
        if slope <= 0:
            got = ",".join(str(one) for one in throughputs)
            raise SpecError("--throughput", "steps must take longer with larger batches", got=got)
        errors = np.log((overhead + slope * batch) / time_s)
        free = len(batch) - (LINE if overhead > 0 else LINE - 1)
        # The prior counts as one more error: few points that lie on a line by chance prove nothing.
        square = (errors**2).sum() + table()["batch"]["inside"] ** 2
        return cls(
            overhead_s=overhead,
            seconds_per_sample=slope,
            residual=float(np.sqrt(square / (free + 1))),
            low=int(batch.min()),
            high=int(batch.max()),
        )

    def time_s(self, batch: float) -> float:
        """Return the step of one device without any exchange."""
        return self.overhead_s + batch * self.seconds_per_sample

    def spread(self, batch: float) -> float:
        """Return the standard deviation of log time at a batch, where the line was fitted."""
        return float(np.hypot(self.residual, self._beyond(batch)))

    def factor(self, batch: float, z: FloatArray) -> FloatArray:
        """Return times at a batch over :meth:`time_s` for standard normal draws.

        Where the overhead is a prior, it is drawn; no step is shorter than its samples alone would take at
        the measured rate, nor, at a smaller batch, longer than the measured step.
        """
        if not self.overhead_spread:
            return np.asarray(np.exp(z * self.spread(batch)))
        step_s, share = self.time_s(self.low), batch / self.low
        prior_s = step_s * self.overhead_s / (step_s - self.overhead_s) * np.exp(self.overhead_spread * z)
        overhead_s = step_s * prior_s / (step_s + prior_s)
        beyond = np.exp(np.copysign(self._beyond(batch), 1.0 - share) * z)
        drawn_s = (overhead_s + (step_s - overhead_s) * share) * beyond
        least, most = sorted((step_s, step_s * share))
        return np.asarray(np.clip(drawn_s, least, most) / self.time_s(batch))

    def _beyond(self, batch: float) -> float:
        return float(table()["batch"]["per_octave"]) * self.octaves_outside(batch)

    def agrees(self, batch: float, measured_s: float) -> bool:
        """Return whether a measured step of one device lies in the line's 90 % band."""
        ends = np.append(
            self.factor(batch, np.array([-Z90, Z90])), np.exp([-Z90 * self.residual, Z90 * self.residual])
        )
        return bool(ends.min() <= measured_s / self.time_s(batch) <= ends.max())

    def octaves_outside(self, batch: float) -> float:
        """Return how many doublings a batch lies beyond those measured; 0 between them."""
        return float(max(np.log2(self.low / batch), np.log2(batch / self.high), 0.0))


def check_same(
    line: BatchLine,
    throughputs: Sequence[Throughput],
    anchors: Sequence[Anchor],
    batch_per_device: Callable[[int], float],
) -> None:
    """Refuse an anchor on one device that contradicts a throughput at the same batch.

    Raises
    ------
    SpecError
        The two give one measurement two values.
    """
    for anchor in anchors:
        batch = batch_per_device(anchor.devices)
        same = [one for one in throughputs if anchor.devices == 1 and one.batch == batch]
        if same and not line.agrees(batch, batch / anchor.samples_per_s):
            remedy = f"both are one device at batch {batch:g}: drop the wrong one"
            raise SpecError("--anchor", f"contradicts --throughput {same[0]}", got=str(anchor), remedy=remedy)


def _fit(batch: FloatArray, time_s: FloatArray) -> tuple[float, float]:
    """Return overhead >= 0 and slope that minimise the squares of (line / time - 1)."""
    scaled = np.stack([1.0 / time_s, batch / time_s], axis=1)
    overhead, slope = np.linalg.lstsq(scaled, np.ones(len(batch)))[0]
    if overhead >= 0:
        return float(overhead), float(slope)
    column = scaled[:, 1]
    return 0.0, float(column.sum() / (column @ column))
