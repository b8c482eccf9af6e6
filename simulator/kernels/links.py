"""Which flows use which links, and whom a change can reach.

The flows of a link are a doubly linked list of *ties*. A tie is a row ``slot << shift | hop``: the link
of that hop (-1 after the last), the next and the previous tie of the link. A link *can bind* if its flows
could fill it at the largest rate that any of its flows ever has alone.
"""

from nearlinear.models.arrays import FloatArray, Integers

LINK, NEXT, BACK = 0, 1, 2  # columns of ties
HEAD, BINDS, REACHED, FULL = 0, 1, 2, 3  # columns of lists; the last two: turn
CAPACITY, WIDEST, LOAD, HIGHEST = 0, 1, 2, 3  # columns of loads
SINCE, MESSAGE, MARK, FROZEN = 0, 1, 2, 3  # columns of flows; the last two: turn
LIMIT = 2  # column of rates


def join(
    slot: int, m: int, shift: int, turn: int, links: Integers, share: FloatArray, ties: Integers,
    part: FloatArray, lists: Integers, loads: FloatArray, reached: Integers, reaches: int,
) -> int:  # fmt: skip
    """Put a flow on its links; add those that can bind from now on to ``reached``."""
    tie = slot << shift
    for hop in range(links.shape[1]):
        link = links[m, hop]
        if link < 0:
            continue
        ties[tie, LINK], ties[tie, NEXT], ties[tie, BACK] = link, lists[link, HEAD], -1
        if lists[link, HEAD] >= 0:
            ties[lists[link, HEAD], BACK] = tie
        lists[link, HEAD] = tie
        part[tie] = 1.0 if (share.size == 1 and share[0, 0] == 1.0) else share[m, hop]
        loads[link, LOAD] += part[tie]
        lists[link, BINDS] = loads[link, CAPACITY] < loads[link, LOAD] * loads[link, WIDEST]
        if lists[link, BINDS] and lists[link, REACHED] != turn:
            lists[link, REACHED] = turn
            reached[reaches] = link
            reaches += 1
        tie += 1
    if tie < (slot + 1) << shift:
        ties[tie, LINK] = -1
    return reaches


def leave(
    slot: int, shift: int, turn: int, ties: Integers, part: FloatArray, lists: Integers, loads: FloatArray,
    reached: Integers, reaches: int,
) -> int:  # fmt: skip
    """Take a flow off its links; add those that could bind until now to ``reached``."""
    for tie in range(slot << shift, (slot + 1) << shift):
        link = ties[tie, LINK]
        if link < 0:
            break
        if lists[link, BINDS] and lists[link, REACHED] != turn:
            lists[link, REACHED] = turn
            reached[reaches] = link
            reaches += 1
        loads[link, LOAD] -= part[tie]
        lists[link, BINDS] = loads[link, CAPACITY] < loads[link, LOAD] * loads[link, WIDEST]
        follower, leader = ties[tie, NEXT], ties[tie, BACK]
        if follower >= 0:
            ties[follower, BACK] = leader
        if leader >= 0:
            ties[leader, NEXT] = follower
        else:
            lists[link, HEAD] = follower
    return reaches


def reach(
    members: Integers, found: int, reached: Integers, reaches: int, turn: int, shift: int, ties: Integers,
    lists: Integers, loads: FloatArray, flows: Integers, rates: FloatArray,
) -> tuple[int, int]:  # fmt: skip
    """Add all flows and links that a change can reach; return how many flows and links there are.

    Sets HIGHEST of every link, the largest rate alone of its present flows.
    """
    seen, k = 0, 0
    while seen < reaches or k < found:
        while seen < reaches:
            highest, tie = 0.0, lists[reached[seen], HEAD]
            while tie >= 0:
                slot = tie >> shift
                highest = max(highest, rates[slot, LIMIT])
                if flows[slot, MARK] != turn:
                    flows[slot, MARK] = turn
                    members[found] = slot
                    found += 1
                tie = ties[tie, NEXT]
            loads[reached[seen], HIGHEST] = highest
            seen += 1
        while k < found and seen == reaches:
            for tie in range(members[k] << shift, (members[k] + 1) << shift):
                link = ties[tie, LINK]
                if link < 0:
                    break
                if lists[link, BINDS] and lists[link, REACHED] != turn:
                    lists[link, REACHED] = turn
                    reached[reaches] = link
                    reaches += 1
            k += 1
    return found, reaches
