"""The four-line answer: efficiency, knee, what binds, what is worth measuring."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from nearlinear.models.arrays import FloatArray
from nearlinear.models.parameters import LevelSamples, Parameters
from nearlinear.models.prediction import Answer, Band

KNEE = 0.80
NEGLIGIBLE = 0.02  # a term whose removal gains less is not worth naming
WORTH_COUNT = 3
PLACE = {"group": "inside a group", "node": "inside a node", "network": "between nodes"}


def answer(
    devices: tuple[int, ...],
    step_s: FloatArray,
    efficiency: FloatArray,
    binding: tuple[str, float],
    beyond_model_share: float,
    anchored: tuple[int, ...],
) -> Answer:
    """Return the four lines.

    Parameters
    ----------
    devices : tuple of int
        Scales in rising order.
    step_s, efficiency : ndarray, shape (samples, scales)
        Samples.
    binding : tuple of str and float
        From :func:`binding_term`.
    beyond_model_share : float
        Fraction of the median step at the largest scale that the model does not see.
    anchored : tuple of int
        Scales that are measured already.
    """
    medians = np.median(efficiency, axis=0)
    above = [scale for scale, median in zip(devices, medians, strict=True) if median >= KNEE]
    return Answer(
        largest_devices=devices[-1],
        efficiency=Band.of(efficiency[:, -1]),
        knee_devices=max(above, default=None),
        binding=binding[0],
        binding_share=binding[1],
        beyond_model_share=beyond_model_share,
        worth_measuring=_worth_measuring(devices, step_s, anchored),
    )


def _worth_measuring(
    devices: tuple[int, ...], step_s: FloatArray, anchored: tuple[int, ...]
) -> tuple[int, ...]:
    """Return the scales whose measurement would shrink the bands of all scales most.

    Measuring scale i leaves of the variance of log step time at j the part 1 - correlation(i, j)^2.
    """
    logs = np.log(step_s)
    variance = logs.var(axis=0)
    if len(devices) < 2 or not (variance > 0).any():
        return ()
    with np.errstate(invalid="ignore", divide="ignore"):
        correlation = np.nan_to_num(np.corrcoef(logs.T))
    gain = (correlation**2 * variance[None, :]).sum(axis=1)
    order = [i for i in np.argsort(-gain, kind="stable") if devices[i] not in anchored and gain[i] > 0]
    return tuple(sorted(devices[i] for i in order[:WORTH_COUNT]))


def binding_term(
    middle: Parameters, step_s: Callable[[Parameters], float], devices: int
) -> tuple[str, float]:
    """Return the term whose removal shortens the step most, and by which fraction.

    Parameters
    ----------
    middle : Parameters
        The central sample.
    step_s : callable
        Step time at the largest scale for given parameters.
    devices : int
        The largest scale.
    """
    now = step_s(middle)
    best = ("compute", 0.0)
    for index, level in enumerate(middle.levels):
        below = middle.levels[index - 1].level.span if index else 1
        if devices <= below:
            continue
        for term in ("latency", "bandwidth", "reduction"):
            gain = 1.0 - step_s(_without(middle, index, level, term)) / now
            if gain > max(best[1], NEGLIGIBLE):
                best = (f"{term} {PLACE[level.level.name]} ({level.level.link.name})", gain)
    if middle.staging is not None and devices > 1:
        free = middle.staging.without(latency=True, bandwidth=True)
        gain = 1.0 - step_s(replace(middle, staging=free)) / now
        best = ("copies to host memory", gain) if gain > max(best[1], NEGLIGIBLE) else best
    return best


def _without(middle: Parameters, index: int, level: LevelSamples, term: str) -> Parameters:
    cost = level.cost.without(**{term: True})
    changed = LevelSamples(
        level=level.level, cost=cost, capacity=level.capacity, profile=level.profile, z=level.z
    )
    levels = (*middle.levels[:index], changed, *middle.levels[index + 1 :])
    return replace(middle, levels=levels)
