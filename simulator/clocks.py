"""Clocks of all ranks through one round: the formula of ``rounds`` in two forms with equal results.

``advance`` is NumPy. ``compiled_advance`` is the same in plain loops, which numba compiles where the
extra ``[fast]`` is installed; loops without numba would be far slower than NumPy, so there they are
not used. Integer ticks make both exact: a test holds them equal with ``==``.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from typing import Self

import numpy as np

from nearlinear.models.arrays import IntArray
from nearlinear.models.collectives.schedule import Transfers

WORTH_COMPILING = 2_000_000  # transfers times samples of a phase from which loading numba pays


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Peers:
    """Who sends to whom in a round, in the order in which ranks post.

    Attributes
    ----------
    source, destination : ndarray of int, shape (transfers,)
        Ranks.
    one_send_each, one_receive_each : bool
        Whether no rank sends, or receives, more than once.
    """

    source: IntArray
    destination: IntArray
    one_send_each: bool
    one_receive_each: bool

    @classmethod
    def of(cls, transfers: Transfers) -> Self:
        """Return the peers of the transfers of a round."""
        source, destination = transfers.source, transfers.destination
        return cls(
            source=source,
            destination=destination,
            one_send_each=len(np.unique(source)) == len(source),
            one_receive_each=len(np.unique(destination)) == len(destination),
        )


Advance = Callable[[IntArray, Peers, IntArray, IntArray], IntArray]


def advance_for(work: int) -> Advance:
    """Return the form to use for so many transfers times samples."""
    if work >= WORTH_COMPILING and find_spec("numba") is not None:
        return compiled_advance
    return advance


def advance(entered: IntArray, peers: Peers, duration: IntArray, handling: IntArray) -> IntArray:
    """Return the clocks after a round.

    Parameters
    ----------
    entered : ndarray of int, shape (samples, ranks)
        Clocks on entry.
    peers : Peers
        Of the round.
    duration, handling : ndarray of int, broadcastable to (samples, transfers)
        Ticks on the wire, and at the receiver.
    """
    source, destination = peers.source, peers.destination
    end = np.maximum(entered[:, source], entered[:, destination]) + duration
    clock = entered.copy()
    _raise_to(clock, source, end, peers.one_send_each)
    if not peers.one_receive_each:
        handling = _suffix_sums(np.broadcast_to(handling, end.shape), destination)
    _raise_to(clock, destination, end + handling, peers.one_receive_each)
    return clock


def compiled_advance(entered: IntArray, peers: Peers, duration: IntArray, handling: IntArray) -> IntArray:
    """Return what :func:`advance` returns, found by compiled loops."""
    shape = (len(entered), len(peers.source))
    clock = entered.copy()
    _compiled()(
        entered, peers.source, peers.destination, np.broadcast_to(duration, shape),
        np.broadcast_to(handling, shape), clock, np.zeros(entered.shape[1], np.int64),
    )  # fmt: skip
    return clock


@cache
def _compiled() -> Callable[..., None]:
    import numba

    compiled: Callable[..., None] = numba.njit(cache=True)(_loops)
    return compiled


def _loops(
    entered: IntArray,
    source: IntArray,
    destination: IntArray,
    duration: IntArray,
    handling: IntArray,
    clock: IntArray,
    waiting: IntArray,
) -> None:
    """Raise ``clock``; transfers from last to first, so that handling adds up behind each receive."""
    samples, transfers = duration.shape
    for sample in range(samples):
        waiting[:] = 0
        for i in range(transfers - 1, -1, -1):
            sender, receiver = source[i], destination[i]
            end = max(entered[sample, sender], entered[sample, receiver]) + duration[sample, i]
            waiting[receiver] += handling[sample, i]
            clock[sample, sender] = max(clock[sample, sender], end)
            clock[sample, receiver] = max(clock[sample, receiver], end + waiting[receiver])


def _raise_to(clock: IntArray, ranks: IntArray, values: IntArray, once: bool) -> None:
    """Set clock[:, r] to the largest of itself and the values of rank r; ``once`` if r occurs once."""
    if once:
        clock[:, ranks] = np.maximum(clock[:, ranks], values)
        return
    order = np.argsort(ranks, kind="stable")
    ordered = ranks[order]
    starts = np.flatnonzero(np.concatenate(([True], ordered[1:] != ordered[:-1])))
    latest = np.maximum.reduceat(values[:, order], starts, axis=1)
    who = ordered[starts]
    clock[:, who] = np.maximum(clock[:, who], latest)


def _suffix_sums(handling: IntArray, destination: IntArray) -> IntArray:
    """Return for every receive its handling plus that of its rank's later receives."""
    order = np.argsort(destination, kind="stable")
    ordered = destination[order]
    last = np.concatenate((ordered[1:] != ordered[:-1], [True]))
    total = np.cumsum(handling[:, order], axis=1)
    group_end = total[:, last][:, np.cumsum(last) - last]
    suffix = np.empty_like(total)
    suffix[:, order] = group_end - total + handling[:, order]
    return suffix
