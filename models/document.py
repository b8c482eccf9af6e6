"""A prediction as the JSON document that ``--json`` prints, and back."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from nearlinear.models.answer import KNEE
from nearlinear.models.errors import ContentError, SpecError
from nearlinear.models.prediction import Answer, Band, Breakdown, Ending, Point, Prediction, UntilTarget
from nearlinear.models.strict import check_types

SCHEMA = "nearlinear/prediction"
VERSION = 1


def to_document(prediction: Prediction) -> dict[str, Any]:
    """Return ``{schema, version, inputs, result, warnings, provenance}`` in SI units."""
    content = asdict(prediction)
    return {
        "schema": SCHEMA,
        "version": VERSION,
        "inputs": content["inputs"],
        "result": {
            "engine": prediction.engine,
            "title": prediction.title,
            "answer": content["answer"] | {"lines": answer_lines(prediction)},
            "points": list(content["points"]),
            "ending": content["ending"],
        },
        "warnings": list(prediction.warnings),
        "provenance": content["provenance"],
    }


def answer_lines(prediction: Prediction) -> list[str]:
    """Return the four lines that a reader sees first."""
    answer = prediction.answer
    smallest = prediction.points[0].devices
    band = answer.efficiency
    many = "no scale" if answer.knee_devices is None else f"{answer.knee_devices} devices"
    worth = ", ".join(str(n) for n in answer.worth_measuring)
    share = f", {answer.binding_share:.0%} of the step" if answer.binding_share else ""
    beyond = f"; beyond the model {answer.beyond_model_share:.0%}" if answer.beyond_model_share else ""
    return [
        f"Efficiency at {answer.largest_devices} devices: {band.median:.0%}"
        f" [{band.low:.0%} - {band.high:.0%}] of {smallest}",
        f"Knee: {many} at {KNEE:.0%} efficiency or more",
        f"What binds: {answer.binding}{share}{beyond}",
        f"Worth measuring: {worth + ' devices' if worth else 'nothing that is not measured'}",
    ]


def read_document(path: Path) -> Prediction:
    """Return the prediction of a JSON file that ``--json`` or ``-o`` wrote.

    Raises
    ------
    SpecError
        The file is not there.
    ContentError
        Not a prediction, or of another version.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SpecError(str(path), f"must be a readable file ({error.strerror})") from None
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ContentError(str(path), f"must be JSON ({error})") from None
    kind = content.get("schema") if isinstance(content, dict) else None
    if kind != SCHEMA or content.get("version") != VERSION:
        remedy = "make one with nearlinear predict --json"
        raise ContentError(str(path), f"must be a {SCHEMA} of version {VERSION}", got=kind, remedy=remedy)
    try:
        prediction = _prediction(content)
        check_types(prediction, str(path))
        return prediction
    except SpecError as error:
        raise ContentError(error.where, error.rule, field=error.field) from None
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ContentError(str(path), f"must be a whole prediction ({error})") from None


def _prediction(content: Mapping[str, Any]) -> Prediction:
    result = content["result"]
    answer = {k: v for k, v in result["answer"].items() if k != "lines"}
    answer["efficiency"] = Band(**answer["efficiency"])
    answer["worth_measuring"] = tuple(answer["worth_measuring"])
    return Prediction(
        engine=result["engine"],
        title=result["title"],
        inputs=content["inputs"],
        answer=Answer(**answer),
        points=tuple(_point(point) for point in result["points"]),
        warnings=tuple(content["warnings"]),
        provenance=content["provenance"],
        ending=Ending(**result["ending"]) if result.get("ending") else None,
    )


def _point(content: Mapping[str, Any]) -> Point:
    values = dict(content)
    for name in ("step_time_s", "throughput_per_s", "efficiency"):
        values[name] = Band(**values[name])
    values["breakdown_s"] = Breakdown(**values["breakdown_s"])
    if until := values.get("until_target"):
        values["until_target"] = UntilTarget(**{name: _band(one) for name, one in until.items()})
    return Point(**values)


def _band(content: Any) -> Any:
    return Band(**content) if isinstance(content, dict) else content
