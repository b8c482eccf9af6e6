"""The wheel holds every module and data file of the tree, under the names they are imported by."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.conftest import ROOT

LAYERS = ("models", "simulator", "measure", "calibrate", "reports")
pytestmark = pytest.mark.wheel


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    files = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"], cwd=ROOT, capture_output=True,
        text=True, check=True,
    ).stdout.splitlines()  # fmt: skip
    for name in files:
        if (ROOT / name).is_file() and not name.startswith((".typing", "tests")):
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            (source / name).write_bytes((ROOT / name).read_bytes())
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "--no-index", "-q", "-w",
         str(folder), str(source)],
        check=True, capture_output=True,
    )  # fmt: skip
    (built,) = folder.glob("*.whl")
    return built


def _expected() -> set[str]:
    """Return every file of the code folders as the wheel must name it."""
    found = {f"nearlinear/{p.relative_to(ROOT / 'nearlinear').as_posix()}" for p in _files("nearlinear")}
    for layer in LAYERS:
        found |= {f"nearlinear/{p.relative_to(ROOT).as_posix()}" for p in _files(layer)}
    return found


def _files(folder: str) -> list[Path]:
    return [p for p in (ROOT / folder).rglob("*") if p.is_file() and "__pycache__" not in p.parts]


def test_every_module_and_data_file(wheel: Path) -> None:
    held = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    assert held == _expected()


def test_licences_and_the_command(wheel: Path) -> None:
    archive = zipfile.ZipFile(wheel)
    names = archive.namelist()
    assert any(name.endswith("licenses/LICENSE") for name in names)
    assert any(name.endswith("ATTRIBUTION.md") and "licenses" in name for name in names)
    (entry,) = [name for name in names if name.endswith("entry_points.txt")]
    assert "nearlinear = nearlinear.cli.app:main" in archive.read(entry).decode()


def test_every_package_is_typed(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    for package in ("nearlinear", *(f"nearlinear/{layer}" for layer in LAYERS)):
        assert f"{package}/py.typed" in names


def test_it_runs_from_the_wheel_alone(wheel: Path, tmp_path: Path) -> None:
    """Data files are found where the wheel puts them, far from the tree."""
    zipfile.ZipFile(wheel).extractall(tmp_path)
    program = (
        f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n"
        "import nearlinear, nearlinear.models.catalogue as catalogue\n"
        f"assert nearlinear.__file__.startswith({str(tmp_path)!r}), nearlinear.__file__\n"
        "from nearlinear.calibrate.bundled import BUNDLED\n"
        "assert all(f.is_file() for logs in BUNDLED for f in logs.files)\n"
        "from nearlinear import Scenario, predict, render_report\n"
        "p = predict(Scenario.of(model='nin', cluster='titan', devices='1,2', samples='51'))\n"
        "from nearlinear.reports.report import Section\n"
        "assert '<svg' in render_report('t', [Section.of_prediction(p)])\n"
    )
    subprocess.run([sys.executable, "-P", "-c", program], check=True, cwd=tmp_path)


def test_the_typing_mirror_shows_every_layer() -> None:
    """Type checkers and import-linter see the installed names through links."""
    mirror = ROOT / ".typing" / "nearlinear"
    for layer in LAYERS:
        assert (mirror / layer).resolve() == (ROOT / layer).resolve()
    for path in (ROOT / "nearlinear").iterdir():
        if path.name != "__pycache__":
            assert (mirror / path.name).resolve() == path.resolve()
