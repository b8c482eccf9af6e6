"""Random schedules on random fabrics, for the tests that hold engines equal."""

from dataclasses import dataclass

import numpy as np

from nearlinear.models.arrays import IntArray
from nearlinear.models.collectives import ALGORITHMS, Choices
from nearlinear.models.collectives.hierarchical import OUTER
from nearlinear.models.hardware.loggops import LogGOPS
from nearlinear.models.hardware.message import LinkCost
from nearlinear.models.hardware.topology import Topology, TopologyLevel
from nearlinear.simulator.exchange import Vector
from nearlinear.simulator.fabrics.fabric import Fabric
from nearlinear.simulator.fabrics.spec import read_fabric
from nearlinear.simulator.rounds.packing import Packed

FABRICS = (
    None, None, "switch", "fat-tree:down=2,levels=2", "fat-tree:down=2,levels=2,oversubscription=2",
    "torus", "fat-tree:down=4,levels=2,routing=ecmp", "fat-tree:down=4,levels=2,routing=adaptive",
    "dragonfly:routers=2,hosts=2,global=8", "torus:dims=4x4,routing=adaptive",
)  # fmt: skip


@dataclass(frozen=True)
class Drawn:
    """A schedule on a fabric, and when its ranks start."""

    packed: Packed
    start: IntArray


def draw(seed: int, most_ranks: int = 13) -> Drawn:
    """Return a random schedule on random levels, perhaps with switches and unequal ports."""
    rng = np.random.default_rng(seed)
    name = str(rng.choice(list(ALGORITHMS)))
    choices = Choices(
        group=int(rng.choice([1, 2, 4])), servers=int(rng.integers(0, 4)), outer=str(rng.choice(list(OUTER))),
        wire_fraction=float(rng.choice([1.0, 0.5])),
    )  # fmt: skip
    schedule = ALGORITHMS[name].schedule_for(int(rng.integers(1, most_ranks)), choices)
    inner, outer = (LinkCost.of(s * 1e-6, b * 1e8, 1e-10) for s, b in rng.integers(1, 9, (2, 2)))
    levels = (
        TopologyLevel(name="node", span=2, cost=inner),
        TopologyLevel(name="network", span=np.inf, cost=outer, capacity=float(rng.choice([1, 2]))),
    )
    topology = Topology(levels=levels[int(rng.integers(0, 2)) :])
    rates = rng.choice([1.0, 0.5, 0.25], schedule.workers) if rng.random() < 0.3 else None
    text = FABRICS[int(rng.integers(len(FABRICS)))]
    network = hosts = None
    if text is not None:
        per_host = len(topology.levels)
        rank = np.arange(schedule.ranks)
        first_server = -(-schedule.workers // per_host)
        hosts = np.where(rank < schedule.workers, rank // per_host, first_server + rank - schedule.workers)
        network = read_fabric(text, max(int(hosts.max()) + 1, 9))
    fabric = Fabric.of(topology, schedule, network=network, port_rate=rates, hosts=hosts)
    vector = Vector(elements=int(rng.integers(0, 300)), wire_fraction=choices.wire_fraction)
    return Drawn(Packed(schedule, fabric, vector), _start(rng, schedule.ranks))


def draw_loggops(seed: int) -> Drawn:
    """Return a random schedule under random LogGOPS parameters, often above S."""
    drawn, rng = draw(seed), np.random.default_rng(seed + 1)
    schedule = drawn.packed.schedule
    latency, overhead, gap, per_byte, cpu_byte = rng.integers(0, [5000, 3000, 9000, 8, 3])
    most = rng.choice(["inf", "100", "400"])
    text = f"L={latency},o={overhead},g={gap},G={per_byte},O={cpu_byte},S={most}"
    fabric = Fabric.of_loggops(LogGOPS.of(text), schedule.ranks)
    return Drawn(Packed(schedule, fabric, drawn.packed.vector), drawn.start)


def _start(rng: np.random.Generator, ranks: int) -> IntArray:
    """Return starts far apart, close together with ties, or all equal."""
    spread = int(rng.choice([1, 3, 10**6, 10**8]))
    return rng.integers(0, spread, ranks)
