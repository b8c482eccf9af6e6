"""Files of published curves (TOML): a scenario that several curves share, and what each changes.

::

    [published]
    title = "tf_cnn_benchmarks on a DGX-1"
    origin = "tensorflow-dgx1"
    source = "tensorflow/tensorflow: tensorflow/docs_src/performance/benchmarks.md"
    retrieved = "2026-11-21"

    [machine]
    cluster = "dgx-1p"

    [[curve]]
    name = "resnet-50-b64"
    model = "resnet-50-v1"
    batch-per-device = 64
    devices = [1, 2, 4, 8]
    samples-per-s = [219, 422, 852, 1734]

Tables and keys of a scenario mean what they mean there; a curve may hold any key of what is run. Measured
is one of ``samples-per-s``, ``step-time-s``, and ``time-s`` of so many ``timed-samples`` (an epoch).
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from nearlinear.models.arrays import FloatArray
from nearlinear.models.case import Case
from nearlinear.models.errors import ContentError, SpecError, nearest
from nearlinear.models.option import above, count, flag, text
from nearlinear.models.scenario import Scenario, option_fields
from nearlinear.models.strict import build, line_of, read_toml
from nearlinear.reports.validation.curve import Curve, Published

MEASURED = ("samples-per-s", "step-time-s", "time-s")
OWN = ("name", "remembered", "real-data", "anchored-only", "timed-samples", *MEASURED)
RUN = ("workload", "machine", "plan")
SHARED = (*RUN, "knowledge")
FILES = ("cluster", "profile")  # names of the catalogue, or files that lie beside
UNKNOWN = ("anchor", "throughput")  # what a situation knows is not the file's to say
TABLES = ("published", "curve", *SHARED)


def read_curves(path: Path) -> list[Curve]:
    """Return the curves of a file.

    Raises
    ------
    SpecError
        The file is not there.
    ContentError
        A wrong key or value; the message has its line.
    """
    content = read_toml(path)
    for table in content:
        if table not in TABLES:
            remedy = nearest(table, list(TABLES)) or f"known are {', '.join(TABLES)}"
            raise ContentError(line_of(path, table), "unknown table", got=table, remedy=remedy)
    published = published_of(path, content.get("published"))
    shared = dict(_shared(path, content))
    rows = content.get("curve")
    if not isinstance(rows, list) or not rows:
        raise ContentError(str(path), "must have curves", remedy="add a table [[curve]]")
    return [_curve(path, published, shared, row, index) for index, row in enumerate(rows)]


def published_of(path: Path, raw: Any) -> Published:
    """Return the table [published] of a file.

    Raises
    ------
    ContentError
        Not there, a wrong key or value; the message has its line.
    """
    if not isinstance(raw, dict):
        raise ContentError(
            str(path), "must have a table [published]", remedy="title, origin, source, retrieved"
        )
    readers = dict.fromkeys(("title", "origin", "source", "retrieved", "group", "unit", "notes"), text)
    values = {key.replace("-", "_"): value for key, value in raw.items()}
    try:
        return build(Published, values, "published", readers | {"parameter_server": flag})
    except SpecError as error:
        raise _here(path, "published", error) from None


def _shared(path: Path, content: Mapping[str, Any]) -> Iterator[tuple[str, tuple[Any, str]]]:
    """Yield each scenario option that all curves share, with its place."""
    for table in SHARED:
        known = _keys(table)
        for key, value in content.get(table, {}).items():
            if key not in known:
                remedy = nearest(key, known) or f"known are {', '.join(known)}"
                raise ContentError(
                    line_of(path, f"{table}.{key}"), f"unknown key of {table}", got=key, remedy=remedy
                )
            yield key, (value, line_of(path, f"{table}.{key}"))


def _keys(*tables: str) -> list[str]:
    """Return the keys of a scenario's tables that a file of curves may say."""
    names = [spec.name.replace("_", "-") for table, spec in option_fields() if table in tables]
    return [name for name in names if name not in UNKNOWN]


def _curve(
    path: Path, published: Published, shared: Mapping[str, tuple[Any, str]], raw: Any, index: int
) -> Curve:
    if not isinstance(raw, dict):
        raise ContentError(line_of(path, "curve"), "must be tables [[curve]]", got=raw)

    def where(key: str) -> str:
        return line_of(path, f"curve.{index}.{key}")

    known = _keys(*RUN)
    for key in raw:
        if key not in known and key not in OWN:
            remedy = nearest(key, [*known, *OWN])
            raise ContentError(where(key), "unknown key of a curve", got=key, remedy=remedy)
    if "name" not in raw:
        raise ContentError(where("name"), "needs the key 'name'")
    name = one_line(raw["name"], where("name"))
    own = {key: (value, where(key)) for key, value in raw.items() if key in known}
    scenario = _scenario(path, {**shared, **own})
    try:
        _check_scales({**shared, **own}, scenario)
        return Curve(
            name=name,
            place=where("name"),
            published=published,
            scenario=scenario,
            samples_per_s=_rates(raw, scenario),
            remembered=_remembered(raw.get("remembered", []), scenario),
            real_data=flag(raw.get("real-data", False), "real-data"),
            anchored_only=flag(raw.get("anchored-only", False), "anchored-only"),
        )
    except SpecError as error:
        raise ContentError(
            where(error.where), error.rule, field=f"curve {name}: {error.where}", got=error.got,
            remedy=error.remedy,
        ) from None  # fmt: skip


def one_line(raw: Any, where: str) -> str:
    """Return a name that fits a line of a table.

    Raises
    ------
    ContentError
        Not a text, or one with control characters.
    """
    if not isinstance(raw, str) or not raw.strip() or not raw.isprintable():
        raise ContentError(where, "must be a name on one line", field="name", got=raw)
    return raw.strip()


def _check_scales(options: Mapping[str, tuple[Any, str]], scenario: Scenario) -> None:
    """Refuse device counts that measured values would not go with, and batches that nobody said."""
    devices, plan = options["devices"][0], scenario.plan
    if isinstance(devices, list) and devices != list(plan.devices):
        raise SpecError("devices", "must rise, each count once, as the measured values do", got=devices)
    if plan.batch_per_device is None and plan.global_batch is None:
        remedy = "say batch-per-device or global-batch"
        raise SpecError("batch-per-device", "must be said, or a global batch", remedy=remedy)


def _scenario(path: Path, options: Mapping[str, tuple[Any, str]]) -> Scenario:
    places = {key: place for key, (_, place) in options.items()}
    if "devices" not in places:
        raise ContentError(str(path), "every curve must say its devices", remedy="devices = [1, 2, 4, 8]")
    values = {key.replace("-", "_"): _beside(path, key, value) for key, (value, _) in options.items()}
    try:
        scenario = Scenario.from_options(values, lambda _, key: key.replace("_", "-"))
        Case.of(scenario)  # what is wrong with a name shows only where it is looked up
    except SpecError as error:
        key = "model" if error.where == "MODEL" else error.where.removeprefix("--")
        raise _here(path, key, error, places.get(key)) from None
    return scenario


def _beside(path: Path, key: str, value: Any) -> Any:
    """Return a file's name as the path from here where it lies beside the file of curves."""
    beside = path.parent / value if key in FILES and isinstance(value, str) else None
    return str(beside) if beside is not None and beside.is_file() else value


def _here(path: Path, key: str, error: SpecError, place: str | None = None) -> ContentError:
    """Return an error of one of the file's values with its line."""
    return ContentError(
        place or line_of(path, key), error.rule, field=error.field or key, got=error.got, remedy=error.remedy
    )


def _rates(raw: Mapping[str, Any], scenario: Scenario) -> FloatArray:
    """Return measured samples per second at every scale."""
    given = [key for key in MEASURED if key in raw]
    if len(given) != 1:
        raise SpecError("samples-per-s", f"must have one of {', '.join(MEASURED)}", got=given or "none")
    (key,) = given
    devices = scenario.plan.devices
    values = raw[key]
    if not isinstance(values, list) or len(values) != len(devices):
        raise SpecError(key, f"must be a list of {len(devices)} numbers, one for each of devices", got=values)
    found = np.array([above(0.0)(value, key) for value in values])
    if key != "time-s" and "timed-samples" in raw:
        raise SpecError("timed-samples", "belongs to time-s")
    if key == "samples-per-s":
        return found
    if key == "time-s":
        if "timed-samples" not in raw:
            raise SpecError("timed-samples", "must say of how many samples time-s is")
        return np.asarray(count(raw["timed-samples"], "timed-samples") / found)
    return np.asarray(np.array([_step(scenario, n) for n in devices]) / found)


def _step(scenario: Scenario, devices: int) -> float:
    """Return the samples of a step."""
    plan = scenario.plan
    if plan.global_batch is not None:
        return float(plan.global_batch.at(devices))
    assert plan.batch_per_device is not None  # checked with the scales
    return float(plan.batch_per_device * devices)


def _remembered(raw: Any, scenario: Scenario) -> frozenset[int]:
    if not isinstance(raw, list) or any(one not in scenario.plan.devices for one in raw):
        raise SpecError("remembered", "must list device counts of the curve", got=raw)
    return frozenset(raw)
