"""LogGP from logs to a profile, and from there into a simulation."""

import json
from pathlib import Path

import jsonschema
import pytest

from nearlinear.calibrate.calibration import CalibrateSpec, Hints, fit_profile
from nearlinear.calibrate.profile_file import write_profile
from nearlinear.models.catalogue import DATA
from nearlinear.models.errors import ContentError
from nearlinear.models.profile import read_profile
from nearlinear.models.strict import read_toml
from tests.unit.calibrate.lookalikes import osu
from tests.unit.calibrate.test_loggp import SIZES, alone_s, stream_s
from tests.unit.cli.conftest import Cli


def test_a_profile_keeps_them(tmp_path: Path) -> None:
    profile = fit_profile(_logs(tmp_path), CalibrateSpec(replicates=60, hints=Hints(per_node=1))).profile
    write_profile(profile, tmp_path / "p.toml")
    assert read_profile(tmp_path / "p.toml").loggp == profile.loggp != ()
    schema = json.loads((Path(DATA) / "schemas" / "profile.json").read_text())
    jsonschema.validate(read_toml(tmp_path / "p.toml"), schema)
    text = (tmp_path / "p.toml").read_text()
    (tmp_path / "p.toml").write_text(text.replace('"bounded"', '"guessed"'))
    with pytest.raises(ContentError, match="must be one of measured, bounded, assumed"):
        read_profile(tmp_path / "p.toml")


def _logs(folder: Path) -> list[Path]:
    """Write what osu_latency and osu_bw would print on such links, and return the files."""
    rates = [(size, size / stream_s(size) / 1e6) for size in SIZES]
    tests = {
        "latency": osu("Latency", ["Latency (us)"],
                       [(str(size), f"{alone_s(size) * 1e6:.2f}") for size in SIZES]),
        "bw": osu("Bandwidth", ["Bandwidth (MB/s)"],
                  [(str(size), f"{rate:.2f}") for size, rate in rates]),
    }  # fmt: skip
    for name, text in tests.items():
        (folder / f"{name}.log").write_text(text)
    return [folder / f"{name}.log" for name in tests]


SIMULATE = ("simulate", "--collective", "allreduce", "--algorithm", "ring", "--ranks", "4", "--bytes", "4KiB",
            "--json", "--loggops")  # fmt: skip


def _makespan(out: str) -> float:
    return float(json.loads(out)["result"]["makespan_s"])


def test_from_logs_to_a_simulation(cli: Cli) -> None:
    told = cli("calibrate", *(path.name for path in _logs(Path())), "--per-node", "1", "-o", "p.toml")
    assert told.code == 0, told.err
    assert "left out: 23" not in told.err  # rates of a stream are no lesser times of lone messages
    (row,) = [line.split() for line in told.out.splitlines() if line.startswith("network  mpi-host  ")]
    assert float(row[2]) == pytest.approx(3.0, rel=0.01)
    assert ("not seen" in told.out, "between 0 - 0.8" in told.out) == (True, True), told.out
    ran = cli(*SIMULATE, "p.toml")
    (one,) = read_profile("p.toml").loggp
    assert ran.err.startswith(f"network, mpi-host: L={one.latency_s.best * 1e9:.6g},o=")
    assert ran.err.endswith("S=inf; bounded or assumed, not measured: L, o, O, S\n")
    assert one.latency_s.best == pytest.approx(2.2e-6, rel=0.01)  # 3 us less twice half of 0.8 us
    by_hand = f"L={one.latency_s.best * 1e9},o={one.overhead_s.best * 1e9},g={one.gap_s.best * 1e9}"
    same = cli(*SIMULATE, f"{by_hand},G={one.gap_s_per_byte.best * 1e9},O=0,S=inf")
    assert _makespan(ran.out) == pytest.approx(_makespan(same.out), rel=1e-6)
    assert cli(*SIMULATE, "p.toml:network:mpi-host").out == ran.out.replace(
        '"p.toml"', '"p.toml:network:mpi-host"'
    )
    assert cli(*SIMULATE, "p.toml:node").error == (
        "--loggops: must name one level and transport of the profile, got 'p.toml:node';"
        " it has network:mpi-host"
    )


def test_streams_alone_say_what_is_missing(cli: Cli) -> None:
    _, streams = _logs(Path())
    told = cli("calibrate", streams.name, "--per-node", "1")
    assert told.code == 0
    assert "mpi-host stream" in told.out
    assert "needs at least 4 sizes of messages there and back to tell L + 2o and G, got 0" in told.err


def test_a_profile_without_messages_is_refused(cli: Cli) -> None:
    Path("a.csv").write_text(
        "size_bytes,time_us\n" + "".join(f"{2**k},{5 + 2**k / 1e3}\n" for k in range(10, 26))
    )
    known = ("--collective", "allreduce", "--ranks", "4", "--per-node", "4")
    assert cli("calibrate", "a.csv", "-o", "p.toml", *known).code == 0
    assert cli(*SIMULATE, "p.toml").error.startswith("--loggops: must name a profile with LogGP parameters")
    assert cli(*SIMULATE, "none.toml").error.startswith("none.toml: must be a readable file")
