"""A program without arbitration, swept without a queue: each stream runs until it must wait.

Where nothing is decided by who comes first, times follow from the graph alone, whatever the order in
which streams are visited. A stream waits for one thing at a time; whoever provides it wakes the stream.
"""

import numpy as np

from nearlinear.models.arrays import Integers
from nearlinear.simulator.kernels.waiters import wake

COMPUTE, SEND = 0, 1
NEVER = -1
SEND_CPU, SEND_NIC, RECEIVE_CPU, RECEIVE_NIC, FLIGHT = 0, 1, 2, 3, 4


def run_dataflow(
    first: Integers, begin_ticks: Integers, kind: Integers,
    ticks: Integers, message: Integers, fence: Integers, post: Integers, wait_first: Integers,
    wait: Integers, send: Integers, sender: Integers, duration: Integers, handling: Integers,
    begin: Integers, done: Integers,
) -> None:  # fmt: skip
    """Set ``begin`` and ``done`` of every operation that can happen; both are NEVER on entry.

    Parameters
    ----------
    sender : ndarray of int, shape (messages,)
        Stream of each message's send.
    duration, handling : ndarray of int, shape (messages,)
        On the wire once both ends have posted, and at the receiver.
    Other parameters are columns of the program.
    """
    streams, waits = len(begin_ticks), len(wait) > 0
    free = begin_ticks.copy()
    place = first[:-1].copy()
    open_sends, latest, at_fence = np.zeros(streams, np.int64), free.copy(), np.zeros(streams, np.uint8)
    expected = np.full(len(send), NEVER, np.int64)
    waiter, next_waiter = np.full(len(kind), -1, np.int32), np.full(streams, -1, np.int32)
    stack = np.empty(2 * streams + 1, np.int64)
    for s in range(streams):
        stack[s] = streams - 1 - s
    height = streams
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
                for w in range(wait_first[op] if waits else 0, wait_first[op + 1] if waits else 0):
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
                begin[op] = at
                if waits:
                    height = wake(op, waiter, next_waiter, stack, height)
                if kind[op] > SEND and post[op] == op:
                    j = op
                    while j < last and post[j] == op:
                        m = message[j]
                        expected[m] = at
                        if begin[send[m]] != NEVER:
                            t = sender[m]
                            end = max(begin[send[m]], at) + duration[m]
                            done[send[m]] = end
                            latest[t] = max(latest[t], end)
                            open_sends[t] -= 1
                            if at_fence[t] and open_sends[t] == 0:
                                at_fence[t] = 0
                                stack[height] = t
                                height += 1
                            height = wake(send[m], waiter, next_waiter, stack, height)
                        j += 1
            if kind[op] == COMPUTE:
                free[s] = begin[op] + ticks[op]
                done[op] = free[s]
                height = wake(op, waiter, next_waiter, stack, height)
            elif kind[op] == SEND:
                m = message[op]
                free[s] = begin[op]
                if expected[m] != NEVER:
                    end = max(begin[op], expected[m]) + duration[m]
                    done[op] = end
                    latest[s] = max(latest[s], end)
                    height = wake(op, waiter, next_waiter, stack, height)
                else:
                    open_sends[s] += 1
            else:
                m = message[op]
                if done[send[m]] == NEVER:
                    next_waiter[s] = waiter[send[m]]
                    waiter[send[m]] = s
                    break
                free[s] = max(begin[op], done[send[m]]) + handling[m]
                done[op] = free[s]
                if waits:
                    height = wake(op, waiter, next_waiter, stack, height)
            op += 1
        place[s] = op


def run_overheads(
    ranks: int, stream_rank: Integers, first: Integers, begin_ticks: Integers, kind: Integers,
    ticks: Integers, message: Integers, wait_first: Integers, wait: Integers, send: Integers,
    cost: Integers, size: Integers, begin: Integers, done: Integers,
) -> None:  # fmt: skip
    """Do the same under LogGOPS, where every rank has one stream and no message asks first.

    ``cost`` has shape (sizes, 6), ``size`` is the row of each message. Sends are done at once, so that
    a fence means nothing.
    """
    streams, waits = len(begin_ticks), len(wait) > 0
    free, place = begin_ticks.copy(), first[:-1].copy()
    out, into = np.zeros(ranks, np.int64), np.zeros(ranks, np.int64)
    sent = np.full(len(send), NEVER, np.int64)
    waiter, next_waiter = np.full(len(kind), -1, np.int32), np.full(streams, -1, np.int32)
    stack = np.empty(2 * streams + 1, np.int64)
    for s in range(streams):
        stack[s] = streams - 1 - s
    height = streams
    while height > 0:
        height -= 1
        s = stack[height]
        rank, last, op = stream_rank[s], first[s + 1], place[s]
        now, leaving, entering = free[s], out[rank], into[rank]
        while op < last:
            if begin[op] == NEVER:
                held = False
                if waits:
                    for w in range(wait_first[op], wait_first[op + 1]):
                        target = wait[w] if wait[w] >= 0 else ~wait[w]
                        known = done[target] if wait[w] >= 0 else begin[target]
                        if known == NEVER:
                            next_waiter[s] = waiter[target]
                            waiter[target] = s
                            held = True
                            break
                        now = max(now, known)
                if held:
                    break
                begin[op] = now
                if waits:
                    height = wake(op, waiter, next_waiter, stack, height)
            if kind[op] == COMPUTE:
                now = begin[op] + ticks[op]
            else:
                m = message[op]
                c = cost[size[m]]
                if kind[op] == SEND:
                    at = max(now, leaving)
                    sent[m] = at
                    leaving = at + c[SEND_NIC]
                    now = at + c[SEND_CPU]
                elif sent[m] == NEVER:
                    next_waiter[s] = waiter[send[m]]
                    waiter[send[m]] = s
                    break
                else:
                    at = max(max(begin[op], entering), sent[m] + c[FLIGHT])
                    entering = at + c[RECEIVE_NIC]
                    now = at + c[RECEIVE_CPU]
            done[op] = now
            if waiter[op] >= 0:
                height = wake(op, waiter, next_waiter, stack, height)
            op += 1
        place[s], free[s], out[rank], into[rank] = op, now, leaving, entering
