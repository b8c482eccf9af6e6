"""Time, energy and money to the target at every scale.

    time = epochs(global batch) x samples of an epoch x step time / global batch

sample by sample, so that a band holds what is not known of the step and of the epochs. Speed-up is the ratio
of these times, as Iandola et al. 2016 (FireCaffe, arXiv 1511.00175) count it: a larger batch that needs more
epochs pays for them. Left out are evaluation, start-up, checkpoints and failures.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite

import numpy as np

from nearlinear.models.arrays import FloatArray
from nearlinear.models.dnn import Network
from nearlinear.models.economics.asynchrony import asynchrony, draw_epochs, exchanges_per_step
from nearlinear.models.economics.goal import Goal, goal_of
from nearlinear.models.economics.learning_rate import LearningRate
from nearlinear.models.economics.question import Cost, Target
from nearlinear.models.economics.rates import Rates
from nearlinear.models.hardware.fact import Fact
from nearlinear.models.prediction import Band, Ending, UntilTarget
from nearlinear.models.training.synchronisation import AsynchronousServer, BulkSynchronous, Rule


@dataclass(frozen=True, slots=True, kw_only=True)
class Economics:
    """The goal of a scenario and the rates of its devices."""

    goal: Goal
    rates: Rates
    learning_rate: LearningRate | None = None

    @classmethod
    def of(cls, target: Target, cost: Cost, network: Network, device: str) -> "Economics | None":
        """Return the economics of a scenario, or None where it has no target.

        Raises
        ------
        SpecError
            Nothing is known of the network; an unknown instance or file.
        """
        if not target.asked:
            return None
        return cls(
            goal=goal_of(target, network), rates=Rates.of(cost, device), learning_rate=target.learning_rate
        )

    def rate_at(self, batch: float, workers: int, rule: Rule | None) -> float | None:
        """Return the learning rate to start from at a global batch of so many workers.

        Moves that are added, not averaged, want one part of it per worker (``asynchrony``).
        """
        if self.learning_rate is None:
            return None
        adding = workers if isinstance(rule, AsynchronousServer) else 1
        return self.learning_rate.at(batch, self.goal.curve.critical_batch.value) / adding

    def facts(self) -> list[tuple[str, Fact]]:
        """Return the numbers used, for the provenance."""
        goal, found = self.goal, self.rates.facts()
        if goal.epoch_samples is not None:
            found.append(("epoch_samples", goal.epoch_samples))
        status = "stated" if goal.source.date == "none" else "measured"
        named = (("minimum_epochs", goal.curve.minimum), ("critical_batch", goal.curve.critical_batch))
        found += [
            (name, Fact(value=one.value, status=status, source=goal.source))
            for name, one in named
            if isfinite(one.value)
        ]
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What the economics of a scenario say of its scales."""

    ending: Ending
    points: tuple[UntilTarget, ...]
    warnings: tuple[str, ...]


def outcome(
    economics: Economics, devices: Sequence[int], batches: FloatArray, step_s: FloatArray, seed: int,
    rule: Rule | None = None,
) -> Outcome:  # fmt: skip
    """Return time, energy and money to the target at every scale.

    Parameters
    ----------
    economics : Economics
        Goal and rates.
    devices : sequence of int
        Scales in rising order; speed-up refers to the first.
    batches : ndarray, shape (scales,)
        Global batch of each, samples.
    step_s : ndarray, shape (samples, scales)
        Step times.
    seed : int
        Of the draws of epochs.
    rule : Rule, optional
        How workers stay together, where they do not average gradients in every step.
    """
    goal, rates = economics.goal, economics.rates
    assert goal.epoch_samples is not None  # a goal of a network has it
    costs = [asynchrony(rule or BulkSynchronous(), workers) for workers in devices]
    epochs = draw_epochs(goal.curve, costs, batches, goal.epoch_samples.value, len(step_s), seed)
    time_s = epochs * goal.epoch_samples.value / batches * step_s
    points = tuple(
        UntilTarget(
            epochs=Band.of(epochs[:, i]),
            time_s=Band.of(time_s[:, i]),
            speed_up=Band.of(time_s[:, 0] / time_s[:, i]),
            energy_kwh=_scaled(time_s[:, i], rates.kwh_per_s(scale)),
            cost=_scaled(time_s[:, i], rates.money_per_s(scale)),
            billed_devices=rates.billed_devices(scale) if rates.price else None,
            exchanges_per_epoch=goal.epoch_samples.value / float(batches[i]) * exchanges_per_step(rule),
            learning_rate=economics.rate_at(float(batches[i]), scale, rule),
        )
        for i, scale in enumerate(devices)
    )
    return Outcome(
        ending=_ending(goal, rates, devices, points),
        points=points,
        warnings=(*_warnings(goal, rates, devices, batches), *_of_rule(rule)),
    )


def _scaled(time_s: FloatArray, per_s: float | None) -> Band | None:
    return None if per_s is None else Band.of(time_s * per_s)


def _ending(goal: Goal, rates: Rates, devices: Sequence[int], points: Sequence[UntilTarget]) -> Ending:
    fastest = int(np.argmin([point.time_s.median for point in points]))
    costs = [point.cost.median for point in points if point.cost is not None]
    critical = goal.curve.critical_batch.value
    assert goal.epoch_samples is not None  # a goal of a network has it
    return Ending(
        title=goal.title,
        source=goal.source.citation,
        date=goal.source.date,
        minimum_epochs=goal.curve.minimum.value,
        critical_batch=critical if isfinite(critical) else None,
        epoch_samples=goal.epoch_samples.value,
        price=rates.price,
        currency=rates.currency if rates.price else None,
        watts=rates.watts.value if rates.watts else None,
        pue=rates.pue.value,
        fastest_devices=devices[fastest],
        cheapest_devices=devices[int(np.argmin(costs))] if costs else None,
    )


def _warnings(goal: Goal, rates: Rates, devices: Sequence[int], batches: FloatArray) -> list[str]:
    low, high = goal.curve.batches
    outside = [scale for scale, batch in zip(devices, batches, strict=True) if not low <= batch <= high]
    found = []
    if outside:
        found.append(
            f"at {', '.join(str(n) for n in outside)} devices the global batch lies outside the"
            f" {low:,.0f} - {high:,.0f} whose epochs were fitted: no run there says that it converges"
        )
    if not isfinite(goal.curve.critical_batch.value) and len(set(batches)) > 1:
        found.append(
            "epochs are the same at every global batch: say --critical-batch, the batch at which they double"
        )
    if rates.watts is None:
        found.append("no power is known for this device: say --watts for energy")
    if rates.price is None:
        found.append("no price is known for this device: say --price-per-device-h or --prices for money")
    return found


def _of_rule(rule: Rule | None) -> list[str]:
    """Return what a reader must know of the epochs of a rule."""
    if rule is None:
        return []
    return [
        f"epochs of rule {rule.name} follow from a quadratic loss and equal data, and their band from workers"
        " that stray: learning rate and momentum must be tuned for the rule"
    ]
