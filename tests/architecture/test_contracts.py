"""JSON Schemas say what the dataclasses say: same names, nothing more and nothing less."""

import json
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from nearlinear.calibrate.compute.compute_table import stored
from nearlinear.measure.records import Epoch, Sample, Step
from nearlinear.models import prediction, scenario
from nearlinear.models.catalogue import DATA
from nearlinear.models.compute_profile import PLAIN, TERMS
from nearlinear.models.link_profile import Holdout
from nearlinear.reports.validation.curve import Published
from nearlinear.reports.validation.curve_file import OWN, RUN, SHARED, UNKNOWN
from nearlinear.reports.validation.explanation import Explanation
from nearlinear.reports.validation.history import Worse
from nearlinear.reports.validation.log_file import HINTS, PUBLISHED, TABLES
from nearlinear.reports.validation.log_file import OWN as OF_LOG
from nearlinear.reports.validation.scores import Errors
from nearlinear.simulator.failures.outcome import GoodputPoint, Simulated
from tests.unit.models.kernels_known import all_families


def _schema(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((Path(DATA) / "schemas" / f"{name}.json").read_text())
    return found


def _names(kind: Any) -> set[str]:
    return {field.name for field in fields(kind)}


def _find(node: Any, wanted: set[str]) -> bool:
    """Return whether some object of a schema has exactly these properties."""
    if isinstance(node, dict):
        if set(node.get("properties", {})) - {"kind", "lines"} == wanted:
            return True
        return any(_find(child, wanted) for child in node.values())
    return isinstance(node, list) and any(_find(child, wanted) for child in node)


@pytest.mark.parametrize(
    ("schema", "kind"),
    [
        ("record", Sample),
        ("record", Step),
        ("record", Epoch),
        ("prediction", prediction.Band),
        ("prediction", prediction.Breakdown),
        ("prediction", prediction.Point),
        ("prediction", prediction.Answer),
        ("prediction", prediction.UntilTarget),
        ("prediction", prediction.Ending),
        ("profile", Holdout),
        ("goodput", GoodputPoint),
        ("goodput", Simulated),
        ("validation", Errors),
        ("validation", Explanation),
        ("validation", Worse),
    ],
)
def test_fields(schema: str, kind: Any) -> None:
    assert _find(_schema(schema), _names(kind))


def test_kernels_of_a_profile() -> None:
    node = _schema("profile")["properties"]["compute"]["items"]
    for family in all_families():
        written = stored(family, {})
        assert set(node["required"]) <= set(written) <= set(node["properties"])
    assert set(node["properties"]) == {*PLAIN, *TERMS, "devices", "holdout", "samples"}


@pytest.mark.parametrize("table", ["workload", "machine", "plan", "knowledge", "target", "cost"])
def test_scenario_tables(table: str) -> None:
    kind = {f.name: f for f in fields(scenario.Scenario)}[table].type
    properties = _schema("scenario")["properties"][table]["properties"]
    assert {name.replace("-", "_") for name in properties} == _names(kind)


@pytest.mark.parametrize("name", ["goodput", "prediction", "profile", "record", "scenario"])
def test_every_object_is_closed_or_says_why(name: str) -> None:
    assert _schema(name)["$schema"] == "https://json-schema.org/draft/2020-12/schema"


def test_files_of_curves() -> None:
    """A table of a file of curves has the keys of a scenario's, and a curve has all of them."""
    curves, scenarios = _schema("curves")["properties"], _schema("scenario")["properties"]
    every: set[str] = set()
    for table in SHARED:
        keys = set(scenarios[table]["properties"]) - set(UNKNOWN)
        assert set(curves[table]["properties"]) == keys
        every |= keys if table in RUN else set()
    assert set(curves["curve"]["items"]["properties"]) == every | set(OWN)
    assert {name.replace("_", "-") for name in _names(Published)} == set(curves["published"]["properties"])


def test_files_of_logs() -> None:
    """A file of logs has the keys that its reader knows."""
    logs = _schema("logs")["properties"]
    assert set(logs) == set(TABLES)
    assert set(logs["published"]["properties"]) == set(PUBLISHED)
    assert set(logs["log"]["items"]["properties"]) == {*OF_LOG, *HINTS}
