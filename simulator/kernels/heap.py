"""A binary heap of events, ordered by tick, then by event, in two arrays."""

import numpy as np

from nearlinear.models.arrays import Integers


def room(when: Integers, what: Integers, count: int) -> tuple[Integers, Integers]:
    """Return the heap with room for one more."""
    if count < len(when):
        return when, what
    more_when, more_what = np.empty(2 * len(when), np.int64), np.empty(2 * len(when), np.int64)
    more_when[:count], more_what[:count] = when[:count], what[:count]
    return more_when, more_what


def push(when: Integers, what: Integers, count: int, tick: int, event: int) -> int:
    """Add an event to a binary heap ordered by tick, then event; return its new size."""
    i = count
    while i > 0:
        parent = (i - 1) >> 1
        if when[parent] < tick or (when[parent] == tick and what[parent] <= event):
            break
        when[i], what[i] = when[parent], what[parent]
        i = parent
    when[i], what[i] = tick, event
    return count + 1


def pop(when: Integers, what: Integers, count: int) -> int:
    """Remove the first event of the heap; return its new size."""
    count -= 1
    tick, event = when[count], what[count]
    i = 0
    while True:
        child = 2 * i + 1
        if child >= count:
            break
        other = child + 1
        if other < count and (
            when[other] < when[child] or (when[other] == when[child] and what[other] < what[child])
        ):
            child = other
        if tick < when[child] or (tick == when[child] and event <= what[child]):
            break
        when[i], what[i] = when[child], what[child]
        i = child
    when[i], what[i] = tick, event
    return count
