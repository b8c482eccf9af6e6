"""Speed, as ratios on the same work in the same run.

    python benchmarks/speed.py

CPU time of this process after a warm-up, best of several; cold starts are of a fresh interpreter. The
table of docs/benchmarks.md is this output.
"""

import subprocess
import sys
import time
from collections.abc import Callable
from importlib.util import find_spec
from resource import RUSAGE_CHILDREN, getrusage

import numpy as np

from nearlinear.models.closed_form import predict
from nearlinear.models.collectives import ALGORITHMS, Choices
from nearlinear.models.hardware.message import LinkCost
from nearlinear.models.hardware.topology import Topology
from nearlinear.models.scenario import Scenario
from nearlinear.simulator.engines import Engine, run_schedule
from nearlinear.simulator.exchange import Vector
from nearlinear.simulator.fabrics.fabric import Fabric
from nearlinear.simulator.rounds.packing import Packed

BEST_OF = 5
RANKS = 128
SAMPLES = 101
GRID = 1_000_000


def cpu_s(work: Callable[[], object], times: int = BEST_OF) -> float:
    """Return the least CPU time of some calls, after one that does not count."""
    work()
    found = []
    for _ in range(times):
        start = time.process_time()
        work()
        found.append(time.process_time() - start)
    return min(found)


def cold_s(*arguments: str) -> float:
    """Return the CPU time of a fresh interpreter."""
    before = getrusage(RUSAGE_CHILDREN)
    subprocess.run([sys.executable, *arguments], check=True, capture_output=True)
    after = getrusage(RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def engines(name: str) -> None:
    """Print messages per second of both engines on one schedule."""
    schedule = ALGORITHMS[name].schedule_for(RANKS, Choices())
    vector = Vector(elements=RANKS * 1000)

    def run(engine: str, samples: int) -> tuple[float, int]:
        cost = LinkCost(
            latency_s=np.full((samples, 1), 1e-6), seconds_per_byte=(np.full((samples, 1), 1e-9),),
            break_bytes=(), reduction_s_per_byte=np.full((samples, 1), 1e-10),
        )  # fmt: skip
        fabric = Fabric.of(Topology.flat(cost), schedule)
        packed, chosen = Packed(schedule, fabric, vector), Engine.of(engine)
        messages = run_schedule(chosen, packed).messages * samples
        return cpu_s(lambda: run_schedule(chosen, packed), 2 if engine == "simpy" else 5), messages

    rows = {
        "SimPy": run("simpy", 1),
        "round engine, 1 sample": run("rounds", 1),
        f"round engine, {SAMPLES} samples": run("rounds", SAMPLES),
    }
    base = rows["SimPy"][1] / rows["SimPy"][0]
    for label, (seconds, messages) in rows.items():
        rate = messages / seconds
        print(f"| {name}, {RANKS} ranks | {label} | {rate:,.0f} messages/s | {rate / base:,.0f} x |")


def closed_forms() -> None:
    """Print closed-form exchange times per second, over an array and one by one."""
    topology = Topology.flat(LinkCost.of(1e-6, 1e9, 1e-10))
    sizes = np.geomspace(1e3, 1e9, GRID)
    ring = ALGORITHMS["ring"].time_s
    together = GRID / cpu_s(lambda: ring(topology, 1024, sizes, Choices()))
    single = 1 / cpu_s(lambda: ring(topology, 1024, 1e6, Choices()))
    print(f"| closed form of a ring, one call per size | {single:,.0f} prices/s | 1 x |")
    print(f"| the same line over {GRID:,} sizes | {together:,.0f} prices/s | {together / single:,.0f} x |")


def main() -> None:
    """Print the tables."""
    extra = "numba is installed" if find_spec("numba") else "numba is not installed"
    print(f"Python {sys.version.split()[0]}, NumPy {np.__version__}, {extra}\n")
    print("| work | engine | rate | against SimPy |\n|---|---|---|---|")
    for name in ("ring", "halving-doubling", "tree", "ps"):
        engines(name)
    print("\n| work | rate | ratio |\n|---|---|---|")
    closed_forms()
    scenario = Scenario.of(model="resnet-50", cluster="dgx-h100")
    print("\n| work | CPU s |\n|---|---|")
    warm_s = cpu_s(lambda: predict(scenario))
    print(f"| predict resnet-50 from 1 to 256 devices, 401 samples, warm | {warm_s:.3f} |")
    for label, arguments in (
        ("python -c pass", ("-c", "pass")),
        ("nearlinear --help, cold", ("-P", "-m", "nearlinear.cli.app", "--help")),
        ("nearlinear predict resnet-50 --cluster dgx-h100, cold",
         ("-P", "-m", "nearlinear.cli.app", "predict", "resnet-50", "--cluster", "dgx-h100")),
    ):  # fmt: skip
        cold_s(*arguments)
        print(f"| {label} | {min(cold_s(*arguments) for _ in range(3)):.2f} |")


if __name__ == "__main__":
    main()
