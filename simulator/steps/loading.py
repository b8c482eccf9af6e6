"""Batches on their way: which loader serves which device, and when each batch is there."""

from collections import deque
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from nearlinear.models.arrays import FloatArray, IntArray
from nearlinear.models.training.loading import Loader
from nearlinear.simulator.exchange import to_ticks

LOADING = 1  # keeps the draws of loading apart from those of compute


@dataclass(frozen=True)
class Pool:
    """The loaders of a run.

    Attributes
    ----------
    loader : Loader
        Time of a batch, places, loaders of a node.
    devices, per_node : int
        Scale; devices fill nodes in order.
    seed : int
        Of the jitter of loading.
    send_s : ndarray, shape (samples, 1), or float
        Sending a batch to another device, where the first one loads for all.
    """

    loader: Loader
    devices: int
    per_node: int
    seed: int
    send_s: FloatArray | float = 0.0

    @cached_property
    def serves(self) -> IntArray:
        """Which loader serves each device, shape (devices,)."""
        if self.loader.scatters:
            return np.zeros(self.devices, dtype=np.int64)
        each = min(self.loader.per_node or self.per_node, self.per_node)
        device = np.arange(self.devices)
        return device // self.per_node * each + device % self.per_node % each

    @cached_property
    def turns(self) -> list[IntArray]:
        """The devices that loaders serve first, second and so on in every round of batches."""
        each = min(self.loader.per_node or self.per_node, self.per_node)
        device = np.arange(self.devices)
        turn = device if self.loader.scatters else device % self.per_node // each
        return [np.flatnonzero(turn == number) for number in range(int(turn.max()) + 1)]

    @property
    def count(self) -> int:
        """Loaders of all nodes."""
        return len(self.homes)

    @property
    def homes(self) -> IntArray:
        """The first device that each loader serves, shape (count,)."""
        return np.unique(self.serves, return_index=True)[1].astype(np.int64)

    def loads(self, steps: int, samples: int) -> list[IntArray]:
        """Return the ticks of every batch, shape (samples, devices) for each step; none without loading."""
        if self.loader.time_s == 0:
            return []
        generator, shape = np.random.default_rng((self.seed, LOADING)), (samples, self.devices)
        lasting = self.loader.jitter.draw_lasting(generator, shape)
        sent = np.broadcast_to(self.send_s, (samples, 1)) * (np.arange(self.devices) > 0)
        return [
            to_ticks(self.loader.time_s * lasting * self.loader.jitter.draw(generator, shape) + sent)
            for _ in range(steps)
        ]


class Feed:
    """Batches taken step by step, all samples and devices at once.

    Parameters
    ----------
    pool : Pool
        The loaders.
    steps, samples : int
        Of the run.
    """

    def __init__(self, pool: Pool, steps: int, samples: int) -> None:
        self.pool = pool
        self.loads = iter(pool.loads(steps, samples))
        self.busy: IntArray = np.zeros((samples, pool.count), dtype=np.int64)
        self.taken: deque[IntArray] = deque(maxlen=pool.loader.prefetch)
        self.waited: IntArray = np.zeros((samples, pool.devices), dtype=np.int64)

    def take(self, clock: IntArray) -> IntArray:
        """Return when each device that is free at ``clock`` has taken its next batch."""
        load = next(self.loads, None)
        if load is None:
            return clock
        full = len(self.taken) == self.taken.maxlen
        free = self.taken[0] if full else np.zeros_like(clock)
        loaded = np.empty_like(clock)
        for devices in self.pool.turns:
            mine = self.pool.serves[devices]
            done: IntArray = np.maximum(self.busy[:, mine], free[:, devices]) + load[:, devices]
            self.busy[:, mine] = done
            loaded[:, devices] = done
        took: IntArray = np.maximum(clock, loaded)
        self.taken.append(took)
        self.waited = self.waited + (took - clock)
        return took
