"""Clocks of all ranks through one round, in NumPy: the definition that kernels are held to.

Clocks have shape (ranks, samples), costs (transfers, samples or 1), all in whole ticks.
"""

from collections.abc import Iterator
from itertools import pairwise

import numpy as np

from nearlinear.models.arrays import IntArray
from nearlinear.simulator.fabrics.fabric import repeated
from nearlinear.simulator.kernels import loggops as row


def advance(
    clock: IntArray, source: IntArray, destination: IntArray, duration: IntArray, handling: IntArray
) -> IntArray:
    """Return the clocks after a round in which transfers start once both ends are there.

        end_i = max(E[source_i], E[destination_i]) + duration_i
        clock[r] = max(E[r], end_i of its sends, max over its receives i of end_i + sum of handling_j, j >= i)

    Parameters
    ----------
    clock : ndarray of int, shape (ranks, samples)
        E, the clocks on entry.
    source, destination : ndarray of int, shape (transfers,)
        In the order in which ranks post.
    duration, handling : ndarray of int, shape (transfers, samples or 1)
        Ticks on the wire, and at the receiver.
    """
    end = np.maximum(clock[source], clock[destination]) + duration
    after = clock.copy()
    _raise_to(after, source, end)
    _raise_to(after, destination, end + _suffix_sums(handling, destination))
    return after


def advance_loggops(
    cpu: IntArray, out: IntArray, into: IntArray, source: IntArray, destination: IntArray, cost: IntArray,
    asks: IntArray,
) -> None:  # fmt: skip
    """Advance CPU and adapter clocks in place through a round under LogGOPS.

    Parameters
    ----------
    cpu, out, into : ndarray of int, shape (ranks, samples)
        When the CPU, and each direction of the adapter, is free.
    source, destination : ndarray of int, shape (transfers,)
        In the order in which ranks post: all sends, then all receives.
    cost : ndarray of int, shape (6, transfers, samples or 1)
        Rows as in ``kernels.loggops``.
    asks : ndarray, shape (transfers,)
        1 for messages that ask first.
    """
    begin = np.empty((len(source), cpu.shape[1]), dtype=np.int64)
    for batch in _once_each(source):
        ranks, ask = source[batch], asks[batch, None] == 1
        at = np.where(ask, cpu[ranks], np.maximum(cpu[ranks], out[ranks]))
        begin[batch] = at
        cpu[ranks] = at + np.where(ask, cost[row.REQUEST, batch], cost[row.SEND_CPU, batch])
        out[ranks] = np.where(ask, out[ranks], at + cost[row.SEND_NIC, batch])
    asked = np.flatnonzero(asks)
    if len(asked):
        ranks = source[asked]
        granted = np.maximum(begin[asked] + cost[row.FLIGHT, asked], cpu[destination[asked]])
        begin[asked] = np.maximum(granted + cost[row.FLIGHT, asked], out[ranks])
        out[ranks] = begin[asked] + cost[row.SEND_NIC, asked]
    for batch in _once_each(destination):
        ranks = destination[batch]
        at = np.maximum(np.maximum(cpu[ranks], into[ranks]), begin[batch] + cost[row.FLIGHT, batch])
        cpu[ranks] = at + cost[row.RECEIVE_CPU, batch]
        into[ranks] = at + cost[row.RECEIVE_NIC, batch]
    if len(asked):
        ranks = source[asked]
        cpu[ranks] = np.maximum(cpu[ranks], begin[asked] + cost[row.SEND_CPU, asked])


def _once_each(ranks: IntArray) -> Iterator[slice]:
    """Yield slices of consecutive transfers in which no rank occurs twice, as long as they come."""
    last: dict[int, int] = {}
    if not repeated(ranks):
        yield slice(0, len(ranks))
        return
    edges = [0]
    for i, rank in enumerate(ranks.tolist()):
        if last.get(rank, -1) >= edges[-1]:
            edges.append(i)
        last[rank] = i
    yield from (slice(a, b) for a, b in pairwise([*edges, len(ranks)]))


def _raise_to(clock: IntArray, ranks: IntArray, values: IntArray) -> None:
    """Set clock[r] to the largest of itself and the values of rank r."""
    if not repeated(ranks):
        clock[ranks] = np.maximum(clock[ranks], values)
        return
    order = np.argsort(ranks, kind="stable")
    ordered = ranks[order]
    starts = np.flatnonzero(np.concatenate(([True], ordered[1:] != ordered[:-1])))
    latest = np.maximum.reduceat(values[order], starts, axis=0)
    who = ordered[starts]
    clock[who] = np.maximum(clock[who], latest)


def _suffix_sums(handling: IntArray, destination: IntArray) -> IntArray:
    """Return for every receive its handling plus that of its rank's later receives."""
    if not repeated(destination):
        return handling
    order = np.argsort(destination, kind="stable")
    ordered = destination[order]
    last = np.concatenate((ordered[1:] != ordered[:-1], [True]))
    total = np.cumsum(handling[order], axis=0)
    group_end = total[last][np.cumsum(last) - last]
    suffix = np.empty_like(total)
    suffix[order] = group_end - total + handling[order]
    return suffix
