"""What the documentation shows is what happens: its commands run, and print what stands below them."""

import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from nearlinear.calibrate.importers import IMPORTERS
from nearlinear.cli.app import app
from nearlinear.measure.launcher import mpiexec
from nearlinear.models.case import Case
from nearlinear.models.collectives import ALGORITHMS
from nearlinear.models.economics.prices import prices
from nearlinear.models.errors import AbsentError
from nearlinear.models.scenario import Scenario
from tests.conftest import ROOT

PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
CLOSE = 0.02  # numbers may differ in the last digit shown from one processor to the next
REFUSED = 7


def _blocks(page: Path, kind: str) -> list[str]:
    return re.findall(rf"^```{kind}\n(.*?)^```$", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


def _commands(page: Path) -> Iterator[tuple[str, str]]:
    """Yield every command of a page with what is shown below it."""
    for block in _blocks(page, "console"):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, shown = part.partition("\n")
            yield command, shown


def _run(command: str, folder: Path) -> "subprocess.CompletedProcess[str]":
    verb, *arguments = shlex.split(command)
    start = {"nearlinear": ["-m", "nearlinear.cli.app"], "python": []}[verb]
    return subprocess.run(
        [sys.executable, "-P", *start, *arguments],
        cwd=folder, capture_output=True, text=True, timeout=240, check=False,
    )  # fmt: skip


def _words(text: str) -> list[str]:
    return text.replace("%", " %").split()


def _same(shown: str, printed: str) -> bool:
    """Return whether all words are equal, and all numbers to a rounding."""
    left, right = _words(shown), _words(printed)
    return len(left) == len(right) and all(
        one == other or _near(one, other) for one, other in zip(left, right, strict=True)
    )


def _near(one: str, other: str) -> bool:
    left, right = (word.strip("[],()").replace(",", "") for word in (one, other))
    try:
        apart = abs(float(left) - float(right))
    except ValueError:
        return set(one) == set(other) == {"#"}  # a bar of one character more or less
    last_digit = 10.0 ** -len(left.partition(".")[2])
    return apart <= max(1.001 * last_digit, CLOSE * abs(float(left)))


def _mpi() -> bool:
    try:
        return bool(mpiexec())
    except AbsentError:
        return False


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_commands_run_and_print_what_is_shown(page: Path, tmp_path: Path) -> None:
    for example in (ROOT / "docs" / "examples").glob("*.*"):
        shutil.copy(example, tmp_path)
    for command, shown in _commands(page):
        if " measure " in command and not _mpi():
            pytest.skip("needs mpi4py and mpiexec")
        done = _run(command, tmp_path)
        if done.returncode == REFUSED:
            pytest.skip(f"this computer is too busy: {done.stderr}")
        assert done.returncode == 0, command + "\n" + done.stdout + done.stderr
        assert not shown or _same(shown, done.stdout), f"{command}\nshows\n{shown}\nbut prints\n{done.stdout}"


def test_a_wrong_number_is_seen() -> None:
    assert _same("73% [49% - 86%] 1,234", "73% [49% - 85%] 1,235")
    assert not _same("73% [49% - 86%] 1,234", "73% [49% - 86%] 1,534")
    assert not _same("5.3", "5.5")
    assert not _same("ring 2", "tree 2")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_links_between_pages(page: Path) -> None:
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), target


def test_python_of_the_readme() -> None:
    (program,) = _blocks(ROOT / "README.md", "python")
    done = subprocess.run([sys.executable, "-P", "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("Band(median=0.")


def test_toml_of_the_files(tmp_path: Path) -> None:
    scenario, cluster = _blocks(ROOT / "docs" / "files.md", "toml")
    (tmp_path / "scenario.toml").write_text(scenario)
    (tmp_path / "cluster.toml").write_text(cluster)
    Case.of(Scenario.from_file(tmp_path / "scenario.toml"))
    case = Case.of(Scenario.of(model="nin", cluster=str(tmp_path / "cluster.toml")))
    assert case.cluster.levels[-1].uplinks == tomllib.loads(cluster)["levels"][-1]["uplinks"]


def test_toml_of_the_prices(tmp_path: Path) -> None:
    (text,) = _blocks(ROOT / "docs" / "time-to-accuracy.md", "toml")
    (tmp_path / "prices.toml").write_text(text)
    ours = prices(str(tmp_path / "prices.toml"))
    assert (ours.currency, ours.pue.value, ours.instances[0].devices) == ("EUR", 1.2, 8)


def test_nothing_is_left_out() -> None:
    collectives = (ROOT / "docs" / "collectives.md").read_text(encoding="utf-8")
    assert [name for name in (*ALGORITHMS, "library") if f"`{name}`" not in collectives] == []
    files = (ROOT / "docs" / "files.md").read_text(encoding="utf-8")
    assert [name for name in IMPORTERS if name not in files] == []
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert [
        c.name for c in app.registered_commands if f"`{c.name}`" not in readme.replace("`nearlinear ", "`")
    ] == []
