"""NCCL's own tuning model: a prior where measurements are thin, and a baseline to beat.

The library ranks algorithms with t = latency + bytes / bandwidth. Within one node, over n ranks whose links
carry B bytes per second each way,

    ring        base + 2(n-1) hop,   B x f            f = 1/2, 0.92, 1 for LL, LL128, Simple
    tree        base + 2(n-1) hop,   0.92 B / 2       (Simple)
    NVLS        hop,                 B x efficiency   (Hopper and later, more than two ranks)

in bus bandwidth; an allgather or reduce-scatter takes half of the hops and of the bytes. Channels are taken
as enough not to bind. It is made to rank, and is tens of percent off as a prediction.

References
----------
NCCL 2.30.7, src/graph/tuning.cc and src/graph/topo.h: base latencies, hardware latencies, bandwidth of links.
"""

from dataclasses import dataclass

import numpy as np

from nearlinear.calibrate.importers.names import bus_factor
from nearlinear.models.arrays import FloatArray
from nearlinear.models.prior import table
from nearlinear.models.units import GB, MICROSECOND

LATENCY_SEEN_BYTES = 64 * 1024  # latency is known if messages up to here were timed
# By protocol: LL, LL128, Simple.
RING_BASE_US = (6.6, 14.0, 8.4)
RING_HOP_US = {"node": (0.6, 1.9, 3.4), "network": (2.7, 4.0, 14.0)}
RING_SHARE = (0.5, 0.92, 1.0)
TREE_BASE_US, TREE_HOP_US, TREE_SHARE = 8.4, 4.0, 0.46
NVLS_HOP_US = 25.0
LL_MOST = {"ampere": 87.7, "hopper": 141.0, "blackwell": 282.0}  # GB/s on one node
LINKS = {"ampere": 12 * 20.0, "hopper": 18 * 20.6, "blackwell": 18 * 40.1}  # GB/s: links x rate of each
NVLS_SHARE = {"hopper": 0.85, "blackwell": 0.74}


@dataclass(frozen=True, slots=True, kw_only=True)
class LatencyPrior:
    """Of a hop: logarithm of seconds, and its standard deviation."""

    log_s: float
    log_sd: float


def latency_prior(level: str) -> LatencyPrior:
    """Return what the constants say of a hop: the geometric mean over protocols.

    Parameters
    ----------
    level : {"node", "network"}
        NVLink, or a network.
    """
    hops = np.array(RING_HOP_US[level]) * MICROSECOND
    return LatencyPrior(log_s=float(np.log(hops).mean()), log_sd=float(table()["latency"]["log_sd"]))


def time_s(operation: str, ranks: int, size_bytes: FloatArray, generation: str) -> FloatArray:
    """Return the least time over algorithms and protocols inside one node with NVSwitch.

    Parameters
    ----------
    operation : {"allreduce", "allgather", "reduce-scatter"}
        What is timed.
    generation : {"ampere", "hopper", "blackwell"}
        Of the devices.
    """
    share = 1.0 if operation == "allreduce" else 0.5
    steps = share * 2 * (ranks - 1)
    passes = bus_factor(operation, ranks) * size_bytes / (LINKS[generation] * GB)
    least: FloatArray = np.full(np.shape(size_bytes), np.inf)
    for base, hop, part in zip(RING_BASE_US, RING_HOP_US["node"], RING_SHARE, strict=True):
        carried = min(part, LL_MOST[generation] / LINKS[generation]) if part == RING_SHARE[0] else part
        least = np.minimum(least, (base + steps * hop) * MICROSECOND + passes / carried)
    if operation != "allreduce":
        return np.asarray(least)
    least = np.minimum(least, (TREE_BASE_US + steps * TREE_HOP_US) * MICROSECOND + passes / TREE_SHARE)
    if ranks > 2 and generation in NVLS_SHARE:
        switched = size_bytes / (LINKS[generation] * NVLS_SHARE[generation] * GB)
        least = np.minimum(least, NVLS_HOP_US * MICROSECOND + switched)
    return np.asarray(least)
