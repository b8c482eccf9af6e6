"""Starting ranks on this host, and stopping them whole."""

import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from nearlinear.measure.environment import cores
from nearlinear.measure.header import LAUNCH_VARIABLE, RUN_VARIABLE
from nearlinear.measure.launcher import THREADS, mpiexec, require_matching
from nearlinear.measure.progress import is_live

GRACE_S = 10.0


@dataclass(frozen=True, slots=True)
class Launched:
    """What came of ranks that were started here: exit status, what they printed, an interruption.

    ``run_id`` is that of the record they wrote, if any.
    """

    status: int
    output: str
    interrupted: bool
    run_id: str


def launch(starter: str, ranks: int, arguments: Sequence[str]) -> Launched:
    """Start ``nearlinear`` with ``arguments`` on so many local ranks and wait for them.

    Progress goes to standard error as it comes; what the ranks print is returned.
    """
    require_matching(starter)
    command = [starter, "-n", str(ranks), sys.executable, "-P", "-m", "nearlinear.cli.app", *arguments]
    run_id = uuid.uuid4().hex
    with (
        _termination_as_interruption(),
        subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
            env=_environment(ranks) | is_live() | {RUN_VARIABLE: run_id, LAUNCH_VARIABLE: str(ranks)},
        ) as process,  # fmt: skip
    ):
        try:
            output, _ = process.communicate()
            return Launched(process.returncode, output, False, run_id)
        except KeyboardInterrupt:
            return Launched(130, _stop(process), True, run_id)


def launch_program(ranks: int, arguments: Sequence[str]) -> int:
    """Run a Python program on so many local ranks and return its status; it prints for itself."""
    command = [mpiexec(), "-n", str(ranks), sys.executable, "-P", *arguments]
    return subprocess.run(command, env=_environment(ranks), check=False).returncode


@contextmanager
def _termination_as_interruption() -> Iterator[None]:
    """Let SIGTERM stop the ranks, too: they would go on without their parent."""

    def interrupt(number: int, frame: Any) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _stop(process: subprocess.Popen[str]) -> str:
    """Pass an interruption on, wait for the ranks to close their record, then make sure."""
    os.killpg(process.pid, signal.SIGINT)
    try:
        output, _ = process.communicate(timeout=GRACE_S)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        output, _ = process.communicate()
    return output


def _environment(ranks: int) -> dict[str, str]:
    """Return the environment in which Open MPI, too, starts more ranks than cores, and as root."""
    threads = dict.fromkeys(THREADS, str(max(cores() // ranks, 1)))
    extra = {"PRTE_MCA_rmaps_default_mapping_policy": ":oversubscribe"} | threads
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        extra |= {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}
    return extra | os.environ
