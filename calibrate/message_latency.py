"""A prior for the latency of messages between hosts, where only large ones were timed."""

import numpy as np

from nearlinear.calibrate.nccl_tuning import LatencyPrior
from nearlinear.models.catalogue import links
from nearlinear.models.prior import table

FAMILIES = {"node": ("memory",), "network": ("ethernet", "infiniband", "efa", "proprietary")}


def message_prior(level: str) -> LatencyPrior:
    """Return what the catalogue says of a message: the median over its links of that level.

    Parameters
    ----------
    level : {"node", "network"}
        Memory of one host, or a network.
    """
    known = [link.latency_s.value for link in links().values() if link.family in FAMILIES[level]]
    return LatencyPrior(log_s=float(np.log(np.median(known))), log_sd=float(table()["latency"]["log_sd"]))
