"""What each rank of a schedule does, as operations that stand alone: no fences, only waits.

A rank's round begins when all that it did in its round before is done.
"""

from dataclasses import dataclass

import numpy as np

from nearlinear.models.arrays import IntArray
from nearlinear.models.collectives.schedule import Schedule
from nearlinear.simulator.programs.program import RECEIVE, SEND


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Shares:
    """Operations of all members, as equally long columns, member by member.

    Attributes
    ----------
    first : ndarray of int, shape (members + 1,)
        Where each member's operations begin.
    kind, peer, size_bytes : ndarray of int, shape (operations,)
        SEND or RECEIVE, the member at the other end, and the size.
    last_round : ndarray of int, shape (members,)
        Where each member's last round begins.
    wait_first : ndarray of int, shape (members + 1,)
        Where each member's waits begin.
    operation, target : ndarray of int, shape (waits,)
        Who waits until whom is done.
    """

    first: IntArray
    kind: IntArray
    peer: IntArray
    size_bytes: IntArray
    last_round: IntArray
    wait_first: IntArray
    operation: IntArray
    target: IntArray


def message_count(schedule: Schedule) -> int:
    """Return an upper bound of the messages of a schedule."""
    return sum(phase.rounds * len(phase.source) for phase in schedule.phases())


def shares(schedule: Schedule, size_bytes: int) -> Shares:
    """Return what each rank of a schedule does, for a vector of ``size_bytes`` cut at whole bytes."""
    source, destination, number, size = _messages(schedule, size_bytes)
    count = len(source)
    member, peer = np.concatenate([source, destination]), np.concatenate([destination, source])
    kind = np.repeat([SEND, RECEIVE], count)
    order = np.lexsort((np.tile(np.arange(count), 2), kind, np.tile(number, 2), member))
    member, number, size = member[order], np.tile(number, 2)[order], np.tile(size, 2)[order]
    new = np.ones(2 * count, dtype=bool)
    new[1:] = (np.diff(member) != 0) | (np.diff(number) != 0)
    heads, block = np.flatnonzero(new), np.cumsum(new) - 1
    following = np.append(heads, 2 * count)[block + 1]  # where the next block begins
    goes_on = np.append(member, -1)[following] == member
    first = np.searchsorted(member, np.arange(schedule.ranks + 1))
    target = np.flatnonzero(goes_on)
    last = np.append(heads, 0)[np.maximum(np.searchsorted(heads, first[1:]) - 1, 0)]
    return Shares(
        first=first, kind=kind[order], peer=peer[order], size_bytes=size,
        last_round=np.maximum(last, first[:-1]), wait_first=np.searchsorted(target, first),
        operation=following[target], target=target,
    )  # fmt: skip


def _messages(schedule: Schedule, size_bytes: int) -> tuple[IntArray, IntArray, IntArray, IntArray]:
    """Return source, destination, round and size of all messages in posting order."""
    bounds, number = schedule.chunk_bounds(size_bytes), 0
    found: list[IntArray] = [np.empty((4, 0), dtype=np.int64)]
    for phase in schedule.phases():
        for transfers in phase:
            sizes = bounds[transfers.chunk + transfers.chunks] - bounds[transfers.chunk]
            keep = (transfers.source != transfers.destination) & (sizes > 0)
            rounds = np.full(int(keep.sum()), number)
            found.append(np.stack([transfers.source[keep], transfers.destination[keep], rounds, sizes[keep]]))
            number += 1
    source, destination, rounds, sizes = np.concatenate(found, axis=1)
    return source, destination, rounds, sizes
