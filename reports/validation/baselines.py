"""What a naive reader would say of a curve: three predictors to beat.

*Linear*: throughput per device stays that of the largest known scale. *Constant*: it drops at once to one
efficiency, the median over the judged points of all *other* curves. *Paleo*: the known step, plus the
exchange of all weights without overlap, latency or chunks, at the nominal bandwidth of each level of
links; of Paleo's schemes the one that is best on the curves, which flatters it:

    tree 2 ceil(log2 u) S/B,    butterfly ceil(log2 u) S/B,    mixing S/B

for u units of a level, S bytes of weights and the bandwidth B of what joins units.

References
----------
Qi, Sparks and Talwalkar 2017, "Paleo: a performance model for deep neural networks", section 3; schemes as
its program has them.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from nearlinear.models.arrays import FloatArray
from nearlinear.models.case import Case
from nearlinear.models.units import FLOAT32_BYTES
from nearlinear.reports.validation.replayed import Predicted

if TYPE_CHECKING:  # a replay names its baselines
    from nearlinear.reports.validation.replay import Replay

SCHEMES: dict[str, Callable[[float], float]] = {
    "tree": lambda units: 2.0 * np.ceil(np.log2(units)),
    "butterfly": lambda units: np.ceil(np.log2(units)),
    "mixing": lambda units: float(units > 1),
}


def linear(replays: Sequence["Replay"]) -> Predicted:
    """Return throughputs in proportion to devices from the largest known scale."""
    return [one.devices.astype(float) * _known(one) for one in replays]


def constant(replays: Sequence["Replay"]) -> Predicted:
    """Return linear throughputs times the median efficiency of all other curves."""
    straight = linear(replays)
    ratios = [one.published / line for one, line in zip(replays, straight, strict=True)]
    found = []
    for index, line in enumerate(straight):
        others = [ratio for i, ratio in enumerate(ratios) if i != index]
        found.append(line * (float(np.median(np.concatenate(others))) if others else 1.0))
    return found


def paleo(replays: Sequence["Replay"]) -> Predicted:
    """Return what Paleo's formula says, by the scheme with the least median error on these curves."""
    by_scheme = [[_paleo(one, rounds) for one in replays] for rounds in SCHEMES.values()]
    published = np.concatenate([one.published for one in replays])
    errors = [np.median(np.abs(np.concatenate(found) / published - 1.0)) for found in by_scheme]
    return by_scheme[int(np.argmin(errors))]


CONSTANT = "constant"
BASELINES: dict[str, Callable[[Sequence["Replay"]], Predicted]] = {
    "linear": linear,
    CONSTANT: constant,
    "Paleo": paleo,
}


def _known_devices(replay: "Replay") -> int:
    """Return the largest known scale; the smallest of the curve where nothing is known."""
    return max(replay.situation.known(replay.curve) or (int(replay.curve.devices[0]),))


def _known(replay: "Replay") -> float:
    """Return throughput per device at that scale."""
    devices = _known_devices(replay)
    return replay.curve.rate(devices) / devices


def _paleo(replay: "Replay", rounds: Callable[[float], float]) -> FloatArray:
    known, case = _known_devices(replay), replay.curve.case
    exchange_s = partial(_exchange_s, case, rounds=rounds)
    batch = case.batch_per_device(known)
    sample_s = max(1.0 / _known(replay) - exchange_s(known) / batch, 0.0)
    batches = np.array([case.batch_per_device(int(n)) for n in replay.devices])
    step_s = batches * sample_s + np.array([exchange_s(int(n)) for n in replay.devices])
    return np.asarray(batches * replay.devices / step_s)


def _exchange_s(case: Case, devices: int, rounds: Callable[[float], float]) -> float:
    size, time, below = case.network.parameters * FLOAT32_BYTES * case.wire_fraction, 0.0, 1
    for level in case.cluster.levels:
        span = min(devices, level.span or devices)
        units = -(-span // below)
        bandwidth = level.link.bandwidth_bytes_per_s.value * max(level.uplinks, 1.0)
        time += rounds(float(max(units, 1))) * size / bandwidth
        below = level.span or below
        if devices <= below:
            break
    return time
