"""What each entrance loads, what each layer may know, and what the front door shows."""

import ast
import doctest
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest

import nearlinear
from nearlinear.models.collectives import ALGORITHMS
from nearlinear.models.collectives.library import LIBRARY
from tests.conftest import ROOT

HEAVY = (
    "numpy", "pydantic", "scipy", "pandas", "matplotlib", "networkx", "simpy", "numba", "mpi4py", "cupy",
)  # fmt: skip
LAYERS = ("models", "simulator", "measure", "calibrate", "reports", "nearlinear")


def _loaded(program: str, *arguments: str) -> set[str]:
    """Return which heavy packages a program loads in a fresh interpreter."""
    tail = "import sys; print('LOADED', *sorted({name.partition('.')[0] for name in sys.modules}))"
    guarded = f"try:\n    {program}\nexcept SystemExit:\n    pass\n{tail}"
    done = subprocess.run(
        [sys.executable, "-P", "-c", guarded, *arguments], capture_output=True, text=True, check=True
    )
    (line,) = [line for line in done.stdout.splitlines() if line.startswith("LOADED")]
    return set(line.split()) & set(HEAVY)


MAIN = "from nearlinear.cli.app import main; main()"


@pytest.mark.parametrize(
    "arguments",
    [["--help"], ["predict", "--help"], ["measure", "--help"], ["goodput", "--help"], ["--version"]],
)
def test_help_loads_nothing_heavy(arguments: list[str]) -> None:
    assert _loaded(MAIN, *arguments) == set()


def test_importing_the_package_loads_nothing_heavy() -> None:
    assert _loaded("import nearlinear; nearlinear.__version__") == set()


def test_predict_loads_numpy_alone() -> None:
    assert _loaded("import nearlinear; nearlinear.predict") == {"numpy"}
    assert _loaded(MAIN, "predict", "resnet-50", "--cluster", "dgx-a100", "--devices", "1..64") == {"numpy"}


def test_a_mistake_loads_nothing_heavy() -> None:
    assert _loaded(MAIN, "predict", "nin", "--devices", "zero") <= {"numpy"}
    assert _loaded(MAIN, "predcit") == set()


@pytest.mark.parametrize("kind", ["models", "devices"])
def test_listing_loads_numpy_at_most(kind: str) -> None:
    assert _loaded(MAIN, "list", kind) <= {"numpy"}


def test_public_names() -> None:
    """The front door is a promise: a name is added here on purpose or not at all."""
    assert sorted(nearlinear.__all__) == [
        "Anchor", "Knowledge", "Machine", "Plan", "Scenario", "Throughput", "Workload", "__version__",
        "fit_profile", "predict", "render_report", "simulate", "validate_suite",
    ]  # fmt: skip
    for name in nearlinear.__all__:
        assert getattr(nearlinear, name) is not None
        assert name in dir(nearlinear)


def test_unknown_public_name() -> None:
    with pytest.raises(AttributeError, match="nearlinear.*has no attribute 'predcit'"):
        getattr(nearlinear, "predcit")  # noqa: B009


def _modules(layer: str) -> Iterator[Path]:
    yield from sorted((ROOT / layer).rglob("*.py"))


def _words(path: Path) -> Iterator[str]:
    """Yield every identifier and every string of a file, docstrings left out."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
            yield node.value
        elif isinstance(node, ast.Name):
            yield node.id
        elif isinstance(node, ast.Attribute):
            yield node.attr
        elif isinstance(node, ast.alias):
            yield node.name


NAMES = {name for a in (*ALGORITHMS.values(), LIBRARY) for name in (a.name, a.name.replace("-", "_"))}


@pytest.mark.parametrize("layer", ["simulator", "measure"])
def test_engines_know_no_algorithm(layer: str) -> None:
    """An engine sees only (schedule, fabric, message cost); speed comes from the representation."""
    for path in _modules(layer):
        for word in _words(path):
            parts = set(word.replace(".", " ").split())
            assert not parts & (NAMES - {"library"}), f"{path.name} says {word!r}"


@pytest.mark.parametrize("layer", ["simulator", "measure"])
def test_engines_take_no_time_from_closed_forms(layer: str) -> None:
    for path in _modules(layer):
        calls = [n.func for n in ast.walk(ast.parse(path.read_text())) if isinstance(n, ast.Call)]
        assert "time_s" not in {f.attr for f in calls if isinstance(f, ast.Attribute)}, path.name


def test_layers() -> None:
    linter = str(Path(sys.executable).with_name("lint-imports"))
    done = subprocess.run(
        [linter, "--config", str(ROOT / ".importlinter"), "--no-cache"], cwd=ROOT / ".typing",
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-2000:]
    assert " 0 broken" in done.stdout


def _public(tree: ast.Module) -> Iterator[ast.AST]:
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            yield node
            if isinstance(node, ast.ClassDef):
                yield from (
                    n for n in node.body if isinstance(n, ast.FunctionDef) and not n.name.startswith("_")
                )


@pytest.mark.parametrize("layer", LAYERS)
def test_everything_public_is_described(layer: str) -> None:
    for path in _modules(layer):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        if tree.body:
            assert ast.get_docstring(tree), path
        for node in _public(tree):
            assert isinstance(node, ast.FunctionDef | ast.ClassDef)
            assert ast.get_docstring(node), f"{path}:{node.lineno} {node.name}"


@pytest.mark.parametrize("layer", LAYERS)
def test_modules_stay_small_and_are_nouns(layer: str) -> None:
    for path in _modules(layer):
        assert len(path.read_text(encoding="utf-8").splitlines()) <= 280, path
        assert path.stem not in ("utils", "util", "base", "helpers", "common", "manager", "misc"), path


@pytest.mark.parametrize("layer", LAYERS)
def test_no_pickle_no_eval_no_network(layer: str) -> None:
    modules = {"pickle", "marshal", "shelve", "socket", "urllib", "http", "requests"}
    for path in _modules(layer):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        assert {name.partition(".")[0] for name in _imported(tree)} & modules == set(), path
        called = {
            n.func.id for n in ast.walk(tree) if isinstance(n, ast.Call) and isinstance(n.func, ast.Name)
        }
        assert called & {"eval", "exec", "__import__"} == set(), path


def _imported(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""


EXAMPLES = sorted(path for layer in LAYERS for path in _modules(layer) if ">>>" in path.read_text("utf-8"))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_examples_of_docstrings(path: Path) -> None:
    parts = path.relative_to(ROOT).with_suffix("").parts
    module = import_module(".".join(parts if parts[0] == "nearlinear" else ("nearlinear", *parts)))
    failed, tried = doctest.testmod(module)
    assert tried
    assert not failed
