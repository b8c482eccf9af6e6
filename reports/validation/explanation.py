"""What a miss would take: for each term of the step, how far it would have to be from what was assumed.

The term that has to move by the fewest of its own standard deviations is named. Terms are compute (devices
compute at other speeds, above all with small batches), the share of the exchange that is paid (overlap),
the bandwidth that is achieved, loaders where data were real, and what nobody modelled (unknown).
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from nearlinear.models.arrays import FloatArray
from nearlinear.models.closed_form import step_times
from nearlinear.models.prior import table
from nearlinear.models.training.step import StepTimes
from nearlinear.models.units import format_rate
from nearlinear.reports.validation.replay import Replay

MISS = 0.15
LEAST_SPREAD = 0.01
MOST_DEVIATIONS = 10.0  # beyond, no term of the step explains anything
NOTHING = ("unknown", "no term of the step is so far off: check the value", np.inf)
LOADER_DEVIATIONS = 2.0  # a term within its band needs no loader to explain it


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """Why a curve may have been missed, at its worst scale.

    Attributes
    ----------
    devices : int
        The scale.
    error : float
        Predicted over published throughput, minus one.
    term : str
        ``compute``, ``overlap``, ``bandwidth``, ``loader`` or ``unknown``.
    text : str
        What that term would have to be.
    deviations : float
        By how many standard deviations of what was assumed of it; nan for a loader.
    """

    devices: int
    error: float
    term: str
    text: str
    deviations: float


def explain(replay: Replay) -> Explanation | None:
    """Return the explanation of a curve's largest miss; None where all errors are at most 15 %."""
    worst = int(np.argmax(np.abs(replay.error)))
    error, devices = float(replay.error[worst]), int(replay.devices[worst])
    if abs(error) <= MISS:
        return None
    model, _, steps, _ = step_times(replay.situation.scenario(replay.curve))
    batch = model.case.batch_per_device(devices)
    needed_s = batch * devices / float(replay.published[worst])
    terms = list(_terms(steps[devices], needed_s, batch))
    term, text, deviations = min(terms, key=lambda one: abs(one[2]), default=NOTHING)
    if abs(deviations) > MOST_DEVIATIONS:
        term, text = NOTHING[:2]
    if replay.curve.real_data and error > 0 and abs(deviations) > LOADER_DEVIATIONS:
        per_node = replay.published[worst] / -(-devices // replay.curve.per_node)
        term, text, deviations = "loader", f"loaders of a node give {format_rate(per_node)} a second", np.nan
    told = float(deviations) if np.isfinite(deviations) else float("nan")
    return Explanation(devices=devices, error=error, term=term, text=text, deviations=told)


def _terms(step: StepTimes, needed_s: float, batch: float) -> Iterator[tuple[str, str, float]]:
    """Yield each term that can make up the difference, with what it would be and how unlikely that is."""
    middle = {name: float(np.median(getattr(step, name))) for name in StepTimes.__slots__}
    total = float(np.median(step.total_s))
    scale = total / max(total - middle["unexplained_s"], 1e-12)  # losses are a fraction of all else
    more = (needed_s - total) / scale
    compute = step.forward_s + step.backward_s + step.optimizer_s
    factor = 1.0 + more / float(np.median(compute))
    if factor > 0:
        text = f"compute at {batch:g} samples per device takes {factor:.2f} times as long"
        yield "compute", text, np.log(factor) / max(_spread(compute), LEAST_SPREAD)
    yield from _exchange(step, middle, more)
    lost = middle["unexplained_s"] + more * scale
    if lost > 0 < middle["unexplained_s"]:
        rest = total - middle["unexplained_s"]
        now = middle["unexplained_s"] / rest
        text = f"{lost / rest:.1%} of the step is lost beyond the model, not {now:.1%}"
        spread = max(_spread(step.unexplained_s / (step.total_s - step.unexplained_s)), LEAST_SPREAD)
        yield "unknown", text, np.log(lost / middle["unexplained_s"]) / spread


def _exchange(step: StepTimes, middle: dict[str, float], more: float) -> Iterator[tuple[str, str, float]]:
    whole = middle["exposed_s"] + middle["hidden_s"]
    paid = middle["exposed_s"] + middle["contention_s"]
    if whole <= 0 or paid <= 0 or paid + more <= 0:
        return
    share, factor = (paid + more) / whole, (paid + more) / paid
    if middle["hidden_s"] > 0 and share <= 1.0:
        text = f"{share:.0%} of the exchange is paid, not {paid / whole:.0%}"
        yield "overlap", text, np.log(factor) / table()["overlap"]["log_sd"]
    spread = max(_spread(step.exposed_s + step.hidden_s), LEAST_SPREAD)
    text = f"the exchange achieves {1 / factor:.2f} of the bandwidth assumed"
    yield "bandwidth", text, np.log(factor) / spread


def _spread(samples: FloatArray) -> float:
    return float(np.log(samples).std())
