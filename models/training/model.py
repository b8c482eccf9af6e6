"""The step of one case as a function of parameters and scale."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, cached_property, partial

import numpy as np

from nearlinear.models.arrays import FloatArray
from nearlinear.models.case import Case
from nearlinear.models.parameters import Parameters
from nearlinear.models.prior import rerun_factor
from nearlinear.models.training.buckets import Buckets, fill_buckets
from nearlinear.models.training.exchange import Exchange, exchange
from nearlinear.models.training.kernel_times import KernelTimes, kernel_times
from nearlinear.models.training.roofline import LayerTimes
from nearlinear.models.training.step import StepTimes, contention, exposed_and_hidden
from nearlinear.models.training.usual_times import usual_times


@dataclass(frozen=True)
class StepModel:
    """The closed form of a case's step; ``middle`` is the sample that choices are based on."""

    case: Case
    middle: Parameters

    @cached_property
    def buckets(self) -> Buckets:
        """The gradient buckets of the network."""
        return fill_buckets(self.case.network, self.case.scenario.plan.bucket)

    @cached_property
    def kernel_times(self) -> Callable[[float], KernelTimes] | None:
        """The step of one device over its batch by measured kernels, where there are any.

        Kept by batch: anchors price the same few scales a thousand times.
        """
        case = self.case
        if case.kernels is None:
            return None
        return cache(partial(kernel_times, case.network, case.kernels, case.scenario.workload.precision))

    @cached_property
    def layers(self) -> Callable[[int], LayerTimes]:
        """Compute on each of so many devices: as measured throughputs or kernels say, or as usual.

        Throughputs give the step, what is known of layers divides it among them. Kept by scale, as kernels
        are by batch.
        """
        return cache(self._layers)

    def _layers(self, devices: int) -> LayerTimes:
        case, batch = self.case, self.case.batch_per_device(devices)
        if self.kernel_times is not None:
            layers = self.kernel_times(batch).best
        else:
            layers = usual_times(case.network, case.device, case.scenario.workload.precision, batch)
        return layers.scaled(case.line.time_s(batch)) if case.line is not None else layers

    def slowness(self, parameters: Parameters, devices: int) -> FloatArray:
        """Return compute of every sample over that of :meth:`layers`.

        What a fit leaves out depends on the batch, so it differs between scales where their batches do.
        """
        case, batch = self.case, self.case.batch_per_device(devices)
        known = self._rerun(parameters, devices)
        if case.line is not None:
            return np.asarray(known * case.line.factor(batch, parameters.z_compute))
        if self.kernel_times is None:
            return known
        times = self.kernel_times(batch)
        relative = times.relative[parameters.row % len(times.relative)]
        return np.asarray(known * relative * np.exp(parameters.z_compute * times.spread))

    def _rerun(self, parameters: Parameters, devices: int) -> FloatArray:
        """Return compute as measured, which no other run repeats exactly."""
        if devices in self.case.measured_scales:
            return parameters.slowness
        return np.asarray(parameters.slowness * rerun_factor(parameters.z_rerun))

    def exchange(self, parameters: Parameters, devices: int) -> Exchange:
        """Return who exchanges each bucket among ``devices`` devices, and how long it takes."""
        return exchange(self.case, parameters, self.middle, devices, self.buckets.size_bytes)

    def step(
        self,
        parameters: Parameters,
        devices: int,
        exchange_s: FloatArray,
        loss_s: FloatArray | float = 0.0,
        unexplained: FloatArray | float = 0.0,
    ) -> StepTimes:
        """Return the step of every sample.

        Parameters
        ----------
        parameters : Parameters
            Samples of compute.
        devices : int
            Scale.
        exchange_s : ndarray, shape (samples, buckets)
            How long each bucket's exchange takes.
        loss_s : ndarray or float
            Known loss inside a node.
        unexplained : ndarray or float
            What the model leaves out, as a fraction of the step.
        """
        ideal, slowness = self.layers(devices), self.slowness(parameters, devices)
        backward = slowness * ideal.backward_s.sum()
        ready = slowness[:, None] * self.buckets.ready_s(ideal.backward_s)[None, :]
        exposed, hidden = exposed_and_hidden(backward, ready, exchange_s, self.case.scenario.plan.overlap)
        return StepTimes.of(
            forward_s=slowness * ideal.forward_s.sum(),
            backward_s=backward,
            optimizer_s=slowness * ideal.optimizer_s,
            exposed_s=exposed,
            hidden_s=hidden,
            contention_s=contention(exposed, hidden, parameters.unhidden),
            loss_s=np.broadcast_to(loss_s, slowness.shape),
            unexplained=np.broadcast_to(unexplained, slowness.shape),
        )
