"""Max-min rates of the flows that a change can reach: progressive filling on the lists of the links.

What :func:`nearlinear.simulator.fabrics.sharing.max_min_rates` defines, bit by bit: a link whose flows
cannot fill it plays no part, levels are compared exactly, what a level takes from a link is taken at once.
"""

import numpy as np

from nearlinear.models.arrays import FloatArray, Integers
from nearlinear.simulator.kernels.links import CAPACITY, FROZEN, FULL, HEAD, HIGHEST, LIMIT, LINK, LOAD, NEXT

LEFT, WEIGHT, FAIR, TAKEN = 0, 1, 2, 3  # columns of fills
SOLVED = 3  # column of rates


def fill_links(
    members: Integers, reached: Integers, turn: int, shift: int, ties: Integers, part: FloatArray,
    lists: Integers, loads: FloatArray, flows: Integers, rates: FloatArray, fills: FloatArray,
    newly: Integers,
) -> None:  # fmt: skip
    """Set SOLVED of the members; ``reached`` is all links on which they can meet, and is overwritten."""
    lowest, highest, left = np.inf, 0.0, 0
    for k in range(len(members)):
        limit = rates[members[k], LIMIT]
        rates[members[k], SOLVED] = limit
        if limit < np.inf:  # else it uses no link
            lowest, highest = min(lowest, limit), max(highest, limit)
            left += 1
    binding = start_filling(reached, turn, lists, loads, fills)
    even = lowest >= highest
    if not even and binding > 0:
        members[:] = members[np.argsort(rates[members, LIMIT])]
    follower = 0
    while left > 0 and binding > 0:
        level = lowest
        if not even:
            while flows[members[follower], FROZEN] == turn:
                follower += 1
            level = rates[members[follower], LIMIT]
        binding, level = lowest_level(reached, binding, level, fills)
        fresh = 0
        for k in range(binding):
            if fills[reached[k], FAIR] == level:
                fresh = freeze(lists[reached[k], HEAD], turn, shift, ties, flows, newly, fresh)
        if even and fresh == 0:
            return
        while not even and follower < len(members) and rates[members[follower], LIMIT] <= level:
            if flows[members[follower], FROZEN] != turn:
                flows[members[follower], FROZEN] = turn
                newly[fresh] = members[follower]
                fresh += 1
            follower += 1
        for k in range(fresh):
            rates[newly[k], SOLVED] = level
        left -= fresh
        if left > 0:
            take(newly, fresh, level, turn, shift, ties, part, lists, fills, reached, binding)


def start_filling(reached: Integers, turn: int, lists: Integers, loads: FloatArray, fills: FloatArray) -> int:
    """Keep the links that bind, empty; return how many there are."""
    binding = 0
    for k in range(len(reached)):
        link = reached[k]
        if loads[link, CAPACITY] < loads[link, LOAD] * loads[link, HIGHEST]:
            lists[link, FULL] = turn
            fills[link, LEFT], fills[link, WEIGHT] = loads[link, CAPACITY], loads[link, LOAD]
            fills[link, FAIR] = loads[link, CAPACITY] / loads[link, LOAD]
            fills[link, TAKEN] = 0.0
            reached[binding] = link
            binding += 1
    return binding


def lowest_level(reached: Integers, binding: int, level: float, fills: FloatArray) -> tuple[int, float]:
    """Forget links without flows that rise; return how many are left, and the next level."""
    kept = 0
    for k in range(binding):
        link = reached[k]
        if fills[link, WEIGHT] > 0.0:
            reached[kept] = link
            kept += 1
            level = min(level, fills[link, FAIR])
    return kept, level


def freeze(
    tie: int, turn: int, shift: int, ties: Integers, flows: Integers, newly: Integers, fresh: int
) -> int:
    """Add the flows of a full link that still rise to ``newly``; return how many there are."""
    while tie >= 0:
        slot = tie >> shift
        if flows[slot, FROZEN] != turn:
            flows[slot, FROZEN] = turn
            newly[fresh] = slot
            fresh += 1
        tie = ties[tie, NEXT]
    return fresh


def take(
    newly: Integers, fresh: int, level: float, turn: int, shift: int, ties: Integers, part: FloatArray,
    lists: Integers, fills: FloatArray, reached: Integers, binding: int,
) -> None:  # fmt: skip
    """Take from the links what the flows frozen at a level need, once per link."""
    for k in range(fresh):
        for tie in range(newly[k] << shift, (newly[k] + 1) << shift):
            link = ties[tie, LINK]
            if link < 0:
                break
            if lists[link, FULL] == turn:
                fills[link, TAKEN] += part[tie]
    for k in range(binding):
        link = reached[k]
        taken = fills[link, TAKEN]
        if taken > 0.0:
            fills[link, LEFT] -= level * taken
            fills[link, WEIGHT] -= taken
            fills[link, TAKEN] = 0.0
            if fills[link, WEIGHT] > 0.0:
                fills[link, FAIR] = fills[link, LEFT] / fills[link, WEIGHT]
