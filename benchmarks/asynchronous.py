"""How near simulated rules of synchronisation are to their closed forms, with confidence intervals.

    python benchmarks/asynchronous.py

Workers compute for 1 and are served for the ratio; 20 replications of 400 steps each, 99 % intervals of
their mean. The tables of docs/asynchronous.md are this output.
"""

from collections.abc import Callable, Iterator

import numpy as np

from nearlinear.models.arrays import FloatArray
from nearlinear.models.training.compute_spread import lognormal
from nearlinear.models.training.jitter import Jitter
from nearlinear.models.training.server_queue import in_turn, mean_values
from nearlinear.models.training.staleness import (
    geometric,
    mean_of,
    never_resting,
    quantile_of,
    queued,
    renewal,
    together,
)  # fmt: skip
from nearlinear.models.training.synchronisation import AsynchronousServer, StaleSynchronous
from nearlinear.simulator.asynchronous.course import Course, run_course
from nearlinear.simulator.asynchronous.crew import Crew, Visits
from nearlinear.simulator.asynchronous.durations import Draw, constant, drawn, exponential

COMPUTE, STEPS, REPLICATIONS = 10**7, 400, 20
STUDENT = 2.861  # 99 %, two-sided, 19 degrees of freedom
SPREAD = 0.3
PAIRS = [(4, 0.05), (4, 0.5), (8, 0.1), (16, 0.02), (16, 0.1)]


def courses(workers: int, ratio: float, draw: Draw, service: Draw) -> list[Course]:
    """Return replications of workers and one server."""
    each = np.full(workers, round(ratio * COMPUTE))
    visits = Visits(bring_ticks=each, answer_ticks=np.zeros_like(each), draw=service)
    step = np.full(workers, COMPUTE)
    return [
        run_course(
            Crew(rule=AsynchronousServer(), step_ticks=step, draw=draw, steps=STEPS, seed=(n,), visits=visits)
        )
        for n in range(REPLICATIONS)
    ]


def interval(found: list[Course], value: Callable[[Course], float]) -> str:
    """Return a mean over replications with its interval."""
    samples = np.array([value(course) for course in found])
    return f"{samples.mean():.4f} ± {STUDENT * samples.std(ddof=1) / np.sqrt(len(samples)):.4f}"


def rate(course: Course) -> float:
    """Return visits of all workers per COMPUTE."""
    return course.crew.workers * COMPUTE / course.step_ticks


def loads() -> Iterator[str]:
    """Yield rows of throughput and utilisation."""
    for workers, ratio in PAIRS:
        for name, draw, service in (
            ("exponential", exponential, exponential),
            ("constant", constant, constant),
        ):
            found = courses(workers, ratio, draw, service)
            closed = (mean_values if service is exponential else in_turn)(workers, 1.0, ratio)
            yield (
                f"| {workers} | {ratio:g} | {name} | {interval(found, rate)} | {closed.visits_per_s:.4f}"
                f" | {interval(found, lambda c: float(c.busy[0]) / c.ticks)} | {closed.utilisation:.4f} |"
            )


def staleness() -> Iterator[str]:
    """Yield rows of staleness."""
    for workers in (4, 16):
        kinds: list[tuple[str, float, Draw, Draw, FloatArray]] = [
            ("constant", 0.02, constant, constant, together(workers)),
            ("exponential, no service", 1e-6, exponential, constant, geometric(workers)),
            ("exponential", 0.1, exponential, exponential, queued(workers, 1.0, 0.1)),
            (f"log-normal {SPREAD}, no service", 1e-6, drawn(Jitter(spread=SPREAD)), constant,
             renewal(workers, lognormal(1.0, SPREAD))),
            (f"log-normal {SPREAD}, never resting", 3 / workers, drawn(Jitter(spread=SPREAD)), constant,
             never_resting(workers, lognormal(1.0, SPREAD), 3 / workers)),
        ]  # fmt: skip
        for name, ratio, draw, service, closed in kinds:
            found = courses(workers, ratio, draw, service)
            missed = np.concatenate([course.missed for course in found])
            share = np.bincount(missed) / len(missed)
            length = max(len(share), len(closed))
            apart = np.abs(
                np.pad(share, (0, length - len(share))) - np.pad(closed, (0, length - len(closed)))
            )
            yield (
                f"| {workers} | {name} | {mean_of(share):.3f} | {mean_of(closed):.3f}"
                f" | {quantile_of(share, 0.95)} | {quantile_of(closed, 0.95)} | {apart.sum() / 2:.4f} |"
            )


def bound() -> Iterator[str]:
    """Yield rows of the stale-synchronous bound: eight workers with log-normal compute."""
    step, none = np.full(8, COMPUTE), np.zeros(8, dtype=np.int64)
    visits = Visits(bring_ticks=none, answer_ticks=none)
    for allowed in (0, 1, 2, 4, 8, 16):
        found = [
            run_course(
                Crew(rule=StaleSynchronous(staleness=allowed), step_ticks=step, seed=(n,), steps=STEPS,
                     draw=drawn(Jitter(spread=SPREAD)), visits=visits)
            )
            for n in range(REPLICATIONS)
        ]  # fmt: skip
        lead, missed = max(c.lead for c in found), max(int(c.missed.max()) for c in found)
        yield (
            f"| {allowed} | {interval(found, rate)} | {interval(found, lambda c: c.waiting)} | {lead}"
            f" | {missed} | {7 * (2 * allowed + 1)} |"
        )


def main() -> None:
    """Print the tables."""
    print("| workers | service | times | visits per compute | closed form | utilisation | closed form |")
    print("|---:|---:|---|---:|---:|---:|---:|")
    print(*loads(), sep="\n")
    print("\n| workers | compute | mean | closed form | 95 % within | closed form | apart |")
    print("|---:|---|---:|---:|---:|---:|---:|")
    print(*staleness(), sep="\n")
    print("\n| S | steps per compute | waiting | most ahead | most missed | (N - 1) (2 S + 1) |")
    print("|---:|---:|---:|---:|---:|---:|")
    print(*bound(), sep="\n")


if __name__ == "__main__":
    main()
