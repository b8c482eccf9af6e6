"""The leaderboard as people read it: tables of text."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from nearlinear.reports.validation.explanation import MISS
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
    counts = f"{_count(scores.curves, group.kind)}, {_count(scores.points, 'points')}"
    heading = f"{group.name}, {group.title}: {counts}"
    rows = [_scores(OURS, scores.errors, f"{scores.coverage:.1%}")]
    rows += [_scores(name, errors, "") for name, errors in scores.baselines.items()]
    yield TextTable(heading=heading, columns=SCORES, rows=rows)
    yield _replays(group)
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


def footer(groups: Sequence[Group]) -> str:
    """Return what a reader must know of the tables."""
    logs = any(group.kind == "logs" for group in groups)
    served = any(_served(one) for group in groups for one in group.replays)
    curves = any(group.kind != "logs" for group in groups)
    told = ["errors are predicted / published - 1 of " + " or ".join(
        ["throughput"] * curves + ["the bandwidth of a log"] * logs)]  # fmt: skip
    told += ["efficiency in points, of a curve predicted/published at its largest scale"] * curves
    told += ["knee: predicted/published, of parameter servers"] * served
    doubtful = any(one.doubtful for group in groups for one in group.replays if isinstance(one, Replay))
    told += ["?: a value that nobody verified, not scored"] * doubtful
    return ";\n".join([*told, "a band is meant to hold 90 %"])


def markdown(table: TextTable) -> str:
    """Return a table as Markdown."""
    lines = [f"**{table.heading}**", ""] if table.heading else []
    lines += [f"| {' | '.join(table.columns)} |", "|---" * len(table.columns) + "|"]
    rows = ([cell.replace("|", "\\|") for cell in row] for row in table.rows)
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)]) + "\n"


def _count(number: int, kind: str) -> str:
    """Return a number of things, one of them in the singular."""
    return f"{number} {kind.removesuffix('s') if number == 1 else kind}"


def _served(replay: Replay | LogReplay) -> bool:
    return isinstance(replay, Replay) and replay.curve.published.parameter_server


def _replays(group: Group) -> TextTable:
    """Return a row for each curve or log; knees only where there are parameter servers."""
    if group.kind == "logs":
        return TextTable(heading="", columns=LOGS, rows=[_row(one) for one in group.replays])
    keep = len(CURVES) if any(map(_served, group.replays)) else len(CURVES) - 1
    rows = [_row(one)[:keep] for one in group.replays]
    return TextTable(heading="", columns=CURVES[:keep], rows=rows)


def _scores(name: str, errors: Errors, in_band: str) -> list[str]:
    rank = "" if np.isnan(errors.rank) else f"{errors.rank:.2f}"
    efficiency = "" if np.isnan(errors.efficiency) else f"{100 * errors.efficiency:.1f}"
    shown = [f"{value:.1%}" for value in (errors.median, errors.high, errors.worst)]
    return [name, *shown, f"{errors.bias:+.1%}", efficiency, rank, in_band]


def _row(replay: Replay | LogReplay) -> list[str]:
    """Return a curve or a log; a curve has one point at each scale, a log has many."""
    scales = np.unique(replay.devices)
    middle = [np.median(replay.error[replay.devices == n]) for n in scales]
    told = [f"{n}: {e:+.1%}" for n, e in zip(scales, middle, strict=True)]
    if isinstance(replay, Replay):
        told += [f"{n}?: {band.median / value - 1:+.1%}" for n, value, band in replay.doubtful]
    shown = [
        replay.curve.name,
        "  ".join(told),
        f"{replay.median_error:.1%}",
        f"{replay.worst_error:.1%}",
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
