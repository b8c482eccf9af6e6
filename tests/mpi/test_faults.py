"""What can go wrong around a measurement: wrong results, outputs, two runs at once, other software."""

import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nearlinear.calibrate.importers import Hints, read_measurements
from nearlinear.calibrate.points import medians
from nearlinear.measure.records import read_record

FAULTY = str(Path(__file__).parent / "faulty_library.py")
QUICK = ["--repetitions", "3", "--precision", "0", "--sizes", "1K..8K", "--ops", "allreduce"]
FOREVER = ["--repetitions", "1000000", "--budget", "300s", "--sizes", "1K..4K", "--ops", "allreduce"]


def test_a_wrong_result_is_reported_not_averaged(ranks: Callable[..., Any], tmp_path: Path) -> None:
    done = ranks(2, [FAULTY, "-o", "run.jsonl", "--algorithms", "vendor", *QUICK])
    assert "measured results are wrong, first allreduce/vendor at 4096 bytes" in done.stderr
    assert "do not use these numbers" in done.stderr
    assert done.returncode == 5
    record = read_record(tmp_path / "run.jsonl")
    assert {(s.size_bytes, s.correct, s.wrong_elements) for s in record.samples} == {
        (1024, True, 0), (2048, True, 0), (4096, False, 1), (8192, False, 1),
    }  # fmt: skip
    points = medians([read_measurements(tmp_path / "run.jsonl", Hints())])
    assert set(points.size_bytes) == {1024, 2048}


def test_a_wrong_result_is_shown(ranks: Callable[..., Any], command: list[str], tmp_path: Path) -> None:
    ranks(2, [FAULTY, "-o", "run.jsonl", "--algorithms", "vendor", *QUICK])
    done = subprocess.run([*command, "records", "show", "run.jsonl"], cwd=tmp_path, capture_output=True,
                          text=True, check=True)  # fmt: skip
    rows = [line.split() for line in done.stdout.splitlines() if line.split()[:1] in (["2048"], ["4096"])]
    assert [(row[0], row[8], row[12]) for row in rows] == [("2048", "0", "0"), ("4096", "1", "1")]


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs a folder that takes no file")
def test_an_output_that_cannot_be_is_said_before_ranks_start(command: list[str], tmp_path: Path) -> None:
    done = subprocess.run(
        [*command, "measure", "--launch", "2", "-o", "/proc/run.jsonl"], cwd=tmp_path, capture_output=True,
        text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.stderr.startswith("error: --out: must lie in a folder that can be written to (")
    assert done.stderr.count("\n") == 1
    assert done.returncode == 3


def test_two_runs_never_share_a_file(
    started: Callable[..., Any], wait_for: Callable[..., None], command: list[str], tmp_path: Path
) -> None:
    first = started("measure", "--launch", "2", "-o", "run.jsonl", *FOREVER)
    wait_for(tmp_path / "run.jsonl", first)
    second = subprocess.run(
        [*command, "measure", "--launch", "2", "-o", "run.jsonl", *QUICK], cwd=tmp_path, capture_output=True,
        text=True, timeout=60, check=False,
    )  # fmt: skip
    assert second.returncode == 3
    assert second.stderr.startswith("error: --out: must be a new file, got 'run.jsonl'")
    first.send_signal(signal.SIGINT)
    first.communicate(timeout=60)
    record = read_record(tmp_path / "run.jsonl")
    assert record.notes == (
        f"{record.path}: the run did not come to its end; {len(record.samples)} samples are there",
    )


def test_of_two_runs_at_once_one_gets_the_file(started: Callable[..., Any], tmp_path: Path) -> None:
    both = [started("measure", "--launch", "2", "-o", "run.jsonl", *QUICK) for _ in range(2)]
    told = [process.communicate(timeout=120) for process in both]
    assert sorted(process.returncode for process in both) == [0, 3], told
    assert read_record(tmp_path / "run.jsonl").complete


def test_an_interruption_of_mpiexec_closes_the_record(
    ranks_started: Callable[..., Any], wait_for: Callable[..., None], tmp_path: Path
) -> None:
    process = ranks_started(3, ["-m", "nearlinear.cli.app", "measure", "-o", "run.jsonl", *FOREVER])
    wait_for(tmp_path / "run.jsonl", process)
    os.killpg(process.pid, signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode != 0
    assert '"reason": "interrupted"' in (tmp_path / "run.jsonl").read_text().splitlines()[-1]


OTHER_VERSIONS = """
import sys
from mpi4py import MPI
from nearlinear.cli import app
from nearlinear.measure import sanity
real = sanity.versions
if MPI.COMM_WORLD.Get_rank() == 1:
    sanity.versions = lambda: real() | {"numpy": "1.0"}
sys.argv = ["nearlinear", "measure", "--out", "run.jsonl"]
app.main()
"""


def test_ranks_with_other_software(ranks: Callable[..., Any], tmp_path: Path) -> None:
    done = ranks(3, ["-c", OTHER_VERSIONS])
    assert done.returncode == 2
    assert "error: measure: rank 1 has numpy 1.0 where others have " in done.stderr
    assert "use the same environment on all nodes" in done.stderr
    assert not (tmp_path / "run.jsonl").exists()


ONE_GPU = """
from mpi4py import MPI
from nearlinear.measure.sanity import check_devices, shared_devices
from nearlinear.models.errors import SpecError

class Buffers:
    name = "cuda"
    def device_id(self):
        return "a" if MPI.COMM_WORLD.Get_rank() < 2 else "b"

try:
    check_devices(shared_devices(MPI.COMM_WORLD, Buffers()), "{name}", {shared})
except SpecError as error:
    print(error)
"""


@pytest.mark.parametrize(
    ("name", "shared", "told"),
    [
        ("mpi-staged", False, "start one rank per GPU, or say --share-gpu"),
        ("mpi-staged", True, ""),
        ("nccl", True, "start one rank per GPU\n"),
    ],
)
def test_ranks_on_one_gpu(ranks: Callable[..., Any], name: str, shared: bool, told: str) -> None:
    done = ranks(3, ["-c", ONE_GPU.format(name=name, shared=shared)])
    assert done.returncode == 0, done.stderr
    assert ("ranks 0, 1 share one GPU" in done.stdout) == bool(told)
    assert told in done.stdout


BOUND = """
import os
from mpi4py import MPI
rank = MPI.COMM_WORLD.Get_rank()
cores = sorted(os.sched_getaffinity(0))
os.sched_setaffinity(0, {cores[rank % len(cores)]})
from nearlinear.measure.placement import Placement
from nearlinear.measure.team import team_of
team = team_of(MPI.COMM_WORLD, Placement.of(MPI.COMM_WORLD), "host", "auto")
os.write(1, f"{team.waiting} ".encode())
"""


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="needs two cores")
def test_ranks_that_are_bound_to_cores_of_their_own_poll(ranks: Callable[..., Any]) -> None:
    assert ranks(2, ["-c", BOUND]).stdout.split() == ["poll", "poll"]
    crowd = len(os.sched_getaffinity(0)) + 1
    assert set(ranks(crowd, ["-c", BOUND]).stdout.split()) == {"sleep"}


ONE_FAILS_LATE = """
import sys
from mpi4py import MPI
from nearlinear.cli import app
from nearlinear.measure import {module}
def failing(*arguments, **more):
    raise OSError(24, "Too many open files")
if MPI.COMM_WORLD.Get_rank() == 1:
    {module}.{name} = failing
sys.argv = ["nearlinear", {arguments}]
app.main()
"""


@pytest.mark.parametrize(
    ("module", "name", "arguments"),
    [
        ("runner", "compare", '"measure"'),
        ("runner", "header", '"measure"'),
        ("runner", "team_of", '"measure"'),
        ("training.trainer", "facts", '"train", "mlp"'),
    ],
)
def test_an_error_on_one_rank_ends_all_while_setting_up(
    ranks: Callable[..., Any], module: str, name: str, arguments: str
) -> None:
    program = ONE_FAILS_LATE.format(module=module, name=name, arguments=arguments)
    program = program.replace(f"import {module}", f"import {module.partition('.')[0]}")
    if "." in module:
        program = program.replace(
            "from nearlinear.measure import training", f"import nearlinear.measure.{module}"
        )
        program = program.replace(f"    {module}.", f"    nearlinear.measure.{module}.")
    done = ranks(3, ["-c", program])
    assert done.returncode == 3, done.stderr
    assert "Too many open files" in done.stderr


LOADER_FAILS = """
import sys
from mpi4py import MPI
from nearlinear.cli import app
from nearlinear.measure.training import loading
if MPI.COMM_WORLD.Get_rank() == 1:
    loading.PROGRAM = "nearlinear.no_such_module"
sys.argv = ["nearlinear", "train", "mlp", "--rule", "{rule}", "--loader", "process", "-o", "t.jsonl"]
app.main()
"""


@pytest.mark.parametrize("rule", ["bsp", "gosgd", "easgd"])
def test_a_loader_that_fails_on_one_rank_ends_all(
    ranks: Callable[..., Any], rule: str, tmp_path: Path
) -> None:
    done = ranks(3, ["-c", LOADER_FAILS.format(rule=rule)])
    assert done.returncode == 8
    assert done.stderr.count("error: loader: must live until it is closed") == 1
    assert not (tmp_path / "t.jsonl").exists()
