"""The demo end to end, with and without MPI."""

import subprocess
import sys
from pathlib import Path

import pytest

from nearlinear.cli import demo
from nearlinear.measure.launcher import mpiexec
from nearlinear.models.errors import AbsentError
from nearlinear.models.profile import read_profile


def _mpi() -> bool:
    try:
        import importlib.util

        return importlib.util.find_spec("mpi4py") is not None and bool(mpiexec())
    except AbsentError:
        return False


@pytest.mark.mpi
@pytest.mark.skipif(not _mpi(), reason="needs mpi4py and mpiexec")
def test_the_whole_loop(tmp_path: Path) -> None:
    command = [sys.executable, "-P", "-m", "nearlinear.cli.app", "demo", "--budget", "6s"]
    for number in (1, 2):
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        assert f"nearlinear-demo/run-{number}.jsonl" in done.stdout
    folder = tmp_path / "nearlinear-demo"
    assert {path.name for path in folder.iterdir()} == {
        "run-1.jsonl", "run-2.jsonl", "host.toml", "host.npz", "a100.toml", "a100.npz", "h100.toml",
        "h100.npz", "report.html", "googlenet-a100.json", "googlenet-h100.json", "resnet-50-a100.json",
        "resnet-50-h100.json",
    }  # fmt: skip
    fitted = {link.source for link in read_profile(folder / "host.toml").links}
    for source in {"vendor", "rounds", "pingpong"} - fitted:  # a busy machine may hide a bandwidth
        assert f"! {source} node" in done.stdout
    assert fitted
    page = (folder / "report.html").read_text()
    for word in ("measured now", "ResNet-50", "GoogLeNet", "held-out", "NiN", "times faster at 256 workers"):
        assert word in page or word.replace("NiN", "Network in Network") in page
    assert "sizes it did not fit" in done.stdout


def test_without_mpi_it_says_so_and_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def absent() -> None:
        raise AbsentError("measure", "needs mpi4py", remedy="pip install 'nearlinear[mpi-local]'")

    monkeypatch.setattr("nearlinear.measure.launcher.require_mpi", absent)
    monkeypatch.chdir(tmp_path)
    demo.demo(out="d", budget="5s")
    told = capsys.readouterr().out
    assert "left out: measure: needs mpi4py; pip install 'nearlinear[mpi-local]'" in told
    assert "formula, round engine and SimPy agree" in told
    page = (tmp_path / "d" / "report.html").read_text()
    assert "Not measured: measure: needs mpi4py" in page
    assert page.count("<svg") == 2 + 2 * 2 * 2 + 2
