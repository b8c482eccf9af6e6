"""When active flows will end: a binary heap ordered by tick that knows where every flow stands in it.

A row of ``ends`` is a tick and a slot; ``place`` leads from a slot to its row.
"""

from nearlinear.models.arrays import Integers

TICK, SLOT = 0, 1


def settle(ends: Integers, place: Integers, count: int, i: int, tick: int, slot: int) -> None:
    """Put a flow where it belongs, starting from row i, whose content it replaces."""
    start = i
    while i > 0:
        parent = (i - 1) >> 1
        if ends[parent, TICK] <= tick:
            break
        ends[i, TICK], ends[i, SLOT] = ends[parent, TICK], ends[parent, SLOT]
        place[ends[i, SLOT]] = i
        i = parent
    if i == start:
        i = sink(ends, place, count, i, tick)
    ends[i, TICK], ends[i, SLOT] = tick, slot
    place[slot] = i


def sink(ends: Integers, place: Integers, count: int, i: int, tick: int) -> int:
    """Move up what ends before a tick below row i; return the row that this leaves free."""
    while True:
        child = 2 * i + 1
        if child >= count:
            return i
        if child + 1 < count and ends[child + 1, TICK] < ends[child, TICK]:
            child += 1
        if tick <= ends[child, TICK]:
            return i
        ends[i, TICK], ends[i, SLOT] = ends[child, TICK], ends[child, SLOT]
        place[ends[i, SLOT]] = i
        i = child


def order(ends: Integers, place: Integers, count: int) -> None:
    """Make a heap of rows in any order."""
    for top in range((count >> 1) - 1, -1, -1):
        tick, slot = ends[top, TICK], ends[top, SLOT]
        i = sink(ends, place, count, top, tick)
        if i != top:
            ends[i, TICK], ends[i, SLOT] = tick, slot
            place[slot] = i
