"""How far sharing by *round* is from sharing by *flow*: makespans by pattern and skew.

    python benchmarks/discipline.py

Every pattern is repeated for many rounds, so that skew can build up. The table of docs/simulator.md is
this output.
"""

from collections.abc import Callable, Iterator

import numpy as np

from nearlinear.models.arrays import IntArray
from nearlinear.models.collectives.schedule import Phase, Schedule
from nearlinear.models.hardware.message import LinkCost
from nearlinear.models.hardware.topology import Topology, TopologyLevel
from nearlinear.simulator.engines import Engine, run_schedule
from nearlinear.simulator.exchange import TICKS_PER_SECOND, Vector
from nearlinear.simulator.fabrics.fabric import Fabric
from nearlinear.simulator.fabrics.spec import read_fabric
from nearlinear.simulator.rounds.packing import Packed

RANKS, ROUNDS, ELEMENTS = 256, 24, 1_000_000
ROUND_S = 4 * ELEMENTS / 1e9  # of a message alone at 1 GB/s
PERMUTATIONS = 3


def repeated(destinations: Callable[[int], IntArray]) -> Schedule:
    """Return rounds in which rank r sends all elements to ``destinations(round)[r]``."""

    def phases() -> Iterator[Phase]:
        for k in range(ROUNDS):
            yield Phase(
                source=np.arange(RANKS), destination=destinations(k), chunk=np.zeros(RANKS, dtype=np.int64),
                reduce=True,
            )  # fmt: skip

    return Schedule(workers=RANKS, phases=phases)


def patterns() -> Iterator[tuple[str, Schedule]]:
    """Yield patterns by name."""
    rank = np.arange(RANKS)
    rng = np.random.default_rng(7)
    chosen = [rng.permutation(RANKS) for _ in range(ROUNDS)]
    yield "neighbours", repeated(lambda k: (rank + 1) % RANKS)
    yield "half way round", repeated(lambda k: (rank + RANKS // 2) % RANKS)
    yield "exchange at distance 1, 2, 4 …", repeated(lambda k: rank ^ (1 << (k % 8)))
    yield "random permutation, always the same", repeated(lambda k: chosen[0])
    yield f"{PERMUTATIONS} random permutations in turn", repeated(lambda k: chosen[k % PERMUTATIONS])
    yield "a new random permutation every round", repeated(lambda k: chosen[k])


def fabrics(schedule: Schedule) -> Iterator[tuple[str, Fabric]]:
    """Yield fabrics by name."""
    cost = LinkCost.of(1e-6, 1e9)
    levels = (
        TopologyLevel(name="node", span=8, cost=LinkCost.of(1e-6, 1e10)),
        TopologyLevel(name="network", span=np.inf, cost=cost, capacity=2.0),
    )
    yield "8 ranks share 2 adapters", Fabric.of(Topology(levels=levels), schedule)
    network = read_fabric("fat-tree:levels=2,down=16,oversubscription=2,routing=ecmp", RANKS)
    yield (
        "fat tree 2:1, ecmp",
        Fabric.of(Topology.flat(cost), schedule, network=network, hosts=np.arange(RANKS)),
    )


def excess(packed: Packed, starts: IntArray) -> float:
    """Return the makespan by round over that by flow, less 1."""
    by_round = run_schedule(Engine.of("rounds"), packed, starts).end_ticks.max()
    by_flow = run_schedule(Engine.of("events"), packed, starts).end_ticks.max()
    return float(by_round / by_flow - 1.0)


def main() -> None:
    """Print the table."""
    skews = (0.0, 0.1, 1.0, 3.0)
    print("| pattern | fabric | " + " | ".join(f"skew {skew:g} rounds" for skew in skews) + " |")
    print("|---|---|" + "---|" * len(skews))
    rng = np.random.default_rng(1)
    for pattern, schedule in patterns():
        for fabric, placed in fabrics(schedule):
            packed = Packed(schedule, placed, Vector(elements=ELEMENTS))
            cells = []
            for skew in skews:
                starts = (rng.uniform(0, skew * ROUND_S, RANKS) * TICKS_PER_SECOND).astype(np.int64)
                cells.append(f"{excess(packed, starts):+.2%}")
            print(f"| {pattern} | {fabric} | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
