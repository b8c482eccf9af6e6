"""A training run summed up: where the time of a step went, and how the loss fell."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nearlinear.measure.records import Record, Step
from nearlinear.models.units import format_size

PARTS = ("load_s", "compute_s", "exchange_s", "wait_s", "hidden_s")
WARM_UP = 1  # steps of a rank that are left out where there are more


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """A quantity over steps: mean, median, 5th and 95th percentile.

    The mean tells what the median of something that happens now and then does not.
    """

    mean: float
    median: float
    low: float
    high: float


def step_spreads(steps: Sequence[Step]) -> dict[str, Spread]:
    """Return the spread of every part of a step, and of the whole, over steps and ranks.

    The whole is what a rank saw from batch to batch; ``hidden_s`` lies behind compute and is no part of it.
    """
    last = max((step.step for step in steps), default=0)
    kept = [step for step in steps if step.step >= WARM_UP or last < WARM_UP]
    values = {name: np.array([getattr(step, name) for step in kept]) for name in PARTS}
    whole = sum(values[name] for name in PARTS if name != "hidden_s")
    return {name: _spread(numbers) for name, numbers in {**values, "step_s": np.asarray(whole)}.items()}


def trained_plain(record: Record) -> dict[str, Any]:
    """Return the summary of a training run as JSON values."""
    spreads = step_spreads(record.steps) if record.steps else {}
    return {
        "training": dict(record.header.get("training", {})),
        "steps": len({step.step for step in record.steps}),
        "workers": len({step.rank for step in record.steps}),
        "step": {
            name: {"mean": s.mean, "median": s.median, "low": s.low, "high": s.high}
            for name, s in spreads.items()
        },
        "epochs": [
            {name: getattr(epoch, name) for name in epoch.__slots__ if name != "kind"}
            for epoch in record.epochs
        ],
    }


def trained_text(record: Record) -> str:
    """Return the summary of a training run for people."""
    lines = [_title(record)]
    if record.steps:
        lines += [
            "",
            "part of a step        mean ms      median ms      5 - 95 % ms",
            "--------------  -------------  -------------  ---------------",
        ]
        for name, spread in step_spreads(record.steps).items():
            band = f"{spread.low * 1e3:.3f} - {spread.high * 1e3:.3f}"
            times = f"{spread.mean * 1e3:13.3f}  {spread.median * 1e3:13.3f}"
            lines.append(f"{name.removesuffix('_s'):14s}  {times}  {band:>15s}")
    if record.epochs:
        lines += ["", "epoch  seconds  samples/s    loss  test loss  test accuracy  spread of workers"]
        lines += [
            f"{e.epoch:5d}  {e.time_s:7.2f}  {e.samples / max(e.time_s, 1e-12):9.0f}  {e.loss:6.4f}"
            f"  {e.test_loss:9.4f}"
            f"  {e.test_accuracy:13.1%}  {e.spread:17.2g}"
            for e in record.epochs
        ]
    return "\n".join(lines)


def _title(record: Record) -> str:
    spec = record.header.get("training", {})
    shape = "x".join(str(side) for side in spec.get("network_input_shape", []))
    workers = len({step.rank for step in record.steps})
    what = f"{spec.get('network_name')} on {spec.get('data')} {shape}, {spec.get('batch')} images a step"
    plural = "s" if workers != 1 else ""
    return f"{what} on each of {workers} worker{plural}; {_rule_told(spec)}; batches {spec.get('loader')}"


def _rule_told(spec: Mapping[str, Any]) -> str:
    """Return the rule with what belongs to it."""
    rule = spec.get("rule")
    if rule == "gosgd":
        return f"rule gosgd, pushes with probability {spec.get('probability')}"
    every = "every step" if spec.get("period") == 1 else f"every {spec.get('period')} steps"
    if rule != "bsp":
        own = {"easgd": ("elasticity",), "ssp": ("staleness",)}.get(str(rule), ())
        return ", ".join((f"rule {rule}", every, *(f"{name} {spec.get(name)}" for name in own)))
    wire = f" with {spec['wire_dtype']} on the wire" if spec.get("wire_dtype") else ""
    bucket = f", buckets of {format_size(spec['bucket_bytes'])}" if spec.get("bucket_bytes") else ""
    behind = ", behind backward" if spec.get("overlap") else ""
    return f"rule bsp, {spec.get('averages')} by {spec.get('algorithm')}{wire} {every}{bucket}{behind}"


def _spread(values: Any) -> Spread:
    low, median, high = np.percentile(values, [5, 50, 95])
    return Spread(mean=float(np.mean(values)), median=float(median), low=float(low), high=float(high))
