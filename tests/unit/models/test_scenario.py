"""Scenario: options and TOML keys are its fields; contradictions are refused where they stand."""

from pathlib import Path

import pytest
import tomli_w

from nearlinear.models.errors import ContentError, SpecError
from nearlinear.models.scenario import Scenario, option_fields
from nearlinear.models.throughput import Anchor


def test_defaults() -> None:
    scenario = Scenario.of(model="nin", cluster="titan")
    assert scenario.plan.devices == (1, 2, 4, 8, 16, 32, 64, 128, 256)
    assert scenario.plan.bucket == 25 * 2**20
    assert scenario.plan.algorithm == "auto"
    assert scenario.knowledge.anchor == ()


def test_every_field_is_an_option_once() -> None:
    names = [spec.name for _, spec in option_fields()]
    assert sorted(set(names)) == sorted(names)
    assert all(spec.metadata["help"] for _, spec in option_fields())


def test_anchors_are_sorted() -> None:
    scenario = Scenario.of(model="nin", cluster="titan", anchor=["8:900", "1:118.0"])
    assert scenario.knowledge.anchor == (Anchor(1, 118.0), Anchor(8, 900.0))


@pytest.mark.parametrize("anchor", ["1", "1:", "1:x", "1:-5", "0:5", "1:inf", "1:5,1:6", "a:5", 51, {"1": 5}])
def test_what_are_no_anchors(anchor: object) -> None:
    with pytest.raises(SpecError, match="--anchor"):
        Scenario.of(model="nin", cluster="titan", anchor=anchor)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"cluster": "titan"}, "MODEL: is needed"),
        ({"model": "nin"}, "--cluster: a cluster or a device is needed"),
        ({"model": "nin", "cluster": "titan", "batch_per_device": 8, "global_batch": 64}, "excludes --batch"),
        ({"model": "nin", "cluster": "titan", "devices": "0"}, "--devices: must be >= 1"),
        ({"model": "nin", "cluster": "titan", "precision": "fp31"}, "--precision.*did you mean fp32"),
        ({"model": "nin", "cluster": "titan", "wire": "int8"}, "--wire"),
        ({"model": "nin", "cluster": "titan", "servers": "-1"}, "--servers: must be a whole number"),
        ({"model": "nin", "cluster": "titan", "bucket": "25XB"}, "--bucket"),
        ({"model": "nin", "cluster": "titan", "overlap": "yes"}, "--overlap: must be true or false"),
        ({"model": " ", "cluster": "titan"}, "MODEL: must be a name"),
        ({"model": "nin", "cluster": "titan", "per_node": "1,2"}, "--per-node: must be one whole number"),
        (
            {"model": "nin", "cluster": "titan", "devces": "1"},
            "unknown option, got 'devces'; did you mean devices",
        ),
    ],
)
def test_refusals(options: dict[str, object], message: str) -> None:
    with pytest.raises(SpecError, match=message):
        Scenario.of(**options)


def test_to_a_file_and_back(tmp_path: Path) -> None:
    scenario = Scenario.of(
        model="vgg-16", device="v100", per_node=8, net="100Gb", devices="8..64",
        global_batch=2048, anchor="8:900", overlap=False, bucket="0", wire="float16",
    )  # fmt: skip
    path = tmp_path / "scenario.toml"
    path.write_text(tomli_w.dumps(scenario.to_tables()))
    assert Scenario.from_file(path) == scenario


def test_options_win_over_the_file(tmp_path: Path) -> None:
    path = tmp_path / "scenario.toml"
    path.write_text('[workload]\nmodel = "nin"\n[machine]\ncluster = "titan"\n[plan]\ndevices = [1, 2]\n')
    scenario = Scenario.from_file(path, {"devices": "4", "model": None})
    assert scenario.plan.devices == (4,)
    assert scenario.workload.model == "nin"


@pytest.mark.parametrize(
    ("content", "line", "message"),
    [
        ('[workload]\nmodell = "nin"\n', 2, "unknown option, got 'modell'; did you mean model"),
        ('[workload]\nmodel = "nin"\n[plan]\ndevices = 0\n', 4, "plan.devices: must be >= 1"),
        ('[wrkload]\nmodel = "nin"\n', None, "unknown table, got 'wrkload'; did you mean workload"),
        ("model = 3\n", None, "unknown table"),
    ],
)
def test_files_that_are_wrong(tmp_path: Path, content: str, line: int | None, message: str) -> None:
    path = tmp_path / "scenario.toml"
    path.write_text(content)
    with pytest.raises(ContentError, match=message) as caught:
        Scenario.from_file(path)
    if line:
        assert str(caught.value).startswith(f"{path}:{line}: ")
    assert caught.value.exit_code == 3


def test_a_wrong_option_beside_a_file_is_the_options_fault(tmp_path: Path) -> None:
    path = tmp_path / "scenario.toml"
    path.write_text('[workload]\nmodel = "nin"\n[machine]\ncluster = "titan"\n')
    with pytest.raises(SpecError, match="^--devices: ") as caught:
        Scenario.from_file(path, {"devices": "x"})
    assert caught.value.exit_code == 2
