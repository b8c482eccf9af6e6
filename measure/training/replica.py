"""One worker's copy of the network: its batches, its steps, and where their time went."""

import time
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import numpy as np

from nearlinear.measure.training.batches import LoadingPlan
from nearlinear.measure.training.data import Dataset
from nearlinear.measure.training.loading import InlineLoader, Loader, ParallelLoader
from nearlinear.measure.training.networks import Network, OnLayer
from nearlinear.measure.training.optimiser import Momentum
from nearlinear.measure.training.spec import TrainSpec
from nearlinear.measure.transports.buffers import Buffers


@dataclass(slots=True)
class StepTimes:
    """Seconds of a step's parts, and its loss."""

    load_s: float = 0.0
    compute_s: float = 0.0
    exchange_s: float = 0.0
    wait_s: float = 0.0
    hidden_s: float = 0.0
    loss: float = 0.0

    def row(self) -> list[float]:
        """Return it as numbers in the order of its fields."""
        return [self.load_s, self.compute_s, self.exchange_s, self.wait_s, self.hidden_s, self.loss]


class Replica:
    """A worker's network, optimiser and loader.

    Parameters
    ----------
    spec : TrainSpec
        What to train.
    dataset : Dataset
        What ``spec.data`` builds.
    worker, workers : int
        Whose replica this is.
    buffers : Buffers
        Where weights live.
    """

    def __init__(
        self, spec: TrainSpec, dataset: Dataset, worker: int, workers: int, buffers: Buffers
    ) -> None:
        xp = buffers.arrays
        self.network = Network(spec.network, spec.seed, arrays=xp)
        self.weights, self.gradients = self.network.weights, self.network.gradients
        self._optimiser = Momentum(len(self.weights), spec.rate, spec.momentum, spec.decay, arrays=xp)
        self._buffers, self._dataset, self._open = buffers, dataset, ExitStack()
        plan = LoadingPlan(
            data=spec.data, batch=spec.batch, rank=worker, ranks=workers, seed=spec.seed,
            delay_s=spec.load_delay_s,
        )  # fmt: skip
        loader: Loader = ParallelLoader(plan) if spec.loader == "process" else InlineLoader(plan, dataset)
        self._loader = self._open.enter_context(loader)

    def differentiate(self, times: StepTimes, on_layer: OnLayer | None = None) -> None:
        """Load a batch and compute the gradients of its mean loss."""
        begin = time.perf_counter()
        batch = self._loader.next()
        loaded = time.perf_counter()
        with np.errstate(
            over="ignore", invalid="ignore"
        ):  # who reports the steps tells a loss that is no number
            times.loss = self.network.forward_backward(batch.images, batch.labels, on_layer)
        self._buffers.ready()
        times.load_s, times.compute_s = loaded - begin, time.perf_counter() - loaded

    def update(self, times: StepTimes, scale: float = 1.0) -> None:
        """Multiply the gradients and move the weights along them."""
        begin = time.perf_counter()
        if scale != 1.0:
            self.gradients *= np.float32(scale)
        self._optimiser.step(self.weights, self.gradients)
        self._buffers.ready()
        times.compute_s += time.perf_counter() - begin

    def evaluate(self, weights: Any) -> tuple[float, float]:
        """Return mean loss and accuracy of other weights, of the host, on the held-back images."""
        own = self.weights.copy()
        self.weights[:] = self.hold(weights)
        test = self._dataset.prepared_test()
        told = self.network.evaluate(test.images, test.labels)
        self.weights[:] = own
        return told

    def hold(self, weights: Any) -> Any:
        """Return weights of the host where this replica's are."""
        return self._buffers.hold(weights)

    def close(self) -> None:
        """End the loader."""
        self._open.close()
