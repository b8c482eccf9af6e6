"""The emulated cluster itself: what it promises to the tests that run on it."""

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.emulated import cluster as module
from tests.emulated.cluster import FRAME_BYTES, MTU_BYTES, EmulatedCluster, SetupError, missing

RATE_BIT_PER_S = 200e6
MESSAGE_BYTES = 4_000_000
OTHER_BYTES = 400_000  # more than starting ranks takes, less than any message here

needs_cluster = pytest.mark.skipif(missing() is not None, reason=missing() or "")
starts_ranks = pytest.mark.mpi

WHERE = """
import os, sys
from mpi4py import MPI
from nearlinear.measure.placement import Placement
comm = MPI.COMM_WORLD
here = os.stat("/proc/self/ns/net").st_ino
everyone = comm.gather(here)
placement = Placement.of(comm)
if comm.Get_rank() == 0:
    print(everyone, list(placement.node_of), placement.nodes, sep=chr(10))
"""

MESSAGE = f"""
import numpy as np
from mpi4py import MPI
comm, vector = MPI.COMM_WORLD, np.zeros({MESSAGE_BYTES}, dtype=np.uint8)
if comm.Get_rank() == 1:
    comm.Send(vector, dest=0)
elif comm.Get_rank() == 0:
    comm.Recv(vector, source=1)
comm.Barrier()
"""


@pytest.fixture(scope="module")
def cluster() -> Iterator[EmulatedCluster]:
    with EmulatedCluster(hosts=3, rate_bit_per_s=RATE_BIT_PER_S) as built:
        yield built


def _where(cluster: EmulatedCluster, ranks: int, cwd: Path) -> tuple[list[int], list[int], int]:
    """Return the network namespace of every rank, its node to MPI, and how many nodes MPI sees."""
    done = cluster.run(ranks, ["-c", WHERE], cwd)
    assert (done.returncode, done.stderr) == (0, "")
    namespaces, node_of, nodes = (json.loads(line) for line in done.stdout.splitlines())
    return namespaces, node_of, nodes


def _inode(namespace: str) -> int:
    """Return the number of a network namespace, as a process inside finds it."""
    shown = subprocess.run(
        ["ip", "netns", "exec", namespace, "stat", "-Lc", "%i", "/proc/self/ns/net"],
        capture_output=True, text=True, check=True, env=_environment(),
    )  # fmt: skip
    return int(shown.stdout)


def _environment() -> dict[str, str]:
    return EmulatedCluster(hosts=1, rate_bit_per_s=RATE_BIT_PER_S).environment()


def _left(cluster: EmulatedCluster) -> list[str]:
    """Return the cluster's namespaces that exist."""
    listed = subprocess.run(
        ["ip", "netns", "list"], capture_output=True, text=True, check=True, env=_environment()
    )
    return [line.split()[0] for line in listed.stdout.splitlines() if line.startswith(f"{cluster.name}-")]


def _started(cluster: EmulatedCluster, command: Sequence[str], lines: int) -> "subprocess.Popen[str]":
    """Start something that would outlive its cluster, and wait until it says so."""
    process = subprocess.Popen(command, text=True, stdout=subprocess.PIPE, env=cluster.environment())
    assert process.stdout is not None
    assert [process.stdout.readline() for _ in range(lines)] == ["here\n"] * lines
    process.stdout.close()
    return process


@needs_cluster
@starts_ranks
def test_each_rank_is_on_its_own_host_and_node(cluster: EmulatedCluster, tmp_path: Path) -> None:
    namespaces, node_of, nodes = _where(cluster, 3, tmp_path)
    assert namespaces == [_inode(cluster.namespace(cluster.node_of(rank))) for rank in range(3)]
    assert len(set(namespaces)) == nodes == cluster.hosts
    assert node_of == [0, 1, 2]


@needs_cluster
@starts_ranks
@pytest.mark.parametrize(("shared_memory", "nodes"), [(True, 2), (False, 5)])
def test_more_ranks_than_hosts_are_dealt_out_in_turn(shared_memory: bool, nodes: int, tmp_path: Path) -> None:
    with EmulatedCluster(hosts=2, rate_bit_per_s=RATE_BIT_PER_S, shared_memory=shared_memory) as cluster:
        namespaces, node_of, seen = _where(cluster, 5, tmp_path)
        assert namespaces == [_inode(cluster.namespace(cluster.node_of(rank))) for rank in range(5)]
    assert [cluster.node_of(rank) for rank in range(5)] == [0, 1, 0, 1, 0]
    assert seen == nodes
    assert node_of == ([0, 1, 0, 1, 0] if shared_memory else [0, 1, 2, 3, 4])


@needs_cluster
@starts_ranks
@pytest.mark.parametrize("shared_memory", [False, True])
def test_a_message_crosses_the_links_of_its_two_hosts(shared_memory: bool, tmp_path: Path) -> None:
    with EmulatedCluster(hosts=3, rate_bit_per_s=RATE_BIT_PER_S, shared_memory=shared_memory) as cluster:
        before = [cluster.traffic_bytes(host) for host in range(3)]
        done = cluster.run(3, ["-c", MESSAGE], tmp_path)
        after = [cluster.traffic_bytes(host) for host in range(3)]
    assert (done.returncode, done.stderr) == (0, "")
    sent = [b[0] - a[0] for a, b in zip(before, after, strict=True)]
    received = [b[1] - a[1] for a, b in zip(before, after, strict=True)]
    assert MESSAGE_BYTES < sent[1] < MESSAGE_BYTES + OTHER_BYTES
    assert MESSAGE_BYTES < received[0] < MESSAGE_BYTES + OTHER_BYTES
    assert max(sent[0], received[1], sent[2], received[2]) < OTHER_BYTES


@needs_cluster
@starts_ranks
def test_links_are_shaped_and_lose_nothing(tmp_path: Path) -> None:
    """A shaper that held a packet back says so, at both ends of the way."""
    with EmulatedCluster(hosts=2, rate_bit_per_s=RATE_BIT_PER_S) as cluster:
        assert cluster.run(2, ["-c", MESSAGE], tmp_path).returncode == 0
        ways = [(cluster.namespace(1), "eth0"), (cluster.namespaces[-1], "port1")]
        shown = [_shaper(namespace, device) for namespace, device in ways]
    for shaper in shown:
        assert shaper["kind"] == "tbf"
        assert shaper["options"]["rate"] == RATE_BIT_PER_S / 8
        assert shaper["options"]["burst"] == pytest.approx(cluster.burst_bytes, rel=0.01)
        assert shaper["drops"] == 0
    assert shown[0]["overlimits"] > 0


def _shaper(namespace: str, device: str) -> dict[str, Any]:
    shown = subprocess.run(
        ["tc", "-n", namespace, "-s", "-j", "qdisc", "show", "dev", device],
        capture_output=True, text=True, check=True, env=_environment(),
    )  # fmt: skip
    return dict(json.loads(shown.stdout)[0])


def test_what_a_link_saves_a_lone_message_is_a_time() -> None:
    """1.5 ms of 50 Mbit/s are 9,375 bytes, 2.5 ms 15,625; a frame fits in any case."""
    cluster, slow = EmulatedCluster(1, 50e6), EmulatedCluster(1, 1e6)
    assert (cluster.burst_bytes, cluster.unsent_bytes) == (9375, 15625)
    assert slow.burst_bytes == slow.unsent_bytes == FRAME_BYTES > MTU_BYTES


@needs_cluster
def test_nothing_is_left_behind() -> None:
    with EmulatedCluster(hosts=2, rate_bit_per_s=RATE_BIT_PER_S) as cluster:
        assert sorted(_left(cluster)) == sorted(cluster.namespaces)
        assert len(cluster.namespaces) == 3
    assert _left(cluster) == []


@needs_cluster
def test_nothing_is_left_behind_by_a_failure_inside() -> None:
    cluster = EmulatedCluster(hosts=2, rate_bit_per_s=RATE_BIT_PER_S)
    sleeps = ["ip", "netns", "exec", cluster.namespace(1), "sh", "-c", "echo here; exec sleep 600"]
    processes = []
    with pytest.raises(ZeroDivisionError), cluster:  # noqa: PT012
        processes.append(_started(cluster, sleeps, lines=1))
        raise ZeroDivisionError
    assert _left(cluster) == []
    assert processes[0].wait(timeout=10.0) == -9


@needs_cluster
def test_a_cluster_that_cannot_be_built_is_taken_down_again(monkeypatch: pytest.MonkeyPatch) -> None:
    built: list[str] = []

    def fails_late(cluster: EmulatedCluster, namespace: str, device: str) -> None:
        built.extend(_left(cluster))
        if len(set(built)) == 3:
            raise SetupError("tc: no more")

    monkeypatch.setattr(EmulatedCluster, "_shape", fails_late)
    cluster = EmulatedCluster(hosts=4, rate_bit_per_s=RATE_BIT_PER_S)
    with pytest.raises(SetupError, match="no more"):
        cluster.__enter__()
    assert len(set(built)) == 3
    assert _left(cluster) == []


@needs_cluster
def test_a_refusal_names_the_command() -> None:
    with pytest.raises(SetupError, match="^tc -n .* tbf rate 0bit .*: .*rate"):
        EmulatedCluster(hosts=1, rate_bit_per_s=0.0).__enter__()


@needs_cluster
@starts_ranks
def test_no_rank_goes_on_after_its_time_is_up(cluster: EmulatedCluster, tmp_path: Path) -> None:
    waits = ["-c", "import os, time; os.write(1, b'here\\n'); time.sleep(600)"]
    process = _started(cluster, cluster.command(3, waits), lines=3)
    with pytest.raises(subprocess.TimeoutExpired):
        cluster.run(3, waits, tmp_path, timeout=0.1)
    assert cluster._processes() == []
    assert process.wait(timeout=10.0) == -9
    assert cluster.run(3, ["-c", MESSAGE], tmp_path).returncode == 0


@needs_cluster
@starts_ranks
def test_clusters_do_not_see_each_other(cluster: EmulatedCluster, tmp_path: Path) -> None:
    before = cluster.traffic_bytes(0)
    with EmulatedCluster(hosts=2, rate_bit_per_s=RATE_BIT_PER_S) as other:
        assert not {*other.namespaces} & {*cluster.namespaces}
        assert other.run(2, ["-c", MESSAGE], tmp_path).returncode == 0
        assert other.traffic_bytes(0)[1] > MESSAGE_BYTES
    assert sum(cluster.traffic_bytes(0)) - sum(before) < OTHER_BYTES


@pytest.mark.skipif(sys.platform != "linux", reason="the platform is looked at first")
def test_an_absent_tool_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(module, "PATH", str(tmp_path))
    assert missing.__wrapped__() == "an emulated cluster needs ip (iproute2)"


def test_another_platform_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    assert missing.__wrapped__() == "an emulated cluster needs Linux"


@needs_cluster
def test_an_absent_launcher_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "mpiexec", lambda: "/bin/true")
    assert missing.__wrapped__() == "an emulated cluster needs mpi4py and the mpiexec of MPICH"


@needs_cluster
def test_what_the_kernel_refuses_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuses(*command: str) -> str:
        raise SetupError("ip netns add x: Operation not permitted")

    monkeypatch.setattr(module, "_do", refuses)
    told = missing.__wrapped__()
    assert told is not None
    assert told.endswith("namespaces and tbf: ip netns add x: Operation not permitted")
