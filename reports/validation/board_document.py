"""The leaderboard as a JSON document: every point with prediction, band, published value and error.

What is only of curves (knee, explanation) is absent from logs, and the size of a point from curves.
"""

from dataclasses import asdict
from typing import Any

import numpy as np

from nearlinear.reports.validation.explanation import explain
from nearlinear.reports.validation.leaderboard import Group, Leaderboard
from nearlinear.reports.validation.log_replay import LogReplay
from nearlinear.reports.validation.replay import Replay
from nearlinear.reports.validation.scores import Errors


def document(board: Leaderboard) -> dict[str, Any]:
    """Return groups with their scores, and curves and logs with their points."""
    return {
        "suite": board.suite.name,
        "groups": [_group(group) for group in board.groups],
        "curves": [_curve(one) for one in board.replays],
    }


def _group(group: Group) -> dict[str, Any]:
    scores = group.scores
    return {
        "group": group.name,
        "situation": group.situation,
        "curves": scores.curves,
        "points": scores.points,
        "errors": _errors(scores.errors),
        "coverage": scores.coverage,
        "skill": _number(scores.skill),
        "baselines": {name: _errors(errors) for name, errors in scores.baselines.items()},
    }


def _errors(errors: Errors) -> dict[str, float | None]:
    return {name: _number(value) for name, value in asdict(errors).items()}


def _number(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


def _curve(replay: Replay | LogReplay) -> dict[str, Any]:
    published = replay.curve.published
    found = {
        "name": replay.curve.name,
        "situation": replay.situation.name,
        "group": published.group,
        "origin": published.origin,
        "source": published.source,
        "unit": published.unit,
        "points": _points(replay),
    }
    return found | _of_curve(replay) if isinstance(replay, Replay) else found


def _of_curve(replay: Replay) -> dict[str, Any]:
    why, (predicted, seen) = explain(replay), replay.knees
    return {
        "parameter_server": replay.curve.published.parameter_server,
        "knee_devices": {"predicted": predicted, "published": seen},
        "remembered": [
            {"devices": n, "published_per_s": value, "predicted_per_s": asdict(band)}
            for n, value, band in replay.doubtful
        ],
        "explanation": None if why is None else {k: _plain(v) for k, v in asdict(why).items()},
    }


def _plain(value: Any) -> Any:
    return _number(value) if isinstance(value, float) else value


def _points(replay: Replay | LogReplay) -> list[dict[str, Any]]:
    sizes = replay.size_bytes.tolist() if isinstance(replay, LogReplay) else []
    told = [{"size_bytes": int(size)} for size in sizes] or [{} for _ in replay.devices]
    columns = (replay.devices, replay.published, replay.median, replay.low, replay.high)
    return [
        more
        | {
            "devices": int(devices),
            "published_per_s": float(published),
            "predicted_per_s": {"median": float(median), "low": float(low), "high": float(high)},
            "error": float(median / published - 1.0),
            "in_band": bool(low <= published <= high),
        }
        for more, devices, published, median, low, high in zip(told, *columns, strict=True)
    ]
