"""A curve replayed in a situation: predictions with bands beside what was published."""

from dataclasses import dataclass

import numpy as np

from nearlinear.models.arrays import FloatArray
from nearlinear.models.closed_form import predict
from nearlinear.models.errors import ContentError, NearlinearError
from nearlinear.models.prediction import Band, Prediction
from nearlinear.reports.validation.baselines import BASELINES
from nearlinear.reports.validation.curve import Curve
from nearlinear.reports.validation.replayed import Baselines, Replayed
from nearlinear.reports.validation.situation import Situation

KNEE = 0.8


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Replay(Replayed):
    """Predicted and published throughput of one curve, samples per second at its judged scales.

    Attributes
    ----------
    curve, situation : Curve, Situation
        What was replayed.
    prediction : Prediction
        At all scales of the curve.
    """

    curve: Curve
    situation: Situation
    prediction: Prediction

    @property
    def per_device(self) -> float:
        """Published throughput per device at the smallest scale, to which efficiency refers."""
        return float(self.curve.samples_per_s[0] / self.curve.devices[0])

    def efficiency(self, rate: FloatArray) -> FloatArray:
        """Return throughputs at the judged scales as efficiencies."""
        return np.asarray(rate / self.devices / self.per_device)

    @property
    def baselines(self) -> Baselines:
        """Naive predictors, which take replays; none where nothing is known."""
        return BASELINES if self.situation.known(self.curve) else {}

    @property
    def doubtful(self) -> list[tuple[int, float, Band]]:
        """Device counts whose value nobody verified, with that value and what is predicted."""
        points = {point.devices: point.throughput_per_s for point in self.prediction.points}
        asked = self.curve.devices[self.situation.asked(self.curve)].tolist()
        return [(n, self.curve.rate(n), points[n]) for n in asked if n in self.curve.remembered]

    @property
    def knees(self) -> tuple[int, int]:
        """Largest scales with an efficiency of at least 80 %, predicted and published."""
        predicted = [p.devices for p in self.prediction.points if p.efficiency.median >= KNEE]
        return max(predicted), int(self.curve.devices[self.curve.efficiency >= KNEE].max())


def replay(curve: Curve, situation: Situation) -> Replay | None:
    """Return the replay of a curve; None where the situation leaves nothing to judge.

    Raises
    ------
    ContentError
        The curve cannot be, such as a batch beyond the memory of the device.
    """
    scored = situation.scored(curve)
    if not scored.any():
        return None
    try:
        prediction = predict(situation.scenario(curve))
    except NearlinearError as error:
        key = error.where.removeprefix("--")
        raise ContentError(
            curve.place, error.rule, field=f"curve {curve.name}: {key}", got=error.got, remedy=error.remedy
        ) from None
    bands = [point.throughput_per_s for point in prediction.points]
    return Replay(
        curve=curve,
        situation=situation,
        prediction=prediction,
        devices=curve.devices[scored],
        published=curve.samples_per_s[scored],
        median=np.array([band.median for band in bands])[scored],
        low=np.array([band.low for band in bands])[scored],
        high=np.array([band.high for band in bands])[scored],
    )
