"""Our rounds on the emulated cluster against the closed forms: how much of the wire's time is explained.

    python -m tests.emulated.paper

Prints a table; the formula has the link's rate and no latency. Needs what the tests of this folder need.
"""

import sys
import tempfile
from pathlib import Path

from nearlinear.measure.records import read_record
from nearlinear.models.collectives import ALGORITHMS, Choices
from nearlinear.models.hardware.message import LinkCost
from nearlinear.models.hardware.topology import Topology
from nearlinear.reports.measured import Summary, summaries
from tests.emulated.cluster import EmulatedCluster, missing

CLUSTERS = ((2, 200e6), (4, 200e6), (8, 50e6))
NAMES = "ring,halving-doubling,tree,ps,ps-sharded,asa"
SIZE = 2**20
COMMAND = [
    "-m", "nearlinear.cli.app", "measure", "--ops", "allreduce", "--algorithms", NAMES, "--wire",
    "same,float16", "--sizes", f"{SIZE}..{SIZE}", "--repetitions", "5", "--precision", "0", "--budget",
    "300s", "-o", "run.jsonl",
]  # fmt: skip


def main() -> int:
    """Print a row per cluster, algorithm and type on the wire."""
    if missing() is not None:
        print(missing(), file=sys.stderr)
        return 6
    print(
        "| hosts, link | algorithm | workers | measured, ms (5 - 95 %) | on paper, ms | ratio | cores busy |"
    )
    print("|---|---|---:|---:|---:|---:|---:|")
    for hosts, rate_bit_per_s in CLUSTERS:
        for row in _measured(hosts, rate_bit_per_s):
            _print(hosts, rate_bit_per_s, row)
    return 0


def _measured(hosts: int, rate_bit_per_s: float) -> list[Summary]:
    with tempfile.TemporaryDirectory() as folder, EmulatedCluster(hosts, rate_bit_per_s) as cluster:
        done = cluster.run(hosts, COMMAND, cwd=Path(folder), timeout=400)
        assert done.returncode == 0, done.stderr
        return summaries(read_record(Path(folder) / "run.jsonl").samples)


def _print(hosts: int, rate_bit_per_s: float, row: Summary) -> None:
    cost = LinkCost.of(0.0, rate_bit_per_s / 8)
    choices = Choices(wire_fraction=0.5 if row.wire_dtype else 1.0)
    paper_s = float(ALGORITHMS[row.algorithm].time_s(Topology.flat(cost), row.ranks, row.size_bytes, choices))
    name = row.algorithm + (f", {row.wire_dtype} on the wire" if row.wire_dtype else "")
    busy = "" if row.cpu_busy is None else f"{row.cpu_busy:.0%}"
    measured = f"{row.time_s * 1e3:.1f} ({row.low_s * 1e3:.1f} - {row.high_s * 1e3:.1f})"
    print(
        f"| {hosts} x {rate_bit_per_s / 1e6:.0f} Mbit/s | {name} | {row.ranks} | {measured} "
        f"| {paper_s * 1e3:.1f} | {row.time_s / paper_s:.3f} | {busy} |",
        flush=True,
    )


if __name__ == "__main__":
    sys.exit(main())
