"""How many moves of others a worker misses between taking weights and bringing its own.

Every distribution is an array p with p[k] the probability of k moves; its mean is N - 1 for every rule
whose server answers one worker after the other: between two visits of a worker lie, summed over all
workers, N - 1 visits per visit.

=============  =====================================================================================
function       exact where
=============  =====================================================================================
together       workers are served in turn: constant compute, or a server that never rests
geometric      compute is exponential and service takes no time: the next visit is anybody's
queued         compute and service are exponential
renewal        nobody waits for anyone, and workers have drifted apart: compute of any distribution
never_resting  the server never rests and is constant: compute of any distribution below N services
=============  =====================================================================================

References
----------
Mitliagkas, Zhang, Hadjis and Re 2016, "Asynchrony begets momentum", on geometric staleness.
Cox 1962, "Renewal theory", chapters 3 and 4 (equilibrium renewal processes), behind ``renewal``.
Lavenberg and Reiser 1980, "Stationary state probabilities at arrival instants", behind ``queued``.
Ho et al. 2013, "More effective distributed ML via a stale synchronous parallel parameter server".
"""

import numpy as np

from nearlinear.models.arrays import FloatArray
from nearlinear.models.training.compute_spread import Lattice
from nearlinear.models.training.server_queue import occupancy

LENGTH_PER_WORKER = 32  # of an array: a geometric tail is then below exp(-32)
NEGLIGIBLE = 1e-12  # probability that is left out
BATCH = 128  # interval lengths that are worked on together
GROUP = 8  # cells taken as one


def together(workers: int) -> FloatArray:
    """Return the distribution in which every other worker comes once: N - 1, always."""
    found = np.zeros(workers)
    found[-1] = 1.0
    return found


def geometric(workers: int) -> FloatArray:
    """Return (1/N) (1 - 1/N)^k.

    Examples
    --------
    >>> geometric(2)[:3].tolist()
    [0.5, 0.25, 0.125]
    """
    missed = np.arange(_length(workers))
    return np.asarray((1.0 - 1.0 / workers) ** missed / workers)


def queued(workers: int, compute_s: float, service_s: float) -> FloatArray:
    """Return the distribution with exponential compute and service, one server.

    A worker that leaves sees the others as N - 1 workers alone would be. While it computes, others come
    (rate (N-1-n)/Z) and are served (rate 1/s if n > 0), each service a move that it misses; when it comes
    back, the n that are there are served before it. With services weighted by z this is one linear system
    for each z on the unit circle, and their transform is the distribution.
    """
    others, length = workers - 1, _length(workers)
    count = np.arange(others + 1)
    begin = occupancy(others, compute_s, service_s).astype(complex)
    coming, served = (others - count) / compute_s, (count > 0) / service_s
    leaving = np.diag(1.0 / compute_s + coming + served) - np.diag(coming[:-1], 1)
    transform = np.empty(length // 2 + 1, dtype=complex)
    for index, z in enumerate(_circle(length)):
        flow = leaving - np.diag(served[1:] * z, -1)
        back = np.linalg.solve(flow.T, begin / compute_s)
        transform[index] = (back * z**count).sum()
    return _inverted(transform, length)


def renewal(workers: int, cycle: Lattice) -> FloatArray:
    """Return the distribution where workers are independent: visits of the others within one own cycle.

    Each of the others is an equilibrium renewal process: in an interval x it makes n or more visits with
    probability (F_e * f^(n-1))(x), F_e(x) = integral of (1 - F) / mean. The count of all N - 1 is mixed
    over the own cycle.

    Parameters
    ----------
    workers : int
        N.
    cycle : Lattice
        Distribution of the time from visit to visit.
    """
    counts = _counts(cycle)
    length = _length(workers)
    powers = _circle(length)[None, :] ** np.arange(counts.shape[0])[:, None]
    some = np.flatnonzero(cycle.weight > NEGLIGIBLE)
    transform = np.zeros(length // 2 + 1, dtype=complex)
    for first in range(0, len(some), BATCH):
        cells = some[first : first + BATCH]
        one = counts[:, cells].T @ powers
        transform += cycle.weight[cells] @ one ** (workers - 1)
    return _inverted(transform, length)


def never_resting(workers: int, compute: Lattice, service_s: float) -> FloatArray:
    """Return the distribution at a server with constant service and always somebody in its queue.

    Somebody leaves every s. Of a worker that computes for x = u + m s, m visits are made meanwhile; when it
    comes back it queues behind all others but the C that compute, so that it misses N - 1 + m - C. Who left
    u + j s ago still computes with the probability 1 - F(u + j s), each independently of the others.

    Parameters
    ----------
    workers : int
        N; so many services must be longer than any compute.
    compute : Lattice
        Distribution of the time from leaving the server to coming back.
    service_s : float
        s.
    """
    length = _length(workers)
    z, transform = _circle(length), np.zeros(length // 2 + 1, dtype=complex)
    edges = np.arange(len(compute.weight) + 1) * compute.width_s
    survival = 1.0 - np.concatenate(([0.0], np.cumsum(compute.weight)))
    for weight, away_s in _coarser(compute):
        meanwhile, phase_s = divmod(away_s, service_s)
        left = np.delete(np.arange(workers), int(min(meanwhile, workers - 1)))
        computing = np.interp(phase_s + left * service_s, edges, survival, right=0.0)
        product = z ** (workers - 1 + meanwhile)
        for share in computing[computing > NEGLIGIBLE]:
            product = product * (1.0 - share + share / z)
        transform += weight * product
    return _inverted(transform, length)


def _coarser(compute: Lattice) -> list[tuple[float, float]]:
    """Return weights and times of groups of cells that hold some probability."""
    weight = compute.weight.reshape(-1, GROUP)
    middle = (np.arange(len(compute.weight)) + 0.5).reshape(-1, GROUP).mean(axis=1) * compute.width_s
    some = weight.sum(axis=1) > NEGLIGIBLE
    return list(zip(weight.sum(axis=1)[some].tolist(), middle[some].tolist(), strict=True))


def most_missed(workers: int, staleness: int) -> int:
    """Return the most moves that a worker can miss under the bound S: (N - 1) (2 S + 1).

    The others are at most S visits behind when it takes weights, and at most S + 1 ahead when it brings.
    """
    return (workers - 1) * (2 * staleness + 1)


def mean_of(distribution: FloatArray) -> float:
    """Return the mean of a distribution."""
    return float(np.arange(len(distribution)) @ distribution)


def quantile_of(distribution: FloatArray, share: float) -> int:
    """Return the least k with at least ``share`` of the probability at or below it."""
    reached = np.cumsum(distribution) >= share - NEGLIGIBLE
    return int(np.argmax(reached)) if reached.any() else len(distribution) - 1


def _counts(cycle: Lattice) -> FloatArray:
    """Return the probability of n visits of another worker in an interval, shape (n, cells)."""
    cells, at_least = len(cycle.weight), [np.ones(len(cycle.weight))]
    survival = 1.0 - np.concatenate(([0.0], np.cumsum(cycle.weight)))
    passed = np.concatenate(([0.0], np.cumsum((survival[:-1] + survival[1:]) / 2.0))) / cycle.mean_cells
    begun = np.zeros(cells)
    begun[0] = 1.0  # all probability at no cycle yet
    while at_least[-1].max() > NEGLIGIBLE:
        shift = (len(at_least) - 1) / 2.0
        first = np.interp(np.arange(cells) + 0.5 - shift, np.arange(cells + 1), passed, left=0.0)
        at_least.append(np.clip(_convolved(begun, first), 0.0, 1.0))
        begun = _convolved(begun, cycle.weight)
    stacked = np.array(at_least)
    return np.asarray(np.clip(stacked[:-1] - stacked[1:], 0.0, 1.0))


def _convolved(one: FloatArray, other: FloatArray) -> FloatArray:
    """Return the beginning of a convolution."""
    size = 2 * len(one)
    return np.fft.irfft(np.fft.rfft(one, size) * np.fft.rfft(other, size), size)[: len(one)]


def _length(workers: int) -> int:
    return int(2 ** np.ceil(np.log2(LENGTH_PER_WORKER * max(workers, 2))))


def _circle(length: int) -> FloatArray:
    """Return the points of the unit circle at which a real transform is known."""
    return np.asarray(np.exp(-2j * np.pi * np.arange(length // 2 + 1) / length))


def _inverted(transform: FloatArray, length: int) -> FloatArray:
    """Return probabilities from their transform."""
    return np.clip(np.fft.irfft(transform, length), 0.0, 1.0)
