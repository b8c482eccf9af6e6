"""Which launcher fits, what people copy to start a run, and what a probe of the MPI library says."""

import os
import stat
from pathlib import Path

import pytest

from nearlinear.measure import launcher
from nearlinear.measure.launch_line import LaunchPlan, launch_text, without
from nearlinear.measure.launcher import MPICH, OPEN_MPI, mpiexec_vendor, require_matching, without_launcher
from nearlinear.measure.transports import cuda_probe
from nearlinear.measure.transports.buffers import missing_device
from nearlinear.measure.transports.choice import _require
from nearlinear.models.errors import AbsentError, SpecError

HYDRA = "HYDRA build details:\n    Version: 5.0.2"
OPEN = "mpiexec (Open MPI) 5.0.11"


def _program(path: Path, text: str) -> str:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)


@pytest.mark.parametrize(
    ("told", "vendor"), [(HYDRA, MPICH), (OPEN, OPEN_MPI), ("prterun (PRRTE) 3.0", OPEN_MPI), ("?", "")]
)
def test_whose_launcher_it_is(tmp_path: Path, told: str, vendor: str) -> None:
    assert mpiexec_vendor(_program(tmp_path / "mpiexec", f"echo '{told}'")) == vendor


def test_a_launcher_that_cannot_be_asked(tmp_path: Path) -> None:
    assert mpiexec_vendor(str(tmp_path / "none")) == ""


@pytest.mark.parametrize("built", ["MPICH", "Intel MPI", "MVAPICH2"])
def test_a_launcher_of_another_mpi_is_refused(
    built: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(launcher, "mpi_vendor", lambda: built)
    require_matching(_program(tmp_path / "hydra", f"echo '{HYDRA}'"))
    other = _program(tmp_path / "other", f"echo '{OPEN}'")
    with pytest.raises(SpecError) as caught:
        require_matching(other)
    assert str(caught.value) == (
        f"measure: mpi4py was built for {built}, and {other} is of Open MPI; "
        f"put the mpiexec of {built} first on the path"
    )


def test_helpers_are_no_ranks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PMI_RANK", "3")
    monkeypatch.setenv("OMPI_COMM_WORLD_SIZE", "4")
    monkeypatch.setenv("UCX_TLS", "tcp")
    assert {"PMI_RANK", "OMPI_COMM_WORLD_SIZE"} & set(without_launcher()) == set()
    assert without_launcher()["UCX_TLS"] == "tcp"
    assert os.environ["PMI_RANK"] == "3"


def _plan(vendor: str, gpus: bool = False) -> LaunchPlan:
    command = ("nearlinear", "measure", "--ops", "all reduce")
    return LaunchPlan(command=command, nodes=4, per_node=8, gpus=gpus, vendor=vendor, budget_s=3300.0)


def test_command_lines() -> None:
    end = "nearlinear measure --ops 'all reduce'"
    assert launch_text("mpiexec", _plan(MPICH)) == f"mpiexec -n 32 -ppn 8 {end}"
    assert launch_text("mpiexec", _plan(OPEN_MPI)) == (
        f"mpiexec -n 32 --map-by ppr:8:node --bind-to core {end}"
    )
    assert launch_text("srun", _plan("Intel MPI", gpus=True)) == (
        f"srun --nodes=4 --ntasks-per-node=8 --mpi=pmi2 --cpu-bind=cores --gpus-per-task=1 {end}"
    )
    assert "--mpi=pmix" in launch_text("srun", _plan(OPEN_MPI))


def test_job_script(tmp_path: Path) -> None:
    text = launch_text("slurm-script", _plan(MPICH, gpus=True))
    assert text.startswith("#!/bin/sh\n#SBATCH ")
    assert "#SBATCH --time=01:00:00\n" in text  # 55 minutes of budget and five to spare
    assert "#SBATCH --gpus-per-node=8\n" in text
    assert text.endswith("nearlinear measure --ops 'all reduce'")
    assert os.system(f"sh -n {_program(tmp_path / 'job', text)}") == 0  # a shell can read it


def test_own_options_are_not_passed_on() -> None:
    given = ["measure", "--launch", "4", "--ops", "x", "--print-launch=srun", "--nodes", "2", "--json"]
    left = ["measure", "--ops", "x", "--json"]
    assert without(given, ("--launch", "--print-launch", "--nodes")) == left


@pytest.mark.parametrize(
    ("program", "told"),
    [
        ("exit 0", None),
        ("echo 'first' >&2; echo 'it arrived wrong' >&2; exit 1", "it arrived wrong"),
        ("kill -SEGV $$", "a message of GPU memory to itself ended the process (signal 11)"),
        ("exit 3", "status 3"),
    ],
)
def test_a_probe_that_crashes_does_not_take_the_run_down(
    program: str, told: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.executable", _program(tmp_path / "python", program))
    assert cuda_probe.works() == told


def test_a_probe_that_hangs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.executable", _program(tmp_path / "python", "exec sleep 60"))
    monkeypatch.setattr(cuda_probe, "PROBE_S", 0.2)
    assert cuda_probe.works() == "a message of GPU memory to itself did not arrive"


def test_what_libraries_want_to_be_told() -> None:
    assert cuda_probe._told({"MPICH_GPU_SUPPORT_ENABLED": "1"})
    assert not cuda_probe._told({"MPICH_GPU_SUPPORT_ENABLED": "0"})
    assert not cuda_probe._told({})


@pytest.mark.skipif(missing_device() is None, reason="says what a host without a GPU lacks")
@pytest.mark.parametrize("name", ["staged", "cuda", "nccl"])
def test_a_transport_says_what_it_lacks(name: str) -> None:
    with pytest.raises(AbsentError, match=f"--transport: needs .*, got '{name}'; use --transport host"):
        _require(name)
    _require("host")


def test_ranks_of_a_node_share_its_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*launcher.SIZE_VARIABLES, *launcher.LOCAL_SIZE_VARIABLES, *launcher.THREADS, "SLURM_PROCID"):
        monkeypatch.delenv(name, raising=False)
    launcher.share_cores(16)
    assert "OMP_NUM_THREADS" not in os.environ  # one process takes what its libraries take
    monkeypatch.setenv("PMI_SIZE", "8")
    monkeypatch.setenv("SLURM_STEP_TASKS_PER_NODE", "4(x2)")
    monkeypatch.setenv("MKL_NUM_THREADS", "3")
    launcher.share_cores(16)
    assert [os.environ[name] for name in launcher.THREADS] == ["4", "4", "3"]
    for name in launcher.THREADS[:2]:
        monkeypatch.delenv(name)
