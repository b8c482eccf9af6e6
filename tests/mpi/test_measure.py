"""``nearlinear measure`` on real ranks: a whole run, and every way in which a run can end early."""

import json
import os
import re
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nearlinear.measure.records import read_record

FOREVER = ["--repetitions", "1000000", "--budget", "300s", "--sizes", "1K..4K", "--ops", "allreduce"]


def _ranks_of(process: "subprocess.Popen[str]") -> list[int]:
    """Return the process numbers of the ranks that a launching process has below it."""
    below, found = [process.pid], []
    while below:
        parent = below.pop()
        children = subprocess.run(["ps", "-o", "pid=", "--ppid", str(parent)], capture_output=True, text=True)
        pids = [int(pid) for pid in children.stdout.split()]
        found += [] if pids else [parent]
        below += pids
    return found


def test_a_whole_run(command: list[str], tmp_path: Path) -> None:
    done = subprocess.run(
        [*command, "measure", "--launch", "2", "--budget", "20s", "--sizes", "1K..64K", "--repetitions", "4",
         "-o", "run.jsonl", "--json"],
        cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert document["inputs"] == {"record": "run.jsonl"}
    record = read_record(tmp_path / "run.jsonl")
    assert record.complete
    assert record.notes == ()
    assert {s.algorithm for s in record.samples} == {"vendor", "ring", "tree", "recursive-doubling"}
    assert all(s.correct and s.per_rank_s and max(s.per_rank_s) == s.time_s for s in record.samples)
    assert record.header["ranks"] == 2
    assert len(record.header["hosts"]) == 2
    assert record.header["command"][:2] == ["nearlinear", "measure"]
    rows = document["result"]["operations"]
    assert sum(row["samples"] for row in rows) == len(record.samples)


def test_a_parameter_server_takes_a_rank(command: list[str], tmp_path: Path) -> None:
    subprocess.run(
        [*command, "measure", "--launch", "3", "--budget", "20s", "--sizes", "1K..2K", "--repetitions", "2",
         "--ops", "allreduce", "--algorithms", "ps,ring", "-o", "run.jsonl"],
        cwd=tmp_path, capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    samples = read_record(tmp_path / "run.jsonl").samples
    workers = {s.algorithm: (s.ranks, len(s.per_rank_s or ())) for s in samples}
    assert workers["ps"][0] == 2
    assert workers["ring"] == (3, 3)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interruption_keeps_what_was_sampled(
    started: Callable[..., Any], wait_for: Callable[..., None], tmp_path: Path, number: signal.Signals
) -> None:
    process = started("measure", "--launch", "2", "-o", "run.jsonl", *FOREVER)
    wait_for(tmp_path / "run.jsonl", process)
    process.send_signal(number)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    kept = re.search(r"(\d+) samples are kept in run.jsonl\ninterrupted\n$", errors)
    record = read_record(tmp_path / "run.jsonl")
    assert kept is not None, errors
    assert len(record.samples) == int(kept[1]) > 10
    assert not record.complete
    assert "Traceback" not in errors
    assert '"reason": "interrupted"' in (tmp_path / "run.jsonl").read_text().splitlines()[-1]


def test_a_killed_rank_keeps_what_was_sampled(
    started: Callable[..., Any], wait_for: Callable[..., None], tmp_path: Path
) -> None:
    process = started("measure", "--launch", "2", "-o", "run.jsonl", *FOREVER)
    wait_for(tmp_path / "run.jsonl", process)
    os.kill(_ranks_of(process)[-1], signal.SIGKILL)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 8
    assert re.search(r"error: measure: a rank ended early \(status -?\d+\); \d+ samples are kept in", errors)
    assert len(read_record(tmp_path / "run.jsonl").samples) > 10
    assert "Traceback" not in errors


def test_calibrate_reads_an_interrupted_record(
    started: Callable[..., Any], wait_for: Callable[..., None], command: list[str], tmp_path: Path
) -> None:
    sizes = [*FOREVER[:-4], "--sizes", "256..1M", "--ops", "allreduce"]
    process = started("measure", "--launch", "2", "-o", "run.jsonl", *sizes)
    wait_for(tmp_path / "run.jsonl", process, 400_000)  # some samples of every size
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    done = subprocess.run(
        [*command, "calibrate", "run.jsonl", "-o", "p.toml"], cwd=tmp_path, capture_output=True, text=True,
        timeout=240, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "the run did not come to its end" in done.stderr
    assert (tmp_path / "p.toml").exists()


def test_a_full_disk_ends_all_ranks(command: list[str], tmp_path: Path) -> None:
    """A limit on file size stands in for the disk; it must leave room for MPI's own shared memory."""
    line = " ".join(
        [*command, "measure", "--launch", "2", "-o", "run.jsonl", "--algorithms", "vendor", *FOREVER]
    )
    done = subprocess.run(
        ["bash", "-c", f"ulimit -f 4400; {line}"], cwd=tmp_path, capture_output=True, text=True, timeout=240,
        check=False,
    )  # fmt: skip
    assert "error: run.jsonl: cannot be written (File too large)" in done.stderr
    assert done.returncode == 8
    assert len(read_record(tmp_path / "run.jsonl").samples) > 1000
    assert "Traceback" not in done.stderr


def test_one_rank_is_not_enough(ranks: Callable[..., Any], tmp_path: Path) -> None:
    done = ranks(1, ["-m", "nearlinear.cli.app", "measure", "-o", "run.jsonl"])
    assert done.returncode == 2
    assert "error: measure: needs at least 2 ranks, got 1; mpiexec -n 2 nearlinear measure" in done.stderr
    assert not (tmp_path / "run.jsonl").exists()


def test_ranks_that_mpi_did_not_join(ranks: Callable[..., Any], tmp_path: Path) -> None:
    """A launcher of another MPI starts strangers: it says 4, MPI says 2."""
    program = tmp_path / "strangers.py"
    program.write_text(
        "import os, sys\n"
        "from mpi4py import MPI\n"
        "os.environ['PMI_SIZE'] = '4'\n"
        "sys.argv = ['nearlinear', 'measure', '-o', 'run.jsonl']\n"
        "from nearlinear.cli.app import main\n"
        "main()\n"
    )
    done = ranks(2, [str(program)])
    assert done.returncode == 2
    assert "the launcher started 4 processes but MPI joined 2; use the mpiexec of the MPI" in done.stderr
    assert not (tmp_path / "run.jsonl").exists()
