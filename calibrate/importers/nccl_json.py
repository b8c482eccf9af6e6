"""JSON output of nccl-tests (``-J``), any version of it.

The environment of the run stands in it, secrets and all; nothing of that is looked at or kept. Results are
checked like the rows of the text output.

References
----------
NVIDIA/nccl-tests, src/util.cu (2.17.3 on).
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from nearlinear.calibrate.importers.imported import Hints, Imported
from nearlinear.calibrate.importers.names import type_named
from nearlinear.calibrate.importers.nccl_rows import ANY_TIME, MISSING, OPERATORS, Row, Side
from nearlinear.calibrate.importers.nccl_runs import Device, Run
from nearlinear.calibrate.importers.nccl_tests import imported
from nearlinear.calibrate.importers.printed import printed, whole
from nearlinear.models.errors import ContentError
from nearlinear.models.units import MICROSECOND

PLACEMENTS = (("out_of_place", "out"), ("in_place", "in"))
NOT_A_NUMBER = ("nan", "-nan", "inf")  # written as strings


def sniff(text: str) -> bool:
    """Return whether a text is the JSON of nccl-tests, whole or not."""
    return text.lstrip().startswith("{") and '"nccl_version"' in text and '"args"' in text


def parse(text: str, where: str, hints: Hints) -> Imported:
    """Return the samples of a file that ``-J`` wrote.

    Raises
    ------
    ContentError
        Not whole JSON, a result without its numbers or with numbers that contradict each other, or none.
    """
    content = _content(text, where)
    run = Run(collectives=[_program(content)], devices=list(_devices(content, where)))
    run.versions = [f"nccl {content['nccl_version']}"] if isinstance(content.get("nccl_version"), int) else []
    run.failures = [str(error)[:80] for error in _list(content, "errors", where)]
    bounds = content.get("out_of_bounds")
    if isinstance(bounds, dict) and bounds.get("okay") in ("false", False):
        run.failures.append(f"Out of bounds values: {bounds.get('count')}")
    run.rows = [
        _row(result, f"{where}: results[{index}]")
        for index, result in enumerate(_list(content, "results", where))
    ]
    return imported([run], where, hints, "nccl-tests-json", footers=False)


def _content(text: str, where: str) -> dict[str, Any]:
    try:
        content = json.loads(text, parse_float=str, parse_constant=str)
    except json.JSONDecodeError as error:
        remedy = "was the run killed? its text output may be whole"
        place, told = f"{where}:{error.lineno}", f"must be whole JSON ({error.msg}, character {error.pos})"
        raise ContentError(place, told, remedy=remedy) from None
    except (RecursionError, ValueError):
        raise ContentError(where, "must be JSON of numbers and lists") from None
    if not isinstance(content, dict):
        raise ContentError(where, "must be a JSON object")
    content.pop("env", None)
    return content


def _program(content: Mapping[str, Any]) -> str:
    """Return the name of the program that ran, as far as it names a collective."""
    arguments = content.get("args")
    return Path(str(arguments[0])).name if isinstance(arguments, list) and arguments else ""


def _list(content: Mapping[str, Any], name: str, where: str) -> list[Any]:
    found = content.get(name) or []
    if not isinstance(found, list):
        raise ContentError(where, "must be a list", field=name, got=str(found)[:40])
    return found


def _devices(content: Mapping[str, Any], where: str) -> Iterator[Device]:
    configuration = content.get("config")
    listed = _list(configuration, "devices", where) if isinstance(configuration, dict) else []
    for device in listed:
        if not isinstance(device, dict) or not isinstance(device.get("rank"), int):
            raise ContentError(where, "must be devices with a rank", field="config.devices")
        index, group = device.get("device"), device.get("group", 0)
        yield Device(
            rank=device["rank"], group=group if isinstance(group, int) else 0,
            host=str(device.get("hostname", "")), index=index if isinstance(index, int) else None,
            name=str(device.get("device_info", "")),
        )  # fmt: skip


def _row(result: Any, where: str) -> Row:
    if not isinstance(result, dict):
        raise ContentError(where, "must be an object")
    dtype = type_named(str(result.get("type")))
    if dtype is None:
        raise ContentError(where, "must be a known type", field="type", got=result.get("type"))
    operator, root = str(result.get("redop", "")).strip(), str(result.get("root", "-1")).strip()
    sides = [_side(result[name], placement, f"{where}.{name}") for name, placement in PLACEMENTS
             if result.get(name) is not None]  # fmt: skip
    return Row(
        where=where, size_bytes=_count(result, "size", where), count=_count(result, "count", where),
        dtype=dtype, operator=operator if operator in OPERATORS else "",
        root=-1 if whole(root) is None else int(root),
        sides=tuple(side for side in sides if side is not None),
    )  # fmt: skip


def _count(result: Mapping[str, Any], name: str, where: str) -> int:
    value = result.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise ContentError(where, "must be a whole number >= 0", field=name, got=value)
    return value


def _side(body: Any, placement: str, where: str) -> Side | None:
    """Return one placement's results; nothing where they are not numbers, as after a failed call."""
    if not isinstance(body, dict):
        raise ContentError(where, "must be an object")
    processor = "time" not in body and "cpu_time" in body
    tokens = [str(body.get(name)) for name in ("cpu_time" if processor else "time", "alg_bw", "bus_bw")]
    if any(token.lower() in NOT_A_NUMBER for token in tokens):
        return None
    numbers = [printed(token) for token in tokens]
    wrong = MISSING if body.get("nwrong") is None else str(body["nwrong"])
    if None in numbers or float(tokens[0]) <= 0 or (wrong != MISSING and printed(wrong) is None):
        bad = [token for token, number in zip(tokens, numbers, strict=True) if number is None]
        raise ContentError(where, "must be a time > 0 and bandwidths", got=(bad or [tokens[0]])[0])
    time, algbw, busbw = (number for number in numbers if number is not None)
    return Side(
        placement=placement, time_s=ANY_TIME if processor else time.times(MICROSECOND), algbw=algbw,
        busbw=busbw, printed_s=0.0 if processor else float(tokens[0]) * MICROSECOND, wrong=wrong,
    )  # fmt: skip
