"""What a record says of the machine: enough to compare, nothing that is secret."""

import sys
from pathlib import Path

import pytest

from nearlinear.measure import environment, launch, launcher
from nearlinear.measure.launcher import SIZE_VARIABLES, launched_size, mpiexec
from nearlinear.models.errors import AbsentError


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name in (*SIZE_VARIABLES, "SLURM_PROCID", "SLURM_STEP_NUM_TASKS"):
        monkeypatch.delenv(name, raising=False)
    return monkeypatch


def test_only_variables_that_matter(bare: pytest.MonkeyPatch) -> None:
    bare.setenv("NCCL_DEBUG", "INFO")
    bare.setenv("OMP_NUM_THREADS", "2")
    bare.setenv("HOME_MADE", "x")
    assert {"NCCL_DEBUG": "INFO", "OMP_NUM_THREADS": "2"}.items() <= environment.variables().items()
    assert "HOME_MADE" not in environment.variables()


@pytest.mark.parametrize("name", ["AWS_SECRET_ACCESS_KEY", "NCCL_API_KEY", "UCX_TOKEN", "FI_password"])
def test_no_secrets(bare: pytest.MonkeyPatch, name: str) -> None:
    bare.setenv(name, "hunter2")
    assert "hunter2" not in environment.variables().values()


def test_host_clock_and_versions() -> None:
    assert environment.host()["cores"] >= 1
    assert environment.host()["processor"]
    assert 0 < environment.clock()["tick_s"] <= 1e-3
    assert {"python", "numpy", "nearlinear"} <= environment.versions().keys()


@pytest.mark.parametrize("name", SIZE_VARIABLES)
def test_ranks_of_every_launcher(bare: pytest.MonkeyPatch, name: str) -> None:
    assert launched_size() is None
    bare.setenv(name, "4")
    assert launched_size() == 4


def test_slurm_counts_only_inside_a_step(bare: pytest.MonkeyPatch) -> None:
    bare.setenv("SLURM_STEP_NUM_TASKS", "8")
    assert launched_size() is None
    bare.setenv("SLURM_PROCID", "0")
    assert launched_size() == 8


def test_a_size_that_is_no_number(bare: pytest.MonkeyPatch) -> None:
    bare.setenv("PMI_SIZE", "many")
    assert launched_size() is None


def test_mpiexec_beside_this_python_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    monkeypatch.setenv("PATH", "")
    with pytest.raises(AbsentError, match=r"needs mpiexec; load your cluster's MPI module, or pip install"):
        mpiexec()
    (tmp_path / "mpiexec").touch()
    assert mpiexec() == str(tmp_path / "mpiexec")


def test_without_mpi4py(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mpi4py", None)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(AbsentError, match=r"needs mpi4py; pip install 'nearlinear\[mpi\]'"):
        launcher.require_mpi()


def test_open_mpi_may_start_as_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 0)
    monkeypatch.setenv("OMPI_ALLOW_RUN_AS_ROOT", "0")
    chosen = launch._environment(2)
    assert chosen["OMPI_ALLOW_RUN_AS_ROOT_CONFIRM"] == "1"
    assert chosen["OMPI_ALLOW_RUN_AS_ROOT"] == "0"  # what the user set stands
