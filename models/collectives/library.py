"""A communication library's own allreduce, which chooses and pipelines as it likes.

Nobody outside sees its schedule, so this is only a form to read measurements through and to carry them
to other sizes and rank counts. Inside one level it is that of a ring after a launch; pieces follow the
size of the vector, because that is what libraries switch protocols on. Across levels the library keeps
all of them busy at once, so latencies add up but only the slowest level's bytes count:

    t = (c + 2 (u0-1)) L0 + sum over outer levels of 2 ceil(log2 u) L + max over levels of S
    S = 2 (u-1)/u s(n/v)

with u units joined at a level, v devices below it that each carry 1/v of the vector, latency L, launch
cost of c latencies, and s the part of a message's time that grows with its bytes.

References
----------
NCCL 2.30.7, src/graph/tuning.cc: base latencies of 6.6, 14 and 8.4 us against hops of 0.6, 1.9 and
3.4 us (LL, LL128, Simple), whose geometric mean ratio is c; ring latency inside a node, tree latency
between nodes, bandwidth of the slowest link.
"""

import numpy as np

from nearlinear.models.arrays import FloatArray, IntArray
from nearlinear.models.collectives.algorithm import Algorithm, Choices
from nearlinear.models.hardware.topology import Topology

SHARE = {"allreduce": 1.0, "reduce-scatter": 0.5, "allgather": 0.5}  # of an allreduce's passes
LAUNCH_STEPS = 5.9  # geometric mean of 6.6/0.6, 14/1.9 and 8.4/3.4: what a launch costs in latencies


def time_s(
    topology: Topology, ranks: int | IntArray, size_bytes: FloatArray | float, choices: Choices
) -> FloatArray:
    """Return the time of an allreduce of ``size_bytes`` by a library."""
    wire = np.asarray(size_bytes, dtype=float) * choices.wire_fraction
    latency, streaming = np.zeros(()), np.zeros(())
    below = np.ones(())
    for index, level in enumerate(topology.levels):
        units = np.ceil(np.minimum(level.span, ranks) / below)
        message = wire / below
        factor = level.cost.factor
        steps = LAUNCH_STEPS + 2 * (units - 1) if index == 0 else 2 * np.ceil(np.log2(units))
        shared = np.maximum(1.0, below / level.capacity)
        passes = 2 * (units - 1) / units
        latency = latency + steps * level.cost.latency_s * factor
        streaming = np.maximum(streaming, passes * shared * level.cost.streaming_s(message) * factor)
        below = np.minimum(level.span, np.asarray(ranks, dtype=float))
    return np.where((wire > 0) & (np.asarray(ranks) > 1), latency + streaming, 0.0)


LIBRARY = Algorithm(
    name="library",
    title="the communication library's own allreduce, as measured",
    source="NCCL 2.30.7, src/graph/tuning.cc",
    schedule=None,
    time_s=time_s,
)
