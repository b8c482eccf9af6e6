"""Parameter server: workers push gradients to servers, which add them up, and pull the result.

The vector is cut into one chunk per server. In round k worker w talks to server w+k, so that pushes
are spread; a server that faces c workers at once gives each 1/c of its link:

    t = s (2 t(n/s, c times slower) + c reduce(n/s)),    c = ceil(p/s)

One dedicated server (``ps``) costs 2 latency + 2 p n/B + p reduce(n): linear in p, the bottleneck that
FireCaffe replaces by a tree. As many shards as workers, one on each (``ps-sharded``), cost
2 (p-1) t(n/p) + (p-1) reduce(n/p), which is what a ring costs. Exact where the servers divide the
workers (or there are more servers) and all links are of one level; an upper bound otherwise.

References
----------
Iandola et al. 2016, "FireCaffe", section on parameter servers (p n/B, one direction, remembered).
Li et al. 2014, "Scaling distributed machine learning with the parameter server".
"""

from collections.abc import Iterator

import numpy as np

from nearlinear.models.arrays import FloatArray, IntArray
from nearlinear.models.collectives.algorithm import Choices
from nearlinear.models.collectives.schedule import Phase, Schedule, Turn
from nearlinear.models.hardware.topology import Topology


def schedule(workers: int, choices: Choices) -> Schedule:
    """Return push and pull through dedicated servers (one unless ``choices`` says more)."""
    return _schedule(workers, max(1, choices.servers), dedicated=True)


def schedule_sharded(workers: int, choices: Choices) -> Schedule:
    """Return push and pull through servers that live on the first workers (on all by default)."""
    return _schedule(workers, min(choices.servers or workers, workers), dedicated=False)


def _schedule(workers: int, servers: int, dedicated: bool) -> Schedule:
    first = workers if dedicated else 0
    worker = np.arange(workers)
    shard = worker % servers
    turn = Turn(shift=1, cycle=servers, base=first)
    advance = Turn(shift=1, cycle=servers)

    def phases() -> Iterator[Phase]:
        if workers > 1 or dedicated:
            yield Phase(
                source=worker, destination=first + shard, chunk=shard, reduce=True, rounds=servers,
                destination_turn=turn, chunk_turn=advance,
            )  # fmt: skip
            yield Phase(
                source=first + shard, destination=worker, chunk=shard, reduce=False, rounds=servers,
                source_turn=turn, chunk_turn=advance,
            )  # fmt: skip

    extra = servers if dedicated else 0
    return Schedule(workers=workers, servers=extra, chunk_count=servers, phases=phases)


def time_s(
    topology: Topology, ranks: int | IntArray, size_bytes: FloatArray | float, choices: Choices
) -> FloatArray:
    """Return the time of push and pull through dedicated servers, each on a node of its own."""
    size = np.asarray(size_bytes, dtype=float)
    servers = max(1, choices.servers)
    facing = np.ceil(np.asarray(ranks) / servers)
    last = len(topology.levels) - 1
    once = _round_s(topology, last, ranks, 1, size / servers, facing, choices)
    return np.where(size > 0, servers * once, 0.0)


def time_sharded_s(
    topology: Topology, ranks: int | IntArray, size_bytes: FloatArray | float, choices: Choices
) -> FloatArray:
    """Return the time of push and pull through servers that live on the workers."""
    size = np.asarray(size_bytes, dtype=float)
    servers = np.minimum(choices.servers or ranks, ranks)
    facing = np.ceil(np.asarray(ranks) / servers)
    # A worker is its own server in one of the rounds and sends nothing then.
    own = _slowest_round_s(topology, ranks, servers, size / servers, facing - 1, choices)
    other = _slowest_round_s(topology, ranks, servers, size / servers, facing, choices)
    time = (servers - 1) * other + np.where(facing > 1, own, 0.0)
    return np.where((size > 0) & (np.asarray(ranks) > 1), time, 0.0)


def _slowest_round_s(
    topology: Topology,
    ranks: int | IntArray,
    servers: int | IntArray,
    size_bytes: FloatArray,
    facing: FloatArray,
    choices: Choices,
) -> FloatArray:
    """Return a round of push and one of pull over the slowest of the levels that it crosses."""
    time = np.zeros(())
    for index in range(len(topology.levels)):
        unit = topology.levels[index - 1].span if index else 1.0
        once = _round_s(topology, index, ranks, servers, size_bytes, np.maximum(facing, 1), choices)
        time = np.where((index == 0) | (ranks > np.asarray(unit)), np.maximum(time, once), time)
    return np.asarray(time)


def _round_s(
    topology: Topology,
    index: int,
    ranks: int | IntArray,
    servers: int | IntArray,
    size_bytes: FloatArray,
    facing: FloatArray,
    choices: Choices,
) -> FloatArray:
    """Return one push round and one pull round over one level, ``facing`` workers to each server."""
    level = topology.levels[index]
    unit = topology.levels[index - 1].span if index else 1.0
    leaving = np.minimum(unit, ranks)
    entering = np.minimum(unit, servers) * facing
    slowdown = np.maximum(facing, np.maximum(leaving, entering) / level.capacity)
    transfer = level.cost.transfer_s(size_bytes * choices.wire_fraction, slowdown)
    return np.asarray(2 * transfer + level.cost.reduce_s(facing * size_bytes + choices.landed(size_bytes)))
