"""Several hosts on one Linux machine: network namespaces, joined by a bridge, on links of a given rate.

The bridge has a namespace of its own, so nothing outside is touched, and clusters do not see each other.
A link is shaped in both directions (``tc tbf``), holds what waits instead of dropping it, and carries large
frames: TCP and its headers leave 99.2 % of the rate to messages.

Few hosts tell of many only if a message costs the same alone and among others. So a link that rested lets no
more than 1.5 ms of its rate pass at once: a lone message saves that time, and messages in a row do not. And
a socket takes no more from a sender while 2.5 ms are unsent, frames leaving one by one: what waits there
counts as sent, and the next message would share the link with it. What is sent and not yet confirmed does
not count, because confirmations wait behind what goes the other way.
"""

import itertools
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Self

from nearlinear.measure.launcher import mpiexec
from nearlinear.models.errors import AbsentError

ENTER = Path(__file__).with_name("enter.sh")
PATH = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"])
NETWORK = "10.77.0"  # in namespaces of its own, so it can be in use elsewhere
SWITCH = 254
MTU_BYTES = 9000
FRAME_BYTES = 9216  # the largest frame with its headers
BURST_S, UNSENT_S = 1.5e-3, 2.5e-3
QUEUE_BYTES = 2**24
SEND_BUFFER_BYTES = 2**18
SETTINGS = {
    "tcp_congestion_control": "reno",  # the one that every namespace may use
    "tcp_slow_start_after_idle": "0",
    "tcp_wmem": f"4096 {SEND_BUFFER_BYTES} {SEND_BUFFER_BYTES}",
}
PATIENCE_S = 10.0

_numbers = itertools.count()


class SetupError(Exception):
    """What the kernel or a tool refused."""


@cache
def missing() -> str | None:
    """Return why no cluster can be built here, or None; found by building a small one, once."""
    if sys.platform != "linux":
        return "an emulated cluster needs Linux"
    for tool in ("ip", "tc"):
        if shutil.which(tool, path=PATH) is None:
            return f"an emulated cluster needs {tool} (iproute2)"
    if not _launcher_is_hydra():
        return "an emulated cluster needs mpi4py and the mpiexec of MPICH"
    try:
        with EmulatedCluster(hosts=1, rate_bit_per_s=1e9):
            return None
    except SetupError as error:
        return f"an emulated cluster needs root and a kernel with namespaces and tbf: {error}"


def _launcher_is_hydra() -> bool:
    try:
        done = subprocess.run([mpiexec(), "--version"], capture_output=True, text=True, check=False)
    except (AbsentError, OSError):
        return False
    return find_spec("mpi4py") is not None and "HYDRA" in done.stdout


def _unique() -> str:
    """Return a name that no other cluster on this machine has."""
    return f"nearlinear-{os.getpid()}-{next(_numbers)}"


@dataclass(frozen=True, slots=True)
class EmulatedCluster:
    """A cluster that exists inside a ``with`` block.

    Attributes
    ----------
    hosts : int
        How many hosts there are, 1 to 253.
    rate_bit_per_s : float
        Rate of each host's link, in each direction, headers included.
    shared_memory : bool
        Whether ranks of one host find each other's memory, as on a node with several devices. Where they do
        not, each rank is a node of its own to MPI.
    name : str
        What the names of its namespaces begin with.
    """

    hosts: int
    rate_bit_per_s: float
    shared_memory: bool = False
    name: str = field(default_factory=_unique)

    def __enter__(self) -> Self:
        try:
            self._build()
        except BaseException:
            self._remove()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._remove()

    def node_of(self, rank: int) -> int:
        """Return the host of a rank: ranks are dealt out in turn."""
        return rank % self.hosts

    def namespace(self, host: int) -> str:
        """Return the network namespace that is a host."""
        return f"{self.name}-{host + 1}"

    @property
    def namespaces(self) -> tuple[str, ...]:
        """All namespaces: the hosts', then the bridge's."""
        return (*(self.namespace(host) for host in range(self.hosts)), f"{self.name}-{SWITCH}")

    @property
    def burst_bytes(self) -> int:
        """What a link that rested lets pass at once."""
        return max(FRAME_BYTES, round(self.rate_bit_per_s / 8 * BURST_S))

    @property
    def unsent_bytes(self) -> int:
        """What a socket takes of a sender before it is sent."""
        return max(FRAME_BYTES, round(self.rate_bit_per_s / 8 * UNSENT_S))

    def traffic_bytes(self, host: int) -> tuple[int, int]:
        """Return what a host has sent and received on its link so far, headers included."""
        shown = json.loads(_do("ip", "-n", self.namespace(host), "-s", "-j", "link", "show", "dev", "eth0"))
        return int(shown[0]["stats64"]["tx"]["bytes"]), int(shown[0]["stats64"]["rx"]["bytes"])

    def command(self, ranks: int, arguments: Sequence[str]) -> list[str]:
        """Return the command that starts Python with ``arguments`` on so many ranks."""
        hosts = ",".join(f"{NETWORK}.{host + 1}" for host in range(self.hosts))
        return [
            *_inside(self.namespaces[-1]), mpiexec(), "-launcher", "ssh", "-launcher-exec", str(ENTER),
            "-localhost", f"{NETWORK}.{SWITCH}", "-hosts", hosts, "-n", str(ranks),
            sys.executable, "-P", *arguments,
        ]  # fmt: skip

    def environment(self) -> dict[str, str]:
        """Return the environment of the command, in which ranks of different hosts have only TCP."""
        return os.environ | {
            "PATH": PATH,
            "EMULATED_CLUSTER": self.name,
            "OMP_NUM_THREADS": str(max((os.cpu_count() or 1) // self.hosts, 1)),  # hosts share the cores
            "MPIR_CVAR_NOLOCAL": "0" if self.shared_memory else "1",
            "UCX_TLS": "tcp",
            "UCX_NET_DEVICES": "eth0",
            "UCX_WARN_UNUSED_ENV_VARS": "n",
            "FI_PROVIDER": "tcp",
            "FI_TCP_IFACE": "eth0",
        }

    def run(
        self, ranks: int, arguments: Sequence[str], cwd: Path, timeout: float = 240.0
    ) -> "subprocess.CompletedProcess[str]":
        """Run the command and wait for it; where it is cut short, no rank goes on."""
        try:
            return subprocess.run(
                self.command(ranks, arguments), capture_output=True, text=True, timeout=timeout, cwd=cwd,
                env=self.environment(), check=False,
            )  # fmt: skip
        except BaseException:
            self._end_processes()
            raise

    def _build(self) -> None:
        *hosts, switch = self.namespaces
        _do("ip", "netns", "add", switch)
        _do("ip", "-n", switch, "link", "set", "lo", "up")
        _do("ip", "-n", switch, "link", "add", "name", "br0", "mtu", str(MTU_BYTES), "type", "bridge")
        _do("ip", "-n", switch, "address", "add", f"{NETWORK}.{SWITCH}/24", "dev", "br0")
        _do("ip", "-n", switch, "link", "set", "br0", "up")
        for number, host in enumerate(hosts, start=1):
            self._join(host, number, switch)

    def _join(self, host: str, number: int, switch: str) -> None:
        port, mtu = f"port{number}", ("mtu", str(MTU_BYTES))
        _do("ip", "netns", "add", host)
        _do(*_inside(host), "sh", "-c", _settings(self.unsent_bytes))
        _do("ip", "-n", host, "link", "set", "lo", "up")
        _do("ip", "-n", switch, "link", "add", "name", port, *mtu, "type", "veth",
            "peer", "name", "eth0", *mtu, "netns", host)  # fmt: skip
        _do("ip", "-n", host, "address", "add", f"{NETWORK}.{number}/24", "dev", "eth0")
        _do("ip", "-n", host, "link", "set", "eth0", "gso_max_segs", "1")
        self._shape(host, "eth0")
        self._shape(switch, port)
        _do("ip", "-n", host, "link", "set", "eth0", "up")
        _do("ip", "-n", switch, "link", "set", port, "master", "br0", "up")

    def _shape(self, namespace: str, device: str) -> None:
        """Shape what leaves a device; both ends of a link make both directions."""
        shape = (
            "rate",
            f"{self.rate_bit_per_s:.0f}bit",
            "burst",
            str(self.burst_bytes),
            "limit",
            str(QUEUE_BYTES),
        )
        _do("tc", "-n", namespace, "qdisc", "add", "dev", device, "root", "tbf", *shape)

    def _remove(self) -> None:
        self._end_processes()
        for namespace in self.namespaces:
            with suppress(SetupError):  # it was not built
                _do("ip", "netns", "delete", namespace)

    def _end_processes(self) -> None:
        """Kill what runs in the namespaces, and wait until nothing does."""
        deadline = time.monotonic() + PATIENCE_S
        while (left := self._processes()) and time.monotonic() < deadline:
            for pid in left:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            time.sleep(0.01)

    def _processes(self) -> list[int]:
        """Return what runs in the namespaces, mpiexec first: it would complain of ranks that are gone."""
        found: list[int] = []
        for namespace in reversed(self.namespaces):
            with suppress(SetupError):
                found += [int(pid) for pid in _do("ip", "netns", "pids", namespace).split()]
        return found


def _inside(namespace: str) -> tuple[str, ...]:
    """Return what goes before a command that is to run in a namespace."""
    return ("ip", "netns", "exec", namespace)


def _settings(unsent_bytes: int) -> str:
    """Return the commands that set up TCP in a namespace."""
    wanted = SETTINGS | {"tcp_notsent_lowat": str(unsent_bytes)}
    return " && ".join(f"echo {value} > /proc/sys/net/ipv4/{name}" for name, value in wanted.items())


def _do(*command: str) -> str:
    """Run a tool and return what it prints.

    Raises
    ------
    SetupError
        Names the command and the first line of what was wrong with it.
    """
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, env=os.environ | {"PATH": PATH}
    )
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or [f"status {done.returncode}"])[0]
        raise SetupError(f"{' '.join(command)}: {reason}")
    return done.stdout
