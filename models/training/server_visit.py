"""What a visit to a parameter server costs in closed form.

A visit brings a worker's part to each of k servers, adds it there, and takes an answer back:

    bring = t(n/k) + reduce(n/k),    answer = t(n/k)

The server is held while a part is brought; the answer leaves by the other direction of its link while the
next part arrives, as letters of ``nearlinear train`` do. Servers sit on nodes of their own, so messages
take the outermost level; one worker is served at a time.

References
----------
Ma, Mao and Taylor 2016, "Theano-MPI", and its code: Sendrecv of all parameters, one worker after another.
"""

import numpy as np

from nearlinear.models.arrays import FloatArray
from nearlinear.models.hardware.topology import Topology


def visit_s(
    topology: Topology, size_bytes: float, servers: int, wire_fraction: float
) -> tuple[FloatArray, FloatArray]:
    """Return how long one of the servers is held by a visit, and how long its answer then takes.

    Parameters
    ----------
    topology : Topology
        Links; the outermost level leads to the servers.
    size_bytes : float
        All weights in memory.
    servers : int
        k.
    wire_fraction : float
        Bytes on the wire per byte in memory; narrower ones are converted on arrival.
    """
    cost, part = topology.levels[-1].cost, size_bytes / servers
    one_way, adding = cost.transfer_s(part * wire_fraction), cost.reduce_s(part)
    landing = adding if wire_fraction < 1.0 else np.zeros_like(adding)
    return np.asarray(one_way + adding), np.asarray(one_way + landing)
