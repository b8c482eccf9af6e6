"""A permutation under LogGOPS, where two numbers per rank are enough.

T is when its send starts, R when its receive starts:

    enter    T = max(cpu, out);              R = max(T + send_cpu, in, T[source] + o + L)
    repeat   T = max(R + receive_cpu, T + send_nic);
             R = max(T + send_cpu, R + receive_nic, T[source] + o + L)
    leave    cpu = R + receive_cpu;  in = R + receive_nic;  out = T + send_nic

From one permutation to the next the state is carried over: what ends has the costs of the last one. A
permutation that repeats itself exactly (its state is an earlier one plus a constant) jumps ahead.
"""

import numpy as np

from nearlinear.models.arrays import FloatArray, Integers
from nearlinear.simulator.kernels.table import EVEN

# Rows of the costs
SEND_CPU, SEND_NIC, RECEIVE_CPU, RECEIVE_NIC, FLIGHT = 0, 1, 2, 3, 4


def costs_here(phase: Integers, came: Integers, kind: Integers, cost: FloatArray) -> FloatArray:
    """Return the costs of a permutation by rank, shape (5, ranks or 1 where they are even, lanes)."""
    ranks, lanes = len(came), cost.shape[2]
    width = 1 if phase[EVEN] == 1 else ranks
    here = np.empty((5, width, lanes), cost.dtype)
    for i in range(width):
        mine, theirs = kind[i], kind[came[i]]
        for lane in range(lanes):
            here[SEND_CPU, i, lane] = cost[SEND_CPU, mine, lane]
            here[SEND_NIC, i, lane] = cost[SEND_NIC, mine, lane]
            here[RECEIVE_CPU, i, lane] = cost[RECEIVE_CPU, theirs, lane]
            here[RECEIVE_NIC, i, lane] = cost[RECEIVE_NIC, theirs, lane]
            here[FLIGHT, i, lane] = cost[FLIGHT, theirs, lane]
    return here


def mixed(here: FloatArray, last: FloatArray) -> FloatArray:
    """Return the costs of the step from one permutation to the next: what ends is of the last one."""
    width, lanes = max(here.shape[1], last.shape[1]), here.shape[2]
    both = np.empty((5, width, lanes), here.dtype)
    for i in range(width):
        h, e = min(i, here.shape[1] - 1), min(i, last.shape[1] - 1)
        for lane in range(lanes):
            both[SEND_CPU, i, lane], both[FLIGHT, i, lane] = here[SEND_CPU, h, lane], here[FLIGHT, h, lane]
            both[SEND_NIC, i, lane] = last[SEND_NIC, e, lane]
            both[RECEIVE_CPU, i, lane] = last[RECEIVE_CPU, e, lane]
            both[RECEIVE_NIC, i, lane] = last[RECEIVE_NIC, e, lane]
    return both


def enter(
    state: FloatArray, came: Integers, here: FloatArray, cpu: FloatArray, out: FloatArray, into: FloatArray
) -> None:
    """Start the first round of a permutation from the clocks."""
    start, receive = state[0], state[1]
    ranks, lanes = cpu.shape
    for i in range(ranks):
        for lane in range(lanes):
            start[i, lane] = max(cpu[i, lane], out[i, lane])
    for i in range(ranks):
        w = i if here.shape[1] > 1 else 0
        for lane in range(lanes):
            own = max(start[i, lane] + here[SEND_CPU, w, lane], into[i, lane])
            receive[i, lane] = max(own, start[came[i], lane] + here[FLIGHT, w, lane])


def land(state: FloatArray, last: FloatArray, cpu: FloatArray, out: FloatArray, into: FloatArray) -> None:
    """Set the clocks to the end of the last round."""
    start, receive = state[0], state[1]
    ranks, lanes = cpu.shape
    for i in range(ranks):
        w = i if last.shape[1] > 1 else 0
        for lane in range(lanes):
            cpu[i, lane] = receive[i, lane] + last[RECEIVE_CPU, w, lane]
            into[i, lane] = receive[i, lane] + last[RECEIVE_NIC, w, lane]
            out[i, lane] = start[i, lane] + last[SEND_NIC, w, lane]


def step(state: FloatArray, came: Integers, run: Integers, c: FloatArray) -> None:
    """Advance by a round."""
    ranks, lanes = state.shape[1], state.shape[2]
    if lanes > 1:
        round_of_rows(state[0], state[1], came, c)
    elif c.shape[1] == 1:
        round_even(state[0].reshape(ranks), state[1].reshape(ranks), came, run, c.reshape(5))
    else:
        round_single(state[0].reshape(ranks), state[1].reshape(ranks), came, run, c.reshape((5, ranks)))


def ride(
    rounds: int, state: FloatArray, came: Integers, run: Integers, here: FloatArray, repeats: bool
) -> None:
    """Advance by all rounds but the first."""
    looking = repeats and rounds > 2
    saved = state.copy() if looking else state
    k, saved_at = 1, 1
    while k < rounds:
        step(state, came, run, here)
        k += 1
        if looking and advanced_by_constant(state, saved):
            times = (rounds - k) // (k - saved_at)
            for lane in range(state.shape[2]):
                jump = times * (state[0, 0, lane] - saved[0, 0, lane])
                for i in range(state.shape[1]):
                    state[0, i, lane] += jump
                    state[1, i, lane] += jump
            k += times * (k - saved_at)
            looking = False
        elif looking and k & (k - 1) == 0:
            saved[:] = state
            saved_at = k


def advanced_by_constant(state: FloatArray, saved: FloatArray) -> bool:
    """Return whether every lane is its saved state plus a constant."""
    for i in range(state.shape[1]):
        for lane in range(state.shape[2]):
            constant = state[0, 0, lane] - saved[0, 0, lane]
            if state[0, i, lane] - saved[0, i, lane] != constant:
                return False
            if state[1, i, lane] - saved[1, i, lane] != constant:
                return False
    return True


def round_even(start: FloatArray, receive: FloatArray, came: Integers, run: Integers, c: FloatArray) -> None:
    """Advance one lane by a round in which all messages are alike."""
    send_cpu, send_nic, receive_cpu, receive_nic, flight = c[0], c[1], c[2], c[3], c[4]
    for i in range(len(start)):
        start[i] = max(receive[i] + receive_cpu, start[i] + send_nic)
    if len(run):
        for r in range(len(run)):
            first, count = run[r, 0], run[r, 1]
            mine, row = start[first : first + count], receive[first : first + count]
            theirs = start[run[r, 2] : run[r, 2] + count]
            for i in range(count):
                row[i] = max(max(mine[i] + send_cpu, row[i] + receive_nic), theirs[i] + flight)
    else:
        for i in range(len(start)):
            own = max(start[i] + send_cpu, receive[i] + receive_nic)
            receive[i] = max(own, start[came[i]] + flight)


def round_single(
    start: FloatArray, receive: FloatArray, came: Integers, run: Integers, c: FloatArray
) -> None:
    """Advance one lane by a round in which messages differ."""
    send_cpu, send_nic, receive_cpu, receive_nic, flight = c[0], c[1], c[2], c[3], c[4]
    for i in range(len(start)):
        start[i] = max(receive[i] + receive_cpu[i], start[i] + send_nic[i])
    if len(run):
        for r in range(len(run)):
            first, count = run[r, 0], run[r, 1]
            mine, row = start[first : first + count], receive[first : first + count]
            theirs = start[run[r, 2] : run[r, 2] + count]
            s, n = send_cpu[first : first + count], receive_nic[first : first + count]
            f = flight[first : first + count]
            for i in range(count):
                row[i] = max(max(mine[i] + s[i], row[i] + n[i]), theirs[i] + f[i])
    else:
        for i in range(len(start)):
            own = max(start[i] + send_cpu[i], receive[i] + receive_nic[i])
            receive[i] = max(own, start[came[i]] + flight[i])


def round_of_rows(start: FloatArray, receive: FloatArray, came: Integers, c: FloatArray) -> None:
    """Advance several lanes by a round."""
    ranks, lanes = start.shape
    wide = c.shape[1] > 1
    for i in range(ranks):
        w = i if wide else 0
        mine, row, busy, gap = start[i], receive[i], c[RECEIVE_CPU, w], c[SEND_NIC, w]
        for lane in range(lanes):
            mine[lane] = max(row[lane] + busy[lane], mine[lane] + gap[lane])
    for i in range(ranks):
        w = i if wide else 0
        mine, row, theirs = start[i], receive[i], start[came[i]]
        busy, gap, flight = c[SEND_CPU, w], c[RECEIVE_NIC, w], c[FLIGHT, w]
        for lane in range(lanes):
            own = max(mine[lane] + busy[lane], row[lane] + gap[lane])
            row[lane] = max(own, theirs[lane] + flight[lane])
