"""FireCaffe's speed-ups on Titan against what its authors published, and against Paleo's predictions."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from nearlinear.calibrate.calibration import fit_profile
from nearlinear.calibrate.profile_file import write_profile
from tests.conftest import ROOT

EXAMPLES = ROOT / "docs" / "examples"
VERIFIED = 0.20  # relative error at most, of the rows that stand in the abstract


@pytest.fixture(scope="module")
def example() -> ModuleType:
    spec = importlib.util.spec_from_file_location("on_titan", EXAMPLES / "02_firecaffe_on_titan.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def titan(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("titan") / "titan.toml"
    write_profile(fit_profile([EXAMPLES / "titan_allreduce.csv"]).profile, path)
    return path


def test_speed_ups_at_128_gpus(example: ModuleType, titan: Path) -> None:
    known = example.rows()
    checked = 0
    for row in known:
        alone = next(one for one in known if one["network"] == row["network"])
        if row is alone:
            continue
        median, low, high = example.predicted(row, alone, titan)
        measured = float(row["speed_up"])
        assert low <= measured <= high
        if row["known"] == "verified":
            checked += 1
            assert abs(median / measured - 1) < VERIFIED
            if row["paleo"]:
                assert abs(median / measured - 1) < abs(float(row["paleo"]) / measured - 1)
    assert checked == 2


def test_extra_epochs_count_against_the_speed_up(example: ModuleType, titan: Path) -> None:
    alone, row = (next(r for r in example.rows() if (r["network"], r["devices"]) == ("googlenet", n))
                  for n in ("1", "128"))  # fmt: skip
    as_many = example.predicted(row | {"epochs": alone["epochs"]}, alone, titan)[0]
    assert example.predicted(row, alone, titan)[0] == pytest.approx(as_many * 64 / 72, rel=1e-12)
