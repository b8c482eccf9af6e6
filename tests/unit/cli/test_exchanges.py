"""``calibrate`` on a table of training steps."""

import json
from pathlib import Path

import numpy as np

from tests.unit.calibrate.test_exchanges import table_file
from tests.unit.cli.conftest import Cli


def test_calibrate_reads_a_table(cli: Cli, tmp_path: Path) -> None:
    path = str(table_file(tmp_path))
    ended = cli("calibrate", path, "-o", "p.toml")
    assert ended.code == 0
    assert "one network left out" in ended.out
    assert "median 0.0%, worst 0.0%, in 90 % band" in ended.out
    assert Path("p.toml").exists()
    assert cli("calibrate", path, "--by", "ranks").error == (
        "--by: has no effect on a table of training steps, got 'ranks'"
    )
    assert "must stand alone" in cli("calibrate", path, path).error


def test_calibrate_says_it_as_json(cli: Cli, tmp_path: Path) -> None:
    result = json.loads(cli("calibrate", str(table_file(tmp_path)), "--json").out)["result"]
    assert {row["left_out"] for row in result["left_out"]} == {"network", "device count"}
    assert np.allclose([row["predicted_s"] / row["measured_s"] for row in result["left_out"]], 1, rtol=1e-3)
