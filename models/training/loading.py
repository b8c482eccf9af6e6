"""Feeding a step: how fast batches come, and what a step waits for them.

A device has ``prefetch`` places for batches ahead. A loader fills a place as soon as it is free, and a place
is free again when its batch is taken, at the start of a step. With constant times a device then trains at
the pace of the slower of the two,

    step = max(load, compute + exchange),    wait = max(0, load - compute - exchange),

however many places there are (Theano-MPI: only the shortfall shows). A loader that serves c devices needs c
load for a batch of each; one device that loads for all p and sends the others their batches p load + (p -
1) send, which is what FireCaffe's author tried and found slow. Where times vary, places pay: with
exponential times of means L and S the loader feeds a queue of at most K = prefetch + 1 batches, the one in
training included, and

    rate = (1 - P0)/S,   P0 = (1 - r)/(1 - r^(K+1)),   r = S/L    (P0 = 1/(K+1) where r = 1).

Validity: of the queue, one device; devices that wait for each other lose more.

Source: Ma, Mao and Taylor 2016, Theano-MPI (parallel loading); Kleinrock 1975, Queueing Systems, vol. 1,
section 3.6 (finite storage, M/M/1/K).
"""

from dataclasses import dataclass, field

from nearlinear.models.errors import SpecError
from nearlinear.models.training.jitter import Jitter

MOST_AHEAD = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Loader:
    """How batches are loaded.

    Attributes
    ----------
    time_s : float
        Of one batch of one device; 0 for none to load.
    jitter : Jitter
        Of that time, drawn for every batch.
    prefetch : int
        Batches held ahead, the one that is being loaded included.
    per_node : int or None
        Loaders of a node, dealt to its devices in turn; None for one per device.
    scatter_bytes : float
        Of one sample, where the first device loads the batches of all, one after another, and sends the
        others theirs; 0 where every device has its own data.
    """

    time_s: float = 0.0
    jitter: Jitter = field(default_factory=Jitter)
    prefetch: int = 1
    per_node: int | None = None
    scatter_bytes: float = 0.0

    def __post_init__(self) -> None:
        if not 1 <= self.prefetch <= MOST_AHEAD:
            raise SpecError("--prefetch", f"must lie in 1..{MOST_AHEAD}", got=self.prefetch)
        if self.per_node is not None and self.per_node < 1:
            raise SpecError("--loaders-per-node", "must be >= 1", got=self.per_node)

    @property
    def scatters(self) -> bool:
        """Whether one device loads for all."""
        return self.scatter_bytes > 0

    def pace_s(self, devices: int, per_node: int, send_s: float = 0.0) -> float:
        """Return the time between two batches of the worst served device, without jitter.

        Where one device loads for all, p load + (p - 1) send, one after another.
        """
        if self.scatters:
            return devices * self.time_s + (devices - 1) * send_s
        on_node = min(devices, per_node)
        served = 1 if self.per_node is None else -(-on_node // min(self.per_node, on_node))
        return self.time_s * served


def tandem_rate_per_s(load_s: float, step_s: float, prefetch: int) -> float:
    """Return the steps per second of a device where loading and stepping take exponential times.

    Parameters
    ----------
    load_s, step_s : float
        Mean times.
    prefetch : int
        Batches held ahead.

    Examples
    --------
    Equal means and one place: one of the three states is empty, so a third is lost.

    >>> round(tandem_rate_per_s(1.0, 1.0, 1), 6)
    0.666667
    """
    ratio, most = step_s / load_s, prefetch + 1
    if abs(ratio - 1.0) < 1e-9:
        empty = 1.0 / (most + 1)
    else:
        empty = (1.0 - ratio) / (1.0 - ratio ** (most + 1))
    return (1.0 - empty) / step_s
