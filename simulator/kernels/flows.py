"""Programs whose messages share links by *flow*: an event loop in ticks.

All events of a tick are handled, then rates are solved once, among the flows that can be reached from
what changed through links that can bind. A flow's past is settled only when its rate changes, so that
the ticks do not depend on how many flows were solved together. What happens in a tick does not depend
on the order in which its events are handled.

Active flows have slots, so that what is read often stays in the cache of the processor.
"""

import numpy as np

from nearlinear.models.arrays import FloatArray, Integers
from nearlinear.simulator.kernels.columns import (
    FENCE,
    HANDLING,
    KIND,
    LATENCY,
    LEADS,
    NUMBER,
    POSTED,
    SEND_OP,
    SENDER,
    WAITS,
    WORK,
)  # fmt: skip
from nearlinear.simulator.kernels.ends import order, settle
from nearlinear.simulator.kernels.heap import pop, push
from nearlinear.simulator.kernels.levels import fill_links
from nearlinear.simulator.kernels.links import join, leave, reach
from nearlinear.simulator.kernels.waiters import wake

COMPUTE, SEND = 0, 1
NEVER = -1
FAR = 2**62  # later than any tick
RESUME, LEAVE, EVENTS = 0, 1, 2  # what an event of the heap is, and how many kinds
FREE, PLACE, OPEN, AT_FENCE = 0, 1, 2, 3  # columns of stream
TICK, SLOT = 0, 1  # columns of ends
SINCE, MESSAGE, MARK, FROZEN = 0, 1, 2, 3  # columns of flow
REMAINING, RATE, LIMIT, SOLVED = 0, 1, 2, 3  # columns of rates
STARTED, SOLUTIONS, MEMBERS = 0, 1, 2


def run_flows(
    first: Integers, begin_ticks: Integers, code: Integers, ticks: Integers, post: Integers,
    wait_first: Integers, wait: Integers, route: Integers, links: Integers, share: FloatArray,
    alone: FloatArray, capacity: FloatArray, widest: FloatArray, begin: Integers, done: Integers,
    counts: Integers,
) -> None:  # fmt: skip
    """Set ``begin`` and ``done`` of every operation that can happen; both are NEVER on entry.

    Parameters
    ----------
    code, route : ndarray of int, shapes (operations,) and (messages, 6)
        What :mod:`nearlinear.simulator.kernels.columns` makes of a program; ``route`` is overwritten.
    alone : ndarray, shape (messages,)
        Rate of each message when nobody shares its links.
    widest : ndarray, shape (links,)
        Largest such rate of all messages that ever use each link.
    counts : ndarray of int, shape (3,)
        On return flows started and ended, solutions, flows in them.
    Other parameters are columns of the program and its messages, and capacities of links.
    """
    streams, total, shift = len(begin_ticks), len(route), 0
    while 1 << shift < links.shape[1]:
        shift += 1
    stream, next_waiter = np.zeros((streams, 4), np.int64), np.full(streams, -1, np.int32)
    waiter = np.full(len(code), -1, np.int32)
    ties, part = np.empty((total << shift, 4), np.int32), np.empty(total << shift)
    lists, loads = np.zeros((len(capacity), 4), np.int32), np.zeros((len(capacity), 4))
    flow, rates, fills = np.empty((total, 4), np.int64), np.empty((total, 4)), np.empty((len(capacity), 4))
    ends, place = np.empty((total, 2), np.int64), np.empty(total, np.int32)
    members, newly, vacant = (np.empty(total, np.int32), np.empty(total, np.int32), np.empty(total, np.int32))
    reached = np.empty(len(capacity), np.int32)
    when, what = np.empty(streams + total, np.int64), np.empty(streams + total, np.int64)
    stack = np.empty(streams + 1, np.int64)
    lists[:, 0] = -1
    loads[:, 0], loads[:, 1] = capacity, widest
    count, active, slots, vacancies, height = 0, 0, 0, 0, 0
    found, reaches, turn = 0, 0, 1
    for s in range(streams):
        stream[s, FREE], stream[s, PLACE] = begin_ticks[s], first[s]
        count = push(when, what, count, begin_ticks[s], s * EVENTS + RESUME)
    while True:
        now = when[0] if count > 0 else FAR
        if active > 0 and ends[0, TICK] < now:
            now = ends[0, TICK]
        if now == FAR:
            return
        while True:
            over = NEVER
            if active > 0 and ends[0, TICK] == now:
                slot = ends[0, SLOT]
                over = flow[slot, MESSAGE]
                active -= 1
                if active > 0:
                    settle(ends, place, active, 0, ends[active, TICK], ends[active, SLOT])
                reaches = leave(slot, shift, turn, ties, part, lists, loads, reached, reaches)
                vacant[vacancies] = slot
                vacancies += 1
                counts[STARTED] += 1
            elif count > 0 and when[0] == now:
                about, which = what[0] >> 1, what[0] & 1
                count = pop(when, what, count)
                if which == RESUME:
                    stack[height] = about
                    height += 1
                elif route[about, WORK] == 0:
                    over = about
                else:
                    if vacancies > 0:
                        vacancies -= 1
                        slot = vacant[vacancies]
                    else:
                        slot = slots
                        slots += 1
                        flow[slot, FROZEN] = 0
                    flow[slot, SINCE], flow[slot, MESSAGE], flow[slot, MARK] = now, about, turn
                    rates[slot, REMAINING], rates[slot, RATE] = float(route[about, WORK]), 0.0
                    rates[slot, LIMIT], rates[slot, SOLVED] = alone[about], alone[about]
                    members[found] = slot
                    found += 1
                    counts[STARTED] += 1
                    reaches = join(
                        slot, about, shift, turn, links, share, ties, part, lists, loads, reached, reaches
                    )
            else:
                break
            if over != NEVER:
                op, s = route[over, SEND_OP], route[over, SENDER]
                done[op] = now
                stream[s, OPEN] -= 1
                if stream[s, AT_FENCE] and stream[s, OPEN] == 0:
                    stream[s, AT_FENCE] = 0
                    stack[height] = s
                    height += 1
                height = wake(op, waiter, next_waiter, stack, height)
            while height > 0:
                height -= 1
                s = stack[height]
                last, op, free = first[s + 1], stream[s, PLACE], stream[s, FREE]
                while op < last:
                    step = code[op]
                    m = step >> NUMBER
                    if begin[op] == NEVER:
                        if step & FENCE and stream[s, OPEN] > 0:
                            stream[s, AT_FENCE] = 1
                            break
                        at = free
                        if step & WAITS:
                            for w in range(wait_first[op], wait_first[op + 1]):
                                target = wait[w] if wait[w] >= 0 else ~wait[w]
                                known = done[target] if wait[w] >= 0 else begin[target]
                                if known == NEVER:
                                    next_waiter[s] = waiter[target]
                                    waiter[target] = s
                                    at = FAR
                                    break
                                at = max(at, known)
                        if at > now:
                            if at < FAR:
                                count = push(when, what, count, at, s * EVENTS + RESUME)
                            break
                        begin[op] = now
                        height = wake(op, waiter, next_waiter, stack, height)
                        if step & LEADS:
                            j = op
                            while j < last and post[j] == op:
                                posted = code[j] >> NUMBER
                                route[posted, POSTED] += 1
                                if route[posted, POSTED] == 2:
                                    at = now + route[posted, LATENCY]
                                    count = push(when, what, count, at, posted * EVENTS + LEAVE)
                                j += 1
                    if step & KIND == COMPUTE:
                        free = now + ticks[op]
                        done[op] = free
                        height = wake(op, waiter, next_waiter, stack, height)
                    elif step & KIND == SEND:
                        free = now
                        stream[s, OPEN] += 1
                        route[m, POSTED] += 1
                        if route[m, POSTED] == 2:
                            at = now + route[m, LATENCY]
                            count = push(when, what, count, at, m * EVENTS + LEAVE)
                    elif done[route[m, SEND_OP]] == NEVER:
                        next_waiter[s] = waiter[route[m, SEND_OP]]
                        waiter[route[m, SEND_OP]] = s
                        break
                    else:
                        free = now + route[m, HANDLING]
                        done[op] = free
                        height = wake(op, waiter, next_waiter, stack, height)
                    op += 1
                stream[s, PLACE], stream[s, FREE] = op, free
        if found == 0 and reaches == 0:
            continue
        if reaches > 0:
            found, reaches = reach(
                members, found, reached, reaches, turn, shift, ties, lists, loads, flow, rates
            )
            fill_links(
                members[:found], reached[:reaches], turn, shift, ties, part, lists, loads, flow, rates,
                fills, newly,
            )  # fmt: skip
        counts[SOLUTIONS] += 1
        counts[MEMBERS] += found
        at_once = 4 * found > active + found and found > 8
        for k in range(found):
            slot = members[k]
            rate = rates[slot, SOLVED]
            if rate != rates[slot, RATE]:
                rates[slot, REMAINING] -= (now - flow[slot, SINCE]) * rates[slot, RATE]
                left = max(np.int64(np.rint(rates[slot, REMAINING] * (1.0 / rate))), np.int64(0))
                fresh = rates[slot, RATE] == 0.0
                flow[slot, SINCE], rates[slot, RATE] = now, rate
                i = active if fresh else place[slot]
                active += fresh
                if at_once:
                    ends[i, TICK], ends[i, SLOT] = now + left, slot
                    place[slot] = i
                else:
                    settle(ends, place, active, i, int(now + left), slot)
        if at_once:
            order(ends, place, active)
        found, reaches = 0, 0
        turn += 1
