"""FireCaffe's tree and parameter server: formula, round engine, SimPy and the wire side by side.

    python -m tests.emulated.firecaffe

The server is a host of its own, so it has as many workers as the tree. The formula has the link's rate and no
latency. Prints a table. Needs what the tests of this folder need, and about two minutes.
"""

import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from nearlinear.measure.records import read_record
from nearlinear.models.hardware.message import LinkCost
from nearlinear.reports.comparison import exchange_times
from nearlinear.reports.measured import Summary, summaries
from tests.emulated.cluster import EmulatedCluster, missing

RATE_BIT_PER_S = 50e6  # two cores carry nine TCP stacks at this rate
SIZE_BYTES, ELEMENT_BYTES = 2**19, 4
WORKERS = (2, 4, 8)
SERVERS = {"tree": 0, "ps": 1}
TOLERANCE = 0.05  # of the formula: TCP's headers, latency and the burst of a link that rested
MEASURE = (
    "-m", "nearlinear.cli.app", "measure", "--ops", "allreduce", "--sizes", f"{SIZE_BYTES}..{SIZE_BYTES}",
    "--repetitions", "5", "--precision", "0", "--budget", "120s", "--waiting", "sleep", "-o",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One exchange in four ways, seconds.

    Attributes
    ----------
    algorithm, workers : str, int
        What runs, and among how many that bring gradients.
    formula_s, rounds_s, processes_s : float
        Closed form, round engine, SimPy.
    wire : Summary
        Measured.
    """

    algorithm: str
    workers: int
    formula_s: float
    rounds_s: float
    processes_s: float
    wire: Summary

    @property
    def ratio(self) -> float:
        """Measured over formula."""
        return self.wire.time_s / self.formula_s

    @property
    def agrees(self) -> bool:
        """Whether the wire takes what the formula says, to ``TOLERANCE``."""
        return abs(self.ratio - 1) <= TOLERANCE


def rows_of(folder: Path, workers: Sequence[int] = WORKERS) -> list[Row]:
    """Return both algorithms at every scale."""
    return [_row(name, count, folder) for name in SERVERS for count in workers]


def _row(name: str, workers: int, folder: Path) -> Row:
    cost = LinkCost.of(0.0, RATE_BIT_PER_S / 8)
    times = exchange_times(name, cost, SIZE_BYTES // ELEMENT_BYTES, [workers])
    return Row(
        algorithm=name, workers=workers, formula_s=float(times.formula_s[0]),
        rounds_s=float(times.rounds_s[0]), processes_s=float(times.processes_s[0]),
        wire=_wire(name, workers + SERVERS[name], folder),
    )  # fmt: skip


def _wire(name: str, hosts: int, folder: Path) -> Summary:
    out = folder / f"{name}-{hosts}.jsonl"
    with EmulatedCluster(hosts, RATE_BIT_PER_S) as cluster:
        done = cluster.run(hosts, [*MEASURE, str(out), "--algorithms", name], cwd=folder, timeout=400)
    assert done.returncode == 0, done.stderr
    (found,) = (one for one in summaries(read_record(out).samples) if one.algorithm == name)
    return found


def main() -> int:
    """Print a row per algorithm and scale."""
    if missing() is not None:
        print(missing(), file=sys.stderr)
        return 6
    with tempfile.TemporaryDirectory() as folder:
        rows = rows_of(Path(folder))
    print(
        "| algorithm | workers | formula, ms | round engine, ms | SimPy, ms | wire, ms (5 - 95 %) "
        "| wire / formula | cores busy |"
    )
    print("|---|---:|---:|---:|---:|---:|---:|---:|")
    for row in rows:
        wire = row.wire
        busy = "" if wire.cpu_busy is None else f"{wire.cpu_busy:.0%}"
        measured = f"{wire.time_s * 1e3:.1f} ({wire.low_s * 1e3:.1f} - {wire.high_s * 1e3:.1f})"
        print(
            f"| {row.algorithm} | {row.workers} | {row.formula_s * 1e3:.1f} | {row.rounds_s * 1e3:.1f} "
            f"| {row.processes_s * 1e3:.1f} | {measured} | {row.ratio:.3f} | {busy} |"
        )
    print()
    for count in WORKERS:
        tree, server = (next(r for r in rows if (r.algorithm, r.workers) == (n, count)) for n in SERVERS)
        gain, wired = server.formula_s / tree.formula_s, server.wire.time_s / tree.wire.time_s
        print(f"server / tree at {count} workers: formula {gain:.2f}, wire {wired:.2f}")
    print(
        f"wire within {TOLERANCE:.0%} of the formula at {sum(r.agrees for r in rows)} of {len(rows)} points"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
