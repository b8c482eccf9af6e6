"""A server that workers visit one at a time: throughput, utilisation and queue in closed form.

Workers compute for Z, queue, and are served for s by each of k servers (R = k s in all); then they compute
again. This is a closed queueing network of N customers, the machine-repairman model where k = 1:

    n in the system of one server:  P(n) ~ N! / (N - n)! (s / Z)^n,    U = 1 - P(0),    X = U / s

==============  ===============================================================================
function        exact where
==============  ===============================================================================
mean_values     service is exponential; compute may have any distribution of mean Z
occupancy       the same, one server
in_turn         compute and service are constant, all workers alike, one server; else an upper bound
bounds          always; the upper one is what workers or a server can do without ever waiting
==============  ===============================================================================

References
----------
Gross, Shortle, Thompson and Harris 2008, "Fundamentals of queueing theory", section 2.7 (finite source).
Reiser and Lavenberg 1980, "Mean-value analysis of closed multichain queuing networks".
Baskett, Chandy, Muntz and Palacios 1975, on why only the mean of the compute matters.
Denning and Buzen 1978, "The operational analysis of queueing network models" (asymptotic bounds).
"""

from dataclasses import dataclass

import numpy as np

from nearlinear.models.arrays import FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerLoad:
    """What a server does in the long run.

    Attributes
    ----------
    visits_per_s : float
        Visits of all workers together.
    utilisation : float
        Part of the time in which a server is busy.
    queued : float
        Workers that wait at a server, on average, the one that is served left out.
    """

    visits_per_s: float
    utilisation: float
    queued: float


def mean_values(workers: int, compute_s: float, service_s: float, servers: int = 1) -> ServerLoad:
    """Return the load of servers with exponential service, each visited once per round.

    An arriving worker finds what N - 1 workers would leave: R(N) = s (1 + Q(N-1)), X = N / (Z + k R),
    Q = X R.

    Examples
    --------
    Two workers that compute as long as they are served: P(n) ~ 1, 2, 2, so U = 4/5.

    >>> round(mean_values(2, 1.0, 1.0).utilisation, 12)
    0.8
    """
    inside = rate = 0.0
    for present in range(1, workers + 1):
        residence_s = service_s * (1.0 + inside)
        rate = present / (compute_s + servers * residence_s)
        inside = rate * residence_s
    used = rate * service_s
    return ServerLoad(visits_per_s=rate, utilisation=used, queued=inside - used)


def occupancy(workers: int, compute_s: float, service_s: float) -> FloatArray:
    """Return the probabilities of 0 to N workers at one server with exponential service, shape (N + 1,)."""
    leaving = np.arange(workers, 0, -1)
    with np.errstate(divide="ignore"):
        steps = np.log(leaving * (service_s / compute_s))
    logs = np.concatenate(([0.0], np.cumsum(steps)))
    weights = np.exp(logs - logs.max())
    return np.asarray(weights / weights.sum())


def in_turn(workers: int, compute_s: float, service_s: float, servers: int = 1) -> ServerLoad:
    """Return the load where compute and service are constant: no waiting, or a server that never rests."""
    alone = workers / (compute_s + servers * service_s)
    rate = min(alone, 1.0 / service_s) if service_s > 0 else alone
    # What is not computing and not being served waits.
    waiting = (workers - rate * (compute_s + servers * service_s)) / servers
    return ServerLoad(visits_per_s=rate, utilisation=rate * service_s, queued=max(waiting, 0.0))


def bounds(workers: int, compute_s: float, service_s: float, servers: int = 1) -> tuple[float, float]:
    """Return the least and the most visits per second, whatever the distributions.

    N / (Z + N R) <= X <= min(N / (Z + R), 1 / s): each waits for all others, or nobody for anyone.
    """
    residence_s = servers * service_s
    most = in_turn(workers, compute_s, service_s, servers).visits_per_s
    return workers / (compute_s + workers * residence_s), most


def saturating_workers(compute_s: float, service_s: float, servers: int = 1) -> float:
    """Return from how many workers on a server cannot keep up: (Z + R) / s."""
    return float(np.inf) if service_s == 0 else compute_s / service_s + servers
