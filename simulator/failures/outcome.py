"""Goodput at one scale: by formula and simulated, and where the time of runs goes."""

from dataclasses import dataclass

import numpy as np

from nearlinear.models.arrays import FloatArray
from nearlinear.models.errors import SelfCheckError
from nearlinear.models.prediction import Band
from nearlinear.models.training.checkpointing import daly_interval_s, young_interval_s
from nearlinear.simulator.failures.job import TICKS_PER_SECOND
from nearlinear.simulator.failures.question import Scale

Z95 = 1.96  # a normal variable lies within so many standard deviations with 95 % probability
MOST_CHECKPOINTS = 1_000_000  # of a run that SimPy tells: some ten seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Simulated:
    """Goodput over simulated runs.

    Attributes
    ----------
    mean, half_width : float
        All work over all time, and half of its 95 % interval.
    band : Band
        Of single runs.
    """

    mean: float
    half_width: float
    band: Band

    @classmethod
    def of(cls, work_s: FloatArray, wall_s: FloatArray) -> "Simulated":
        """Return the goodput of runs; the interval is that of a ratio of means (delta method)."""
        ratio = float(work_s.sum() / wall_s.sum())
        error = (work_s - ratio * wall_s).std(ddof=1) / np.sqrt(len(work_s)) / wall_s.mean()
        return cls(mean=ratio, half_width=float(Z95 * error), band=Band.of(work_s / wall_s))


@dataclass(frozen=True, slots=True, kw_only=True)
class GoodputPoint:
    """One scale.

    Attributes
    ----------
    devices, nodes : int
        Scale.
    mtbf_s : float
        Of the job.
    interval_s, young_s, daly_s : float
        Compute between checkpoints: used, and best by either formula.
    formula : float
        Work over the expected time of a run, for exponential failures.
    simulated : Simulated
        Goodput.
    work_s, wall_s : Band
        Of a run.
    failures : float
        Of a run, on average.
    checkpoint_share, lost_share, restart_share : float
        Fractions of all time; with the goodput they add up to 1.
    step_time_s, throughput_per_s : Band or None
        Of the step, and samples per second with failures, where a model was given.
    """

    devices: int
    nodes: int
    mtbf_s: float
    interval_s: float
    young_s: float
    daly_s: float
    formula: float
    simulated: Simulated
    work_s: Band
    wall_s: Band
    failures: float
    checkpoint_share: float
    lost_share: float
    restart_share: float
    step_time_s: Band | None = None
    throughput_per_s: Band | None = None


def point(scale: Scale) -> GoodputPoint:
    """Return the goodput of a scale.

    Raises
    ------
    SelfCheckError
        The first run ends at another time in SimPy.
    """
    interval_s, how, mtbf_s = scale.interval_s, scale.question.how, scale.mtbf_s
    spent = scale.spent(interval_s)
    if how.checkpoints(float(scale.work_s[0]), interval_s) <= MOST_CHECKPOINTS:
        told = scale.told(interval_s)
        if told.wall != spent.wall[0]:
            rule = "SimPy must end a run at the same nanosecond"
            raise SelfCheckError("simulator", rule, got=(told.wall, int(spent.wall[0])))
    wall_s, everything = spent.wall / TICKS_PER_SECOND, float(spent.wall.sum())
    return GoodputPoint(
        devices=scale.devices, nodes=-(-scale.devices // scale.per_node), mtbf_s=mtbf_s,
        interval_s=interval_s, young_s=young_interval_s(how.blocked_s, mtbf_s),
        daly_s=daly_interval_s(how.blocked_s, mtbf_s),
        formula=float(scale.work_s.mean() / scale.expected_s(interval_s)),
        simulated=Simulated.of(scale.work_s, wall_s), work_s=Band.of(scale.work_s), wall_s=Band.of(wall_s),
        failures=float(spent.failures.mean()), checkpoint_share=float(spent.checkpoints.sum() / everything),
        lost_share=float(spent.lost.sum() / everything),
        restart_share=float(spent.restarts.sum() / everything),
    )  # fmt: skip
