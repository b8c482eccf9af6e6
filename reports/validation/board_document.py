"""The leaderboard as a JSON document: every point with prediction, band, published value and error."""

from dataclasses import asdict
from typing import Any

import numpy as np

from nearlinear.reports.validation.explanation import explain
from nearlinear.reports.validation.leaderboard import Group, Leaderboard
from nearlinear.reports.validation.replay import Replay
from nearlinear.reports.validation.scores import Errors


def document(board: Leaderboard) -> dict[str, Any]:
    """Return groups with their scores, and curves with their points."""
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


def _curve(replay: Replay) -> dict[str, Any]:
    published, why = replay.curve.published, explain(replay)
    predicted, seen = replay.knees
    return {
        "name": replay.curve.name,
        "situation": replay.situation.name,
        "group": published.group,
        "origin": published.origin,
        "source": published.source,
        "parameter_server": published.parameter_server,
        "knee_devices": {"predicted": predicted, "published": seen},
        "points": _points(replay),
        "explanation": None if why is None else {k: _plain(v) for k, v in asdict(why).items()},
    }


def _plain(value: Any) -> Any:
    return _number(value) if isinstance(value, float) else value


def _points(replay: Replay) -> list[dict[str, Any]]:
    columns = (replay.devices, replay.published, replay.median, replay.low, replay.high)
    return [
        {
            "devices": int(devices),
            "published_per_s": float(published),
            "predicted_per_s": {"median": float(median), "low": float(low), "high": float(high)},
            "error": float(median / published - 1.0),
            "in_band": bool(low <= published <= high),
        }
        for devices, published, median, low, high in zip(*columns, strict=True)
    ]
