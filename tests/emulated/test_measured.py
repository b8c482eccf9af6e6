"""The runner on an emulated cluster: real messages over shaped links, exact sums, the processors' load."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nearlinear.measure.protocol.load import LIMIT
from nearlinear.measure.records import Record, read_record, samples_by
from tests.emulated.cluster import EmulatedCluster, missing

pytestmark = pytest.mark.skipif(missing() is not None, reason=str(missing()))
PROGRAM = Path(__file__).parents[1] / "mpi" / "sums_on_the_wire.py"
SIZE = 256 * 1024
MEASURE = [
    "-m", "nearlinear.cli.app", "measure", "--ops", "allreduce", "--algorithms", "ring,tree,ps,ps-sharded",
    "--sizes", f"{SIZE}..{SIZE}", "--repetitions", "3", "--precision", "0", "--budget", "120s",
    "-o", "run.jsonl",
]  # fmt: skip
SENT = {  # vectors that the busiest rank sends: p workers
    "ring": lambda p: 2 * (p - 1) / p,
    "tree": lambda p: np.ceil(np.log2(p)),
    "ps": lambda p: p,
    "ps-sharded": lambda p: 2 * (p - 1) / p,
}


def _measured(cluster: EmulatedCluster, hosts: int, folder: Path, *more: str) -> Record:
    done = cluster.run(hosts, [*MEASURE, *more], cwd=folder, timeout=240)
    assert done.returncode == 0, done.stderr
    return read_record(folder / "run.jsonl")


@pytest.mark.parametrize(("hosts", "rate_bit_per_s"), [(2, 200e6), (4, 200e6), (8, 50e6)])
def test_ring_tree_and_server_over_shaped_links(hosts: int, rate_bit_per_s: float, tmp_path: Path) -> None:
    with EmulatedCluster(hosts, rate_bit_per_s) as cluster:
        record = _measured(cluster, hosts, tmp_path)
        most = max(cluster.traffic_bytes(host)[0] for host in range(hosts))
    assert record.complete
    assert (record.header["ranks"], record.header["nodes"]) == (hosts, hosts)
    cells = samples_by(record.samples, "algorithm", "ranks")
    wanted = {("ring", hosts), ("tree", hosts), ("ps", hosts - 1), ("ps-sharded", hosts)}
    assert set(cells) == (wanted - {("ps", 1)})  # a server leaves one worker of two
    assert all(s.correct and s.nodes == hosts for s in record.samples)
    sent = sum(len(group) * SENT[name](ranks) for (name, ranks), group in cells.items())
    assert most > 0.3 * sent * SIZE  # the vectors did leave through the links, not through shared memory
    assert all(s.processor_bound == _exceeds(record, s) for s in record.samples)


def _exceeds(record: Record, sample: Any) -> bool:
    busy, waiting = sample.cpu_busy or 0.0, sample.cpu_waiting or 0.0
    return waiting > LIMIT or (busy > LIMIT and record.header["protocol"]["waiting"] == "sleep")


@contextmanager
def _busy_cores() -> Iterator[None]:
    """Keep every core busy twice over."""
    import os

    spin = [sys.executable, "-c", "while True: pass"]
    spinners = [subprocess.Popen(spin) for _ in range(2 * (os.cpu_count() or 1))]
    try:
        yield
    finally:
        for spinner in spinners:
            spinner.kill()
            spinner.wait()


def test_points_that_the_processors_limit_are_marked(tmp_path: Path) -> None:
    with EmulatedCluster(4, 20e6) as cluster, _busy_cores():
        record = _measured(cluster, 4, tmp_path, "--waiting", "sleep")
    known = [s for s in record.samples if s.cpu_busy is not None]
    assert known
    assert all(s.cpu_busy is not None and s.cpu_busy > LIMIT and s.processor_bound for s in known)


def test_every_result_is_exact_over_the_links(tmp_path: Path) -> None:
    with EmulatedCluster(3, 1e9) as cluster:
        done = cluster.run(3, [str(PROGRAM), "sleep"], cwd=tmp_path, timeout=240)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "wrong on 0" in done.stdout


def test_several_scales_in_one_job(tmp_path: Path) -> None:
    with EmulatedCluster(4, 200e6) as cluster:
        record = _measured(cluster, 4, tmp_path, "--ranks-sweep", "2,4,0+3", "--algorithms", "ring")
    assert {(s.ranks, s.nodes, s.among) for s in record.samples} == {
        (2, 2, None),
        (4, 4, None),
        (2, 2, (0, 3)),
    }
