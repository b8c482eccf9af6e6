"""The fit of the model of compute: constants from steps that were measured, errors on what was left out."""

from collections.abc import Callable, Iterable, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares
from single_device import Step

from nearlinear.models.arrays import FloatArray
from nearlinear.models.training.usual_times import Habits, usual_times
from nearlinear.models.units import MICROSECOND

BoolArray = NDArray[np.bool_]
GROUPS = (
    ("Lambda",),
    ("timm NCHW", "timm NHWC"),
    ("Johnson", "Chintala"),
)  # fitted, each as much as the others
START = (20 * MICROSECOND, 50 * MICROSECOND, 1.5)  # floor, ramp, passes
SCALE = 0.3  # of a log error: larger ones pull in proportion, not with their square


class Fit:
    """Steps with what their times are made of: columns that constants multiply, and a part at peak.

    Parameters
    ----------
    steps : sequence of Step
        Everything that was measured.
    """

    def __init__(self, steps: Sequence[Step]) -> None:
        self.steps = steps
        self.at_peak = np.array([_total_s(step, 0.0, 0.0, 0.0) for step in steps])
        ones = [(1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)]
        units = np.array([[_total_s(step, *one) for one in ones] for step in steps])
        self.columns = units - self.at_peak[:, None]  # the ramp's is that of its square root
        self.log_s = np.log([step.time_s for step in steps])
        self.weights = np.zeros(len(steps))
        names = np.array([step.source for step in steps])
        for group in GROUPS:
            inside = np.isin(names, group)
            self.weights[inside] = 1.0 / max(int(inside.sum()), 1)

    def where(self, chosen: Callable[[Step], bool]) -> BoolArray:
        """Return which steps are chosen."""
        return np.array([chosen(step) for step in self.steps])

    def constants(self, known: BoolArray | None = None) -> FloatArray:
        """Return floor, square root of the ramp, and passes that fit the known steps best."""
        use = (self.weights > 0) & (True if known is None else known)
        columns, at_peak, log_s = self.columns[use], self.at_peak[use], self.log_s[use]
        weights = np.sqrt(self.weights[use])

        def residuals(logs: FloatArray) -> FloatArray:
            error = np.log(columns @ np.exp(logs) + at_peak) - log_s
            soft = SCALE * np.sqrt(2.0 * (np.sqrt(1.0 + (error / SCALE) ** 2) - 1.0))
            return np.asarray(weights * np.copysign(soft, error))

        start = np.log([START[0], np.sqrt(START[1]), START[2]])
        return np.asarray(np.exp(least_squares(residuals, start).x))

    def errors(self, constants: FloatArray) -> FloatArray:
        """Return log of modelled over measured time of every step."""
        return np.asarray(np.log(self.columns @ constants + self.at_peak) - self.log_s)

    def unseen(self, keys: Callable[[Step], Iterable[tuple[str, str]]], tried: BoolArray) -> FloatArray:
        """Return errors of the tried steps, each by a fit without all steps that share one of its keys."""
        owned = [set(keys(step)) for step in self.steps]
        errors, fits = np.full(len(self.steps), np.nan), {}
        for i in np.flatnonzero(tried):
            left_out = tuple(sorted(owned[i]))
            if left_out not in fits:
                fits[left_out] = self.errors(self.constants(np.array([not own & owned[i] for own in owned])))
            errors[i] = fits[left_out][i]
        return errors


def _total_s(step: Step, floor_s: float, ramp_s: float, passes: float) -> float:
    habits = Habits(floor_s=floor_s, ramp_s=ramp_s, passes=passes)
    times = usual_times(step.network, step.device, step.precision, step.batch, habits)
    return times.total_s - (times.optimizer_s if step.partial else 0.0)


def _device(step: Step) -> tuple[str, str]:
    return "device", step.device.name


def _family(step: Step) -> tuple[str, str]:
    return "family", step.family


def out_of_sample(fit: Fit) -> dict[str, FloatArray]:
    """Return errors of every way of leaving out, NaN where it does not apply."""
    of_lambda = fit.where(lambda step: step.source == "Lambda")
    rest = ~of_lambda
    return {
        "device left out": fit.unseen(lambda step: [_device(step)], of_lambda),
        "network left out": fit.unseen(lambda step: [_family(step)], of_lambda),
        "both left out": fit.unseen(lambda step: [_device(step), _family(step)], of_lambda),
        "family left out": fit.unseen(lambda step: [_family(step)], rest),
    }
