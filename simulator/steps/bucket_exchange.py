"""The exchange of one bucket in a training step: executed by an engine, or as long as it was measured."""

from collections.abc import Callable
from typing import Protocol

import numpy as np

from nearlinear.models.arrays import FloatArray, IntArray
from nearlinear.models.training.exchange import Exchange, Option
from nearlinear.simulator.exchange import to_ticks
from nearlinear.simulator.rounds.packing import Packed

Engine = Callable[[Packed, IntArray], IntArray]  # end clocks from start clocks, shape (samples, ranks)


class BucketExchange(Protocol):
    """The exchange of one bucket, ready to run."""

    servers: int
    packed: Packed | None
    copy: IntArray

    def run(self, workers: IntArray, servers: IntArray) -> tuple[IntArray, IntArray]:
        """Return clocks of workers and servers after it."""


class _Scheduled:
    """An exchange through a schedule that an engine executes, between two copies of every worker."""

    def __init__(self, packed: Packed, engine: Engine, copy: IntArray) -> None:
        self.schedule, self.engine, self.copy = packed, engine, copy
        self.packed: Packed | None = packed
        self.servers = packed.schedule.servers

    def run(self, workers: IntArray, servers: IntArray) -> tuple[IntArray, IntArray]:
        start = np.concatenate([workers + self.copy, servers[:, : self.servers]], axis=1)
        done, count = self.engine(self.schedule, start), self.schedule.schedule.workers
        after = np.concatenate([done[:, count:], servers[:, self.servers :]], axis=1)
        return done[:, :count] + self.copy, after


class _Measured:
    """A library's own collective: starts when all are there, takes as long as measured."""

    servers = 0
    packed: Packed | None = None

    def __init__(self, time_s: FloatArray, copy: IntArray) -> None:
        self.ticks, self.copy = to_ticks(time_s)[:, None] - 2 * copy, copy

    def run(self, workers: IntArray, servers: IntArray) -> tuple[IntArray, IntArray]:
        done = (workers + self.copy).max(axis=1, keepdims=True) + self.ticks + self.copy
        return np.broadcast_to(done, workers.shape), servers


def bucket_exchanges(
    exchange: Exchange, packed: Callable[[int, Option], Packed], engine: Engine
) -> list[BucketExchange]:
    """Return the exchange of every bucket; ``packed`` makes a bucket's schedule ready to run."""
    found: list[BucketExchange] = []
    for bucket, option in enumerate(exchange.options):
        copy = to_ticks(exchange.copy_s[:, bucket])[:, None]
        if option.algorithm.schedule is None:
            found.append(_Measured(exchange.time_s[:, bucket], copy))
        else:
            found.append(_Scheduled(packed(bucket, option), engine, copy))
    return found
