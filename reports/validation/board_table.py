"""The leaderboard as people read it: tables of text."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from nearlinear.reports.validation.explanation import MISS
from nearlinear.reports.validation.history import median_error
from nearlinear.reports.validation.leaderboard import Group
from nearlinear.reports.validation.log_replay import LogReplay
from nearlinear.reports.validation.replay import Replay
from nearlinear.reports.validation.scores import Errors

OURS = "nearlinear"
SCORES = ("predictor", "median", "90 %", "worst", "bias", "efficiency", "rank", "in band")
CURVES = ("curve", "errors by scale", "median", "worst", "in band", "efficiency", "knee")
LOGS = ("log", "bias by ranks", "median", "worst", "in band")
MISSES = ("curve", "scale", "error", "term", "what it would have to be", "deviations")


@dataclass(frozen=True, slots=True, kw_only=True)
class TextTable:
    """A heading, column names and rows of text."""

    heading: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]


def tables(group: Group) -> Iterator[TextTable]:
    """Yield the scores of a group, its curves, and what its misses would take."""
    scores = group.scores
    heading = f"{group.name}, {group.title}: {scores.curves} {group.kind}, {scores.points} points"
    rows = [_scores(OURS, scores.errors, f"{scores.coverage:.1%}")]
    rows += [_scores(name, errors, "") for name, errors in scores.baselines.items()]
    yield TextTable(heading=heading, columns=SCORES, rows=rows)
    logs = group.kind == "logs"
    yield TextTable(heading="", columns=LOGS if logs else CURVES, rows=[_row(one) for one in group.replays])
    missed = group.missed
    if missed:
        yield TextTable(
            heading=f"Missed by more than {MISS:.0%} at some scale: the term nearest to explaining it",
            columns=MISSES,
            rows=[
                [one.curve.name, str(why.devices), f"{why.error:+.0%}", why.term, why.text,
                 "" if np.isnan(why.deviations) else f"{why.deviations:+.1f}"]
                for one, why in missed
            ],
        )  # fmt: skip


def markdown(table: TextTable) -> str:
    """Return a table as Markdown."""
    lines = [f"**{table.heading}**", ""] if table.heading else []
    lines += [f"| {' | '.join(table.columns)} |", "|---" * len(table.columns) + "|"]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in table.rows)]) + "\n"


def _scores(name: str, errors: Errors, in_band: str) -> list[str]:
    rank = "" if np.isnan(errors.rank) else f"{errors.rank:.2f}"
    efficiency = "" if np.isnan(errors.efficiency) else f"{100 * errors.efficiency:.1f}"
    shown = [f"{value:.1%}" for value in (errors.median, errors.high, errors.worst)]
    return [name, *shown, f"{errors.bias:+.1%}", efficiency, rank, in_band]


def _row(replay: Replay | LogReplay) -> list[str]:
    """Return a curve or a log; a curve has one point at each scale, a log has many."""
    scales = np.unique(replay.devices)
    middle = [np.median(replay.error[replay.devices == n]) for n in scales]
    shown = [
        replay.curve.name,
        "  ".join(f"{n}: {e:+.1%}" for n, e in zip(scales, middle, strict=True)),
        f"{median_error(replay):.1%}",
        f"{np.abs(replay.error).max():.1%}",
        f"{int(replay.covered.sum())}/{len(replay.devices)}",
    ]
    return shown if isinstance(replay, LogReplay) else shown + _scaling(replay)


def _scaling(replay: Replay) -> list[str]:
    said, seen = replay.efficiency(replay.median)[-1], replay.efficiency(replay.published)[-1]
    predicted, published = replay.knees
    return [
        f"{100 * said:.0f}/{100 * seen:.0f}" if replay.situation.name != "no-anchor" else "",
        f"{predicted}/{published}" if replay.curve.published.parameter_server else "",
    ]
