"""How fast devices step while loaders feed them, beside what the closed form expects."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from nearlinear.models.training.step import exposed_and_hidden
from nearlinear.models.units import format_time
from nearlinear.simulator.steps.conditions import Conditions
from nearlinear.simulator.steps.training_step import Run, Workers


@dataclass(frozen=True, slots=True, kw_only=True)
class Starvation:
    """The pace of steps that are fed, in seconds, in one sample.

    Attributes
    ----------
    load_s : float
        From batch to batch of the device that is served worst, without jitter.
    step_s : float
        A step whose batch is there, in closed form, without jitter and slow nodes.
    simulated_s : float
        The mean over the later half of the steps, when places have filled.
    """

    load_s: float
    step_s: float
    simulated_s: float

    @classmethod
    def of(cls, workers: Workers, conditions: Conditions, run: Run, sample: int) -> "Starvation | None":
        """Return the pace of a sample; None without loading, or where one step says nothing of a pace."""
        if conditions.loader.time_s == 0 or conditions.steps < 2:
            return None
        ends, settled = run.step_end_s[:, sample], (conditions.steps - 1) // 2
        placement = workers.placement
        return cls(
            load_s=conditions.loader.pace_s(
                placement.devices, placement.per_node, float(workers.send_s(conditions.loader)[sample, 0])
            ),
            step_s=_step_s(workers, sample),
            simulated_s=float((ends[-1] - ends[settled]) / (conditions.steps - 1 - settled)),
        )

    def document(self) -> dict[str, Any]:
        """Return the numbers as plain values."""
        return asdict(self) | {"expected_s": self.expected_s}

    @property
    def expected_s(self) -> float:
        """The slower of the two."""
        return max(self.load_s, self.step_s)

    def line(self) -> str:
        """Return the numbers as people read them."""
        load, step = format_time(self.load_s), format_time(self.step_s)
        return (
            f"a step: max(load {load}, step {step}) expected without jitter, simulated"
            f" {format_time(self.simulated_s)}"
        )


def _step_s(workers: Workers, sample: int) -> float:
    model, devices = workers.model, workers.placement.devices
    ideal, slowness = model.layers(devices), workers.slowness[sample : sample + 1]
    ready = slowness[:, None] * model.buckets.ready_s(ideal.backward_s)[None, :]
    exchange_s = workers.exchange.time_s[sample : sample + 1]
    overlap = model.case.scenario.plan.overlap
    exposed, _ = exposed_and_hidden(slowness * ideal.backward_s.sum(), ready, exchange_s, overlap)
    return float(np.sum(slowness * ideal.total_s + exposed))
