"""What a prediction says: points with bands, the four-line answer, warnings, provenance."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from nearlinear.models.arrays import FloatArray

LOW, HIGH = 5.0, 95.0  # a 90 % band
Z90 = 1.645  # a normal variable lies within so many standard deviations with 90 % probability


@dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    """Median with the 5th and 95th percentile of the samples."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, samples: FloatArray) -> "Band":
        """Return the band of samples; with an odd count the median is one of them."""
        low, median, high = np.percentile(samples, [LOW, 50.0, HIGH])
        return cls(median=float(median), low=float(low), high=float(high))


@dataclass(frozen=True, slots=True, kw_only=True)
class Breakdown:
    """Seconds of the median step; the parts are means over the samples around it and add up to it.

    ``in_node_loss_s`` is what a second anchor showed; ``unexplained_s`` what the model does not
    see. ``data_wait_s`` is waiting for batches, of a simulation that loads. ``contention_s`` is what
    exchange behind backward costs all the same.
    """

    forward_s: float
    backward_s: float
    exposed_communication_s: float
    optimizer_s: float
    in_node_loss_s: float
    unexplained_s: float
    data_wait_s: float = 0.0
    contention_s: float = 0.0

    @property
    def total_s(self) -> float:
        """The step."""
        return (
            self.forward_s + self.backward_s + self.exposed_communication_s + self.optimizer_s
            + self.in_node_loss_s + self.unexplained_s + self.data_wait_s + self.contention_s
        )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class UntilTarget:
    """What training to the target takes at one scale.

    Attributes
    ----------
    epochs, time_s, speed_up : Band
        Epochs at its global batch, wall-clock time, and the time of the smallest scale over it.
    energy_kwh, cost : Band or None
        Energy with that of the data centre; money in the currency of the prices; None where no power or
        no price is known.
    billed_devices : int or None
        Devices that are paid for: instances are rented whole.
    exchanges_per_epoch : float or None
        How often a worker exchanges in an epoch; None in predictions of before it was told.
    learning_rate : float or None
        Where to start tuning at this global batch; None where no rate is known to work.
    """

    epochs: Band
    time_s: Band
    speed_up: Band
    energy_kwh: Band | None
    cost: Band | None
    billed_devices: int | None
    exchanges_per_epoch: float | None = None
    learning_rate: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """When training ends, what that costs per hour, and the best scales.

    Attributes
    ----------
    title, source, date : str
        The target, and who says what it takes.
    minimum_epochs, critical_batch : float
        Epochs at a vanishing batch, and the global batch at which they double; None if they never grow.
    epoch_samples : float
        Samples of an epoch.
    price, currency : str or None
        What is paid, in words.
    watts, pue : float
        Power of a device, or None; energy of the data centre per energy of its devices.
    fastest_devices, cheapest_devices : int
        Scales of the least median time and money; None where no price is known.
    """

    title: str
    source: str
    date: str
    minimum_epochs: float
    critical_batch: float | None
    epoch_samples: float
    price: str | None
    currency: str | None
    watts: float | None
    pue: float
    fastest_devices: int
    cheapest_devices: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One scale.

    Attributes
    ----------
    devices, nodes : int
        Scale.
    batch_per_device, global_batch : float
        Samples per step.
    step_time_s, throughput_per_s, efficiency : Band
        The answer; efficiency refers to the smallest scale of the prediction.
    breakdown_s : Breakdown
        Of the median sample.
    hidden_communication_s : float
        Exchange behind backward, in the median sample.
    algorithm : str
        Allreduce of most buckets.
    memory_bytes : float
        Least memory per device.
    extrapolated : bool
        Whether the scale or its messages lie outside what the profile measured.
    measured_per_s : float or None
        Throughput that an anchor states for this scale.
    until_target : UntilTarget or None
        Time, energy and money to the target, if there is one.
    """

    devices: int
    nodes: int
    batch_per_device: float
    global_batch: float
    step_time_s: Band
    throughput_per_s: Band
    efficiency: Band
    breakdown_s: Breakdown
    hidden_communication_s: float
    algorithm: str
    memory_bytes: float
    extrapolated: bool
    measured_per_s: float | None = None
    until_target: UntilTarget | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The four lines.

    Attributes
    ----------
    largest_devices : int
        Largest scale asked for.
    efficiency : Band
        Efficiency there.
    knee_devices : int or None
        Largest scale with a median efficiency of at least ``KNEE``.
    binding : str
        Which term costs most there besides compute.
    binding_share : float
        How much shorter the step would be without it, as a fraction.
    beyond_model_share : float
        Fraction of the median step that is lost to what the model does not see.
    worth_measuring : tuple of int
        Scales whose measurement would shrink the bands most.
    """

    largest_devices: int
    efficiency: Band
    knee_devices: int | None
    binding: str
    binding_share: float
    beyond_model_share: float
    worth_measuring: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction:
    """The answer to one scenario.

    Attributes
    ----------
    engine : str
        ``closed-form``, or the engine of the simulator that executed the exchange.
    title : str
        One line that says what was predicted.
    inputs : dict
        The scenario as tables.
    ending : Ending or None
        The target that ends training, if there is one.
    """

    engine: str
    title: str
    inputs: dict[str, Any]
    answer: Answer
    points: tuple[Point, ...]
    warnings: tuple[str, ...] = ()
    provenance: dict[str, Any] = field(default_factory=dict)
    ending: Ending | None = None
