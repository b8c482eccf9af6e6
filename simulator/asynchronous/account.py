"""What a course shows beside its time: staleness, servers, waiting, pushes, next to their closed forms."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nearlinear.models.arrays import FloatArray
from nearlinear.models.training.compute_spread import spread_out
from nearlinear.models.training.gossip_pushes import merge_age_s, sent
from nearlinear.models.training.server_queue import saturating_workers
from nearlinear.models.training.staleness import mean_of, most_missed, quantile_of
from nearlinear.models.training.synchronisation import ElasticAveraging, Rule, StaleSynchronous
from nearlinear.simulator.asynchronous.course import Course, run_course
from nearlinear.simulator.asynchronous.expectation import Expectation, expected_staleness
from nearlinear.simulator.asynchronous.watch import STATES
from nearlinear.simulator.exchange import TICKS_PER_SECOND
from nearlinear.simulator.steps.conditions import Conditions

HIGH = 0.95  # the share of visits that "p95" is about
LEAST = 1e-9  # probabilities below are not written


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Scale:
    """The course of one sample at a scale.

    Attributes
    ----------
    course : Course
        What came of it.
    samples_per_s : float
        Of all workers.
    most_per_s, server_per_s : float or None
        The same if nobody ever waited, and if a server never rested; None where there is no server.
    """

    course: Course
    samples_per_s: float
    most_per_s: float | None
    server_per_s: float | None

    @classmethod
    def of(cls, course: Course, batch: float) -> "Scale":
        """Return the scale of a course in which a step takes so many samples per worker."""
        crew, most, server = course.crew, None, None
        if crew.visits is not None:
            held_s = crew.visits.held_s
            compute_s = crew.period * course.compute_ticks / TICKS_PER_SECOND + crew.visits.answers_s
            most = batch * crew.period * crew.workers / (compute_s + crew.visits.servers * held_s)
            server = batch * crew.period / held_s
        rate = batch * crew.workers * TICKS_PER_SECOND / course.step_ticks
        return cls(course=course, samples_per_s=rate, most_per_s=most, server_per_s=server)


def middle_sample(courses: Sequence[Course]) -> int:
    """Return which of the courses of a scale is the median by time."""
    order = np.argsort([course.ticks for course in courses], kind="stable")
    return int(order[len(order) // 2])


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Account:
    """The largest scale of a run in its median sample, and the pace of that sample at all scales.

    Attributes
    ----------
    rule : Rule
        How workers stay together.
    conditions : Conditions
        Steps, jitter and so on.
    scales : tuple of Scale
        In rising order.
    """

    rule: Rule
    conditions: Conditions
    scales: tuple[Scale, ...]

    @property
    def course(self) -> Course:
        """The largest scale, median sample."""
        return self.scales[-1].course

    def recorded(self) -> Course:
        """Return that course once more, with who did what from when to when."""
        return run_course(self.course.crew, record=True)

    def staleness(self) -> tuple[FloatArray, Expectation | None]:
        """Return how often so many moves were missed, shape (most + 1,), and what closed forms say of it."""
        course = self.course
        if not len(course.missed):
            return np.zeros(0), None
        share = np.bincount(course.missed) / len(course.missed)
        return share, expected_staleness(course, self.conditions)

    def document(self) -> dict[str, Any]:
        """Return the account as plain values in SI units."""
        course = self.course
        return {
            "rule": self.rule.name,
            "devices": course.crew.workers,
            "steps": course.crew.counted,
            "time_share": {name: course.share(state) for state, name in enumerate(STATES)},
            "staleness": self._staleness(),
            "server": self._server(),
            "ahead": self._ahead(),
            "pushes": self._pushes(),
            "half_life_visits": self._half_life(),
            "scales": [
                {
                    "devices": scale.course.crew.workers, "samples_per_s": scale.samples_per_s,
                    "never_waiting_per_s": scale.most_per_s, "server_bound_per_s": scale.server_per_s,
                }
                for scale in self.scales
            ],
        }  # fmt: skip

    def _staleness(self) -> dict[str, Any] | None:
        share, expected = self.staleness()
        if not len(share):
            return None
        told = None
        if expected is not None:
            told = {"form": expected.name, "after_steps": expected.steps, **_told(expected.probability)}
        return _told(share) | {"most": len(share) - 1, "expected": told}

    def _server(self) -> dict[str, Any] | None:
        course, visits = self.course, self.course.crew.visits
        if visits is None:
            return None
        compute_s = course.crew.period * course.compute_ticks / TICKS_PER_SECOND + visits.answers_s
        return {
            "servers": visits.servers,
            "utilisation": float(course.busy.mean()) / course.ticks,
            "held_s": visits.held_s,
            "saturating_workers": saturating_workers(compute_s, visits.held_s, visits.servers),
        }

    def _ahead(self) -> dict[str, Any] | None:
        rule, workers = self.rule, self.course.crew.workers
        if not isinstance(rule, StaleSynchronous):
            return None
        return {
            "most": self.course.lead,
            "allowed": rule.staleness,
            "most_missed_allowed": most_missed(workers, rule.staleness),
        }

    def _pushes(self) -> dict[str, Any] | None:
        course, links = self.course, self.course.crew.links
        if links is None:
            return None
        expected = sent(course.crew.counted, self.rule.probability)  # type: ignore[union-attr]
        ages = course.ages / TICKS_PER_SECOND
        return {
            "sent_mean": float(course.sent.mean()),
            "sent_variance": float(course.sent.var(ddof=1)),
            "expected_mean": expected.mean,
            "expected_variance": expected.variance,
            "age_s": float(ages.mean()) if len(ages) else None,
            "expected_age_s": self._expected_age_s(),
            "link_utilisation": float(course.busy.mean()) / course.ticks,
        }

    def _expected_age_s(self) -> float | None:
        """Return the age of a merge where steps are out of phase: with jitter, workers being alike."""
        crew, jitter = self.course.crew, self.conditions.jitter
        if crew.links is None or jitter.spread == 0 or len(set(crew.step_ticks.tolist())) > 1:
            return None
        step = spread_out(jitter, float(crew.step_ticks[0]) / TICKS_PER_SECOND)
        return None if step is None else merge_age_s(self._transfer_s(), step.mean_s, step.deviation_s)

    def _transfer_s(self) -> float:
        """Return the mean transfer over all pairs."""
        links, workers = self.course.crew.links, self.course.crew.workers
        assert links is not None
        one, other = np.nonzero(~np.eye(workers, dtype=bool))
        level = np.argmax(links.inside[:, one] == links.inside[:, other], axis=0)
        ticks = np.maximum(links.transfer_ticks[level, one], links.transfer_ticks[level, other])
        return float(ticks.mean()) / TICKS_PER_SECOND

    def _half_life(self) -> float | None:
        return self.rule.half_life_visits() if isinstance(self.rule, ElasticAveraging) else None


def _told(distribution: FloatArray) -> dict[str, Any]:
    """Return a distribution with its mean and the value that 95 % of visits do not pass."""
    some = distribution[: int(np.flatnonzero(distribution > LEAST)[-1]) + 1]
    return {
        "mean": mean_of(distribution),
        "p95": quantile_of(distribution, HIGH),
        "distribution": some.tolist(),
    }
