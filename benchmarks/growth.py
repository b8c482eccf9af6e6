"""Growth of time and memory with ranks: training steps and a flat ring on a three-level fat tree.

    python benchmarks/growth.py [FIGURE.svg]

Every point is a fresh interpreter; CPU time of one core without start-up, peak memory of the process.
The table and the figure of docs/simulator.md are this output.
"""

import resource
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

RANKS = (1024, 4096, 16384, 65536)
WORK = {
    "halving-doubling": "step of ResNet-50, halving-doubling",
    "hierarchical": "step of ResNet-50, two levels",
    "ring": "flat ring, no repeat detection",
}
RING_LIMIT = 16384


def step(algorithm: str, ranks: int) -> None:
    """Run a bucketed data-parallel step."""
    from nearlinear.models.scenario import Scenario
    from nearlinear.simulator.simulation import simulate
    from nearlinear.simulator.steps.conditions import Conditions

    outer = {"outer": "halving-doubling"} if algorithm == "hierarchical" else {}
    scenario = Scenario.of(
        model="resnet-50", cluster="dgx-h100", devices=str(ranks), samples=1, algorithm=algorithm, **outer
    )
    simulate(scenario, "rounds", Conditions(fabric="fat-tree:levels=3"))


def ring(ranks: int) -> None:
    """Run a flat ring message by message."""
    from nearlinear.models.collectives import ALGORITHMS, Choices
    from nearlinear.models.hardware.message import LinkCost
    from nearlinear.models.hardware.topology import Topology
    from nearlinear.simulator.exchange import Vector
    from nearlinear.simulator.fabrics.fabric import Fabric
    from nearlinear.simulator.fabrics.spec import read_fabric
    from nearlinear.simulator.rounds.engine import Way, run_rounds

    schedule = ALGORITHMS["ring"].schedule_for(ranks, Choices())
    network = read_fabric("fat-tree:levels=3", ranks)
    topology = Topology.flat(LinkCost.of(1e-6, 1e10, 1e-11))
    fabric = Fabric.of(topology, schedule, network=network, hosts=np.arange(ranks))
    run_rounds(schedule, fabric, Vector(elements=ranks * 256), way=Way(compile=True, repeats=False))


def measure(work: str, ranks: int) -> None:
    """Print CPU seconds of the second run and peak MiB of this process."""
    for _ in range(2):
        start = time.process_time()
        ring(ranks) if work == "ring" else step(work, ranks)
        taken = time.process_time() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(taken, peak)


def collect() -> dict[str, list[tuple[int, float, float]]]:
    """Return (ranks, seconds, MiB) of every work and scale."""
    found: dict[str, list[tuple[int, float, float]]] = {work: [] for work in WORK}
    for work, rows in found.items():
        for ranks in RANKS:
            if work == "ring" and ranks > RING_LIMIT:
                continue
            done = subprocess.run(
                [sys.executable, __file__, "--measure", work, str(ranks)], capture_output=True, text=True,
                check=True,
            )  # fmt: skip
            seconds, peak = map(float, done.stdout.split())
            rows.append((ranks, seconds, peak))
            print(f"| {WORK[work]} | {ranks:,} | {seconds:.2f} s | {peak:,.0f} MiB |", flush=True)
    return found


def draw(found: dict[str, list[tuple[int, float, float]]], path: Path) -> None:
    """Draw time and memory over ranks."""
    from matplotlib.figure import Figure

    from nearlinear.reports.figures import save

    figure = Figure(figsize=(8, 3.4), layout="constrained")
    for index, label in ((1, "CPU seconds, one core"), (2, "peak memory, MiB")):
        axes = figure.add_subplot(1, 2, index)
        for work, rows in found.items():
            axes.plot([row[0] for row in rows], [row[index] for row in rows], marker="o", label=WORK[work])
        axes.set_xscale("log", base=2)
        axes.set_yscale("log")
        axes.set_xticks(RANKS, [f"{ranks:,}" for ranks in RANKS])
        axes.set_xlabel("ranks")
        axes.set_ylabel(label)
        axes.grid(alpha=0.3)
    figure.axes[0].legend(fontsize=7)
    save(figure, path)


def main() -> None:
    """Print the table, and draw the figure where a path is given."""
    if sys.argv[1:2] == ["--measure"]:
        measure(sys.argv[2], int(sys.argv[3]))
        return
    print("| work | ranks | CPU time | peak memory |\n|---|---|---|---|")
    found = collect()
    if len(sys.argv) > 1:
        draw(found, Path(sys.argv[1]))


if __name__ == "__main__":
    main()
