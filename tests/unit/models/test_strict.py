"""Strict reading: nothing is ignored, everything is placed."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from nearlinear.models.errors import ContentError, SpecError
from nearlinear.models.strict import build, check_types, line_of, number, read_toml, require


@dataclass(frozen=True, slots=True, kw_only=True)
class Spec:
    latency_s: float
    name: str = "x"

    def __post_init__(self) -> None:
        require(self.latency_s > 0, "latency_s", "must be > 0", self.latency_s)


def test_build() -> None:
    assert build(Spec, {"latency_s": 1.0}, "a.toml") == Spec(latency_s=1.0)


def test_a_reader_makes_a_value() -> None:
    assert build(Spec, {"latency_s": "2"}, "a", {"latency_s": lambda raw, where: float(raw)}).latency_s == 2.0


def test_unknown_key_names_the_nearest() -> None:
    with pytest.raises(SpecError, match="a.toml: unknown key, got 'latency'; did you mean latency_s"):
        build(Spec, {"latency": 1.0}, "a.toml")


def test_missing_key() -> None:
    with pytest.raises(SpecError, match="a.toml: needs the key 'latency_s'"):
        build(Spec, {}, "a.toml")


def test_refused_value_is_placed() -> None:
    with pytest.raises(SpecError, match=r"a.toml: latency_s: must be > 0, got -1"):
        build(Spec, {"latency_s": -1.0}, "a.toml")


@pytest.mark.parametrize("value", ["1", True, None, float("inf")])
def test_what_is_no_number(value: object) -> None:
    with pytest.raises(SpecError):
        number(value, "here")


def test_toml_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="must be a readable file") as caught:
        read_toml(tmp_path / "nope.toml")
    assert caught.value.exit_code == 2


@pytest.mark.parametrize("content", [b"a = ", b"\xff\xfe\x00"])
def test_toml_that_is_none(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "bad.toml"
    path.write_bytes(content)
    with pytest.raises(ContentError):
        read_toml(path)


def test_line_of_a_key(tmp_path: Path) -> None:
    path = tmp_path / "a.toml"
    path.write_text('top = 1\n\n[plan]\ndevices = "1"\n[[levels]]\nname = "node"\n')
    assert line_of(path, "top") == f"{path}:1"
    assert line_of(path, "plan.devices") == f"{path}:4"
    assert line_of(path, "levels.0.name") == f"{path}:6"
    assert line_of(path, "plan.absent") == f"{path}:3"
    assert line_of(path, "absent.key") == str(path)


@dataclass(frozen=True, slots=True, kw_only=True)
class Typed:
    inner: Spec
    counts: tuple[int, ...] = ()
    share: float | None = None
    on: bool = True


@pytest.mark.parametrize(
    "values",
    [
        {"inner": "x"}, {"inner": build(Spec, {"latency_s": 1.0, "name": 5}, "a")},
        {"counts": (1, "2")}, {"counts": [1]},
        {"share": "0.5"}, {"share": float("nan")}, {"share": True}, {"on": 1},
    ],
)  # fmt: skip
def test_values_of_other_types(values: dict[str, Any]) -> None:
    with pytest.raises(SpecError, match=f"a: {next(iter(values))}: must be whole"):
        check_types(Typed(**({"inner": Spec(latency_s=1.0)} | values)), "a")


def test_values_of_their_types() -> None:
    check_types(Typed(inner=Spec(latency_s=1), counts=(1, 2), share=0.5), "a")
    check_types(Typed(inner=Spec(latency_s=1.0)), "a")
