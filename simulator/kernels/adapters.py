"""Programs under LogGOPS whose streams share an adapter: an event loop in ticks.

An adapter serves operations in the order in which they are ready for it; at equal ticks, after all
events of the tick, in their order in the program.
"""

import numpy as np

from nearlinear.models.arrays import Integers
from nearlinear.simulator.kernels.heap import pop, push
from nearlinear.simulator.kernels.waiters import wake

COMPUTE, SEND = 0, 1
NEVER = -1
RESUME, REQUESTED, GRANTED, ARRIVED = 0, 1, 2, 3
KINDS = 4
SEND_CPU, SEND_NIC, RECEIVE_CPU, RECEIVE_NIC, FLIGHT, REQUEST = 0, 1, 2, 3, 4, 5


def run_adapters(
    ranks: int, stream_rank: Integers, first: Integers, begin_ticks: Integers, kind: Integers,
    ticks: Integers, message: Integers, fence: Integers, post: Integers, wait_first: Integers,
    wait: Integers, send: Integers, sender: Integers, receiver: Integers, asks: Integers, cost: Integers,
    begin: Integers, done: Integers,
) -> None:  # fmt: skip
    """Set ``begin`` and ``done`` of every operation that can happen; both are NEVER on entry.

    ``sender`` and ``receiver`` are the streams of each message; ``cost`` has shape (6, messages).
    """
    streams, total = len(stream_rank), len(send)
    free, latest = begin_ticks.copy(), begin_ticks.copy()
    out, into = np.zeros(ranks, np.int64), np.zeros(ranks, np.int64)
    place = first[:-1].copy()
    open_sends, at_fence = np.zeros(streams, np.int64), np.zeros(streams, np.uint8)
    posted, requested = np.zeros(total, np.uint8), np.zeros(total, np.uint8)
    sent = np.full(total, NEVER, np.int64)
    waiter, next_waiter = np.full(len(kind), -1, np.int32), np.full(streams, -1, np.int32)
    ready = np.empty(streams + total, np.int64)
    size = 4 * streams + 2 * total + 16
    when, what = np.empty(size, np.int64), np.empty(size, np.int64)
    count = 0
    for s in range(streams):
        count = push(when, what, count, free[s], s * KINDS + RESUME)
    stack = np.empty(2 * streams + 1, np.int64)
    height = 0
    while count > 0:
        now = when[0]
        readies = 0
        while count > 0 and when[0] == now:
            which, about = what[0] % KINDS, what[0] // KINDS
            count = pop(when, what, count)
            if which == RESUME:
                stack[height] = about
                height += 1
            elif which == REQUESTED:
                requested[about] = 1
                if posted[about]:
                    count = push(when, what, count, now + cost[FLIGHT, about], about * KINDS + GRANTED)
            else:
                ready[readies] = send[about] if which == GRANTED else about
                readies += 1
            while height > 0:
                height -= 1
                s = stack[height]
                last, op = first[s + 1], place[s]
                while op < last:
                    if begin[op] == NEVER:
                        at = free[s]
                        if fence[op]:
                            if open_sends[s] > 0:
                                at_fence[s] = 1
                                break
                            at = max(at, latest[s])
                        held = False
                        for w in range(wait_first[op], wait_first[op + 1]):
                            target = wait[w] if wait[w] >= 0 else ~wait[w]
                            known = done[target] if wait[w] >= 0 else begin[target]
                            if known == NEVER:
                                next_waiter[s] = waiter[target]
                                waiter[target] = s
                                held = True
                                break
                            at = max(at, known)
                        if held:
                            break
                        if at > now:
                            count = push(when, what, count, at, s * KINDS + RESUME)
                            break
                        begin[op] = now
                        height = wake(op, waiter, next_waiter, stack, height)
                        if kind[op] > SEND and post[op] == op:
                            j = op
                            while j < last and post[j] == op:
                                m = message[j]
                                posted[m] = 1
                                if requested[m]:
                                    at = now + cost[FLIGHT, m]
                                    count = push(when, what, count, at, m * KINDS + GRANTED)
                                j += 1
                    m = message[op]
                    if kind[op] == COMPUTE:
                        free[s] = now + ticks[op]
                        done[op] = free[s]
                        height = wake(op, waiter, next_waiter, stack, height)
                    elif kind[op] == SEND and asks[m]:
                        free[s] = now + cost[REQUEST, m]
                        open_sends[s] += 1
                        count = push(when, what, count, now + cost[FLIGHT, m], m * KINDS + REQUESTED)
                    elif kind[op] == SEND:
                        ready[readies] = op
                        readies += 1
                        break
                    elif sent[m] == NEVER:
                        next_waiter[s] = waiter[send[m]]
                        waiter[send[m]] = s
                        break
                    else:
                        at = max(now, sent[m] + cost[FLIGHT, m])
                        count = push(when, what, count, at, op * KINDS + ARRIVED)
                        break
                    op += 1
                place[s] = op
        for r in range(1, readies):  # few at a tick: insertion keeps them in program order
            op, k = ready[r], r
            while k > 0 and ready[k - 1] > op:
                ready[k] = ready[k - 1]
                k -= 1
            ready[k] = op
        for r in range(readies):
            op = ready[r]
            m = message[op]
            if kind[op] == SEND:
                s = sender[m]
                rank = stream_rank[s]
                at = max(now, out[rank])
                out[rank] = at + cost[SEND_NIC, m]
                sent[m] = at
                done[op] = at + cost[SEND_CPU, m]
                if asks[m]:
                    latest[s] = max(latest[s], done[op])
                    open_sends[s] -= 1
                    again = at_fence[s] == 1 and open_sends[s] == 0
                    at_fence[s] = 0 if again else at_fence[s]
                else:
                    free[s] = done[op]
                    place[s] = op + 1
                    again = True
            else:
                s = receiver[m]
                rank = stream_rank[s]
                at = max(now, into[rank])
                into[rank] = at + cost[RECEIVE_NIC, m]
                done[op] = at + cost[RECEIVE_CPU, m]
                free[s] = done[op]
                place[s] = op + 1
                again = True
            if again:
                count = push(when, what, count, now, s * KINDS + RESUME)
            height = wake(op, waiter, next_waiter, stack, height)
            while height > 0:
                height -= 1
                count = push(when, what, count, now, stack[height] * KINDS + RESUME)
