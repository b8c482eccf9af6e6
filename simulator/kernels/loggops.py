"""Clocks through packed phases under LogGOPS: a CPU and the two directions of an adapter per rank.

Ranks post all sends of a round in list order, then all receives in list order; permutations take the
shorter way of ``riding``. Clocks are rows of lanes (samples), whole numbers in float64 or int64.
"""

import numpy as np

from nearlinear.models.arrays import FloatArray, Integers
from nearlinear.simulator.kernels.riding import costs_here, enter, land, mixed, ride, step
from nearlinear.simulator.kernels.table import (
    CHUNK,
    COUNT,
    EVEN,
    FIRST,
    INCOMING,
    KIND,
    LIST,
    LONGER,
    ROUNDS,
    RUN_COUNT,
    RUNS,
    turn_all,
)  # fmt: skip

# Rows of the costs, each of shape (classes, lanes)
SEND_CPU, SEND_NIC, RECEIVE_CPU, RECEIVE_NIC, FLIGHT, REQUEST = 0, 1, 2, 3, 4, 5


def sweep_loggops(
    table: Integers, source: Integers, destination: Integers, group: Integers, incoming: Integers,
    runs: Integers, chunk: Integers, base: Integers, longer: Integers, absent: Integers, asks: Integers,
    cost: FloatArray, cpu: FloatArray, out: FloatArray, into: FloatArray, begin: FloatArray,
    post: FloatArray, state: FloatArray, repeats: bool,
) -> None:  # fmt: skip
    """Advance the clocks ``cpu``, ``out``, ``into``, shape (ranks, lanes), through all phases of a part.

    ``cost`` has shape (6, classes, lanes); ``asks`` says which classes ask first; ``begin`` (longest
    list, lanes), ``post`` and two rows of ``state`` (ranks, lanes) are work space. A rank has one asking
    send per round at most. After a permutation the clocks stay in ``state`` until a list needs them.
    """
    riding = False
    last = np.zeros((5, 1, cpu.shape[1]), cpu.dtype)
    for p in range(len(table)):
        phase = table[p]
        first, count = phase[FIRST], phase[COUNT]
        to, kind = destination[first : first + count], group[first : first + count]
        asking = False
        for i in range(count):
            asking = asking or asks[kind[i]] == 1
            if phase[EVEN] == 1:
                break
        if phase[KIND] == LIST or asking:
            if riding:
                land(state, last, cpu, out, into)
                riding = False
            walk_posts(
                phase, source[first : first + count].copy(), to.copy(), kind, chunk, base, longer, absent,
                asks, asking or phase[CHUNK] >= 0, cost, cpu, out, into, begin, post,
            )  # fmt: skip
        else:
            came = incoming[phase[INCOMING] : phase[INCOMING] + count]
            run = runs[phase[RUNS] : phase[RUNS] + phase[RUN_COUNT]]
            here = costs_here(phase, came, kind, cost)
            if riding:
                step(state, came, run, mixed(here, last))
            else:
                enter(state, came, here, cpu, out, into)
            ride(phase[ROUNDS], state, came, run, here, repeats)
            last, riding = here, True
    if riding:
        land(state, last, cpu, out, into)


def walk_posts(
    phase: Integers, source: Integers, destination: Integers, group: Integers, chunk: Integers,
    base: Integers, longer: Integers, absent: Integers, asks: Integers, asking: bool, cost: FloatArray,
    cpu: FloatArray, out: FloatArray, into: FloatArray, begin: FloatArray, post: FloatArray,
) -> None:  # fmt: skip
    """Advance all lanes through the rounds of a list of transfers; ``begin`` is when data leave."""
    count, lanes = len(source), cpu.shape[1]
    place = chunk[:0].copy()
    if phase[CHUNK] >= 0:
        place = chunk[phase[CHUNK] : phase[CHUNK] + count].copy()
    kind = group.copy()
    for k in range(phase[ROUNDS]):
        for i in range(count):
            kind[i] = group[i] + (longer[phase[LONGER] + place[i]] if len(place) else 0)
            s, c = source[i], kind[i]
            if s == destination[i] or absent[c]:
                kind[i] = -1
                continue
            for lane in range(lanes):
                if asks[c]:
                    begin[i, lane] = cpu[s, lane]
                    cpu[s, lane] += cost[REQUEST, c, lane]
                else:
                    at = max(cpu[s, lane], out[s, lane])
                    begin[i, lane] = at
                    cpu[s, lane] = at + cost[SEND_CPU, c, lane]
                    out[s, lane] = at + cost[SEND_NIC, c, lane]
        if asking:
            post[:] = cpu
            for i in range(count):
                s, d, c = source[i], destination[i], kind[i]
                if c < 0 or not asks[c]:
                    continue
                for lane in range(lanes):
                    granted = max(begin[i, lane] + cost[FLIGHT, c, lane], post[d, lane])
                    at = max(granted + cost[FLIGHT, c, lane], out[s, lane])
                    begin[i, lane] = at
                    out[s, lane] = at + cost[SEND_NIC, c, lane]
        for i in range(count):
            d, c = destination[i], kind[i]
            if c < 0:
                continue
            for lane in range(lanes):
                at = max(max(cpu[d, lane], into[d, lane]), begin[i, lane] + cost[FLIGHT, c, lane])
                cpu[d, lane] = at + cost[RECEIVE_CPU, c, lane]
                into[d, lane] = at + cost[RECEIVE_NIC, c, lane]
        if asking:
            for i in range(count):
                s, c = source[i], kind[i]
                if c < 0 or not asks[c]:
                    continue
                for lane in range(lanes):
                    cpu[s, lane] = max(cpu[s, lane], begin[i, lane] + cost[SEND_CPU, c, lane])
        if k + 1 < phase[ROUNDS]:
            turn_all(phase, source, destination, place, base)
