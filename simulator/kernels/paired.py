"""Clocks through packed phases where a transfer starts once both ends have reached its round.

Clocks are rows of lanes (samples), whole numbers in float64 or int64. With one lane a permutation reads
its partners as contiguous runs where it has few, else by index; with several lanes every row is one.
"""

import numpy as np

from nearlinear.models.arrays import FloatArray, Integers
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


def sweep_paired(
    table: Integers, source: Integers, destination: Integers, group: Integers, incoming: Integers,
    runs: Integers, chunk: Integers, base: Integers, longer: Integers, absent: Integers,
    duration: FloatArray, handling: FloatArray, clock: FloatArray, other: FloatArray, ready: FloatArray,
    end: FloatArray, repeats: bool,
) -> None:  # fmt: skip
    """Advance ``clock``, shape (ranks, lanes), through all phases of a part.

    ``duration`` and ``handling`` have shape (classes, lanes); ``other``, ``ready`` (ranks, lanes) and
    ``end`` (longest list, lanes) are work space, ``ready`` zero on the first entry. With ``repeats`` a
    permutation jumps ahead once its state is an earlier one plus a constant.
    """
    for p in range(len(table)):
        phase = table[p]
        first, count = phase[FIRST], phase[COUNT]
        to, kind = destination[first : first + count], group[first : first + count]
        if phase[KIND] == LIST:
            walk_list(
                phase, source[first : first + count].copy(), to.copy(), kind, chunk, base, longer, absent,
                duration, handling, clock, ready, end,
            )  # fmt: skip
        else:
            came = incoming[phase[INCOMING] : phase[INCOMING] + count]
            run = runs[phase[RUNS] : phase[RUNS] + phase[RUN_COUNT]]
            walk_permutation(phase, to, came, kind, run, duration, handling, clock, other, repeats)


def walk_permutation(
    phase: Integers, to: Integers, came: Integers, kind: Integers, run: Integers, duration: FloatArray,
    handling: FloatArray, clock: FloatArray, other: FloatArray, repeats: bool,
) -> None:  # fmt: skip
    """Advance all lanes through the rounds of a permutation."""
    ranks, lanes = clock.shape
    rounds, even = phase[ROUNDS], phase[EVEN] == 1
    width = 1 if even else ranks
    sent, got = np.empty((width, lanes), clock.dtype), np.empty((width, lanes), clock.dtype)
    for i in range(width):
        for lane in range(lanes):
            sent[i, lane] = duration[kind[i], lane]
            got[i, lane] = duration[kind[came[i]], lane] + handling[kind[came[i]], lane]
    looking = repeats and rounds > 2
    saved, saved_at = clock.copy() if looking else clock, 0
    now, after = clock, other
    k, swaps = 0, 0
    while k < rounds:
        if lanes > 1:
            round_of_rows(now, after, to, came, sent, got)
        elif even:
            round_even(now.reshape(ranks), after.reshape(ranks), to, came, run, sent[0, 0], got[0, 0])
        else:
            flat_sent, flat_got = sent.reshape(ranks), got.reshape(ranks)
            round_single(now.reshape(ranks), after.reshape(ranks), to, came, run, flat_sent, flat_got)
        now, after = after, now
        k, swaps = k + 1, swaps + 1
        if looking and advanced_by_constant(now, saved):
            times = (rounds - k) // (k - saved_at)
            for lane in range(lanes):
                jump = times * (now[0, lane] - saved[0, lane])
                for i in range(ranks):
                    now[i, lane] += jump
            k += times * (k - saved_at)
            looking = False
        elif looking and k & (k - 1) == 0:
            saved[:] = now
            saved_at = k
    if swaps % 2 == 1:
        clock[:] = now


def round_of_rows(
    now: FloatArray, after: FloatArray, to: Integers, came: Integers, sent: FloatArray, got: FloatArray
) -> None:
    """Advance several lanes by a round."""
    ranks, lanes = now.shape
    for i in range(ranks):
        w = 0 if len(sent) == 1 else i
        mine, theirs, next_to, row = now[i], now[came[i]], now[to[i]], after[i]
        s, g = sent[w], got[w]
        for lane in range(lanes):
            own = mine[lane] + max(s[lane], g[lane])
            row[lane] = max(own, max(theirs[lane] + g[lane], next_to[lane] + s[lane]))


def advanced_by_constant(now: FloatArray, saved: FloatArray) -> bool:
    """Return whether every lane is its saved state plus a constant."""
    ranks, lanes = now.shape
    for i in range(1, ranks):
        for lane in range(lanes):
            if now[i, lane] - saved[i, lane] != now[0, lane] - saved[0, lane]:
                return False
    return True


def round_even(
    now: FloatArray, after: FloatArray, to: Integers, came: Integers, run: Integers, sent: float, got: float
) -> None:
    """Advance one lane by a round in which all messages are alike."""
    longest = max(sent, got)
    if len(run):
        for r in range(len(run)):
            first, count = run[r, 0], run[r, 1]
            row, mine = after[first : first + count], now[first : first + count]
            theirs, next_to = now[run[r, 2] : run[r, 2] + count], now[run[r, 3] : run[r, 3] + count]
            for i in range(count):
                row[i] = max(mine[i] + longest, max(theirs[i] + got, next_to[i] + sent))
    else:
        for i in range(len(now)):
            after[i] = max(now[i] + longest, max(now[came[i]] + got, now[to[i]] + sent))


def round_single(
    now: FloatArray, after: FloatArray, to: Integers, came: Integers, run: Integers, sent: FloatArray,
    got: FloatArray,
) -> None:  # fmt: skip
    """Advance one lane by a round in which messages differ."""
    if len(run):
        for r in range(len(run)):
            first, count = run[r, 0], run[r, 1]
            row, mine = after[first : first + count], now[first : first + count]
            theirs, next_to = now[run[r, 2] : run[r, 2] + count], now[run[r, 3] : run[r, 3] + count]
            s, g = sent[first : first + count], got[first : first + count]
            for i in range(count):
                row[i] = max(mine[i] + max(s[i], g[i]), max(theirs[i] + g[i], next_to[i] + s[i]))
    else:
        for i in range(len(now)):
            own = now[i] + max(sent[i], got[i])
            after[i] = max(own, max(now[came[i]] + got[i], now[to[i]] + sent[i]))


def walk_list(
    phase: Integers, source: Integers, destination: Integers, group: Integers, chunk: Integers,
    base: Integers, longer: Integers, absent: Integers, duration: FloatArray, handling: FloatArray,
    clock: FloatArray, ready: FloatArray, end: FloatArray,
) -> None:  # fmt: skip
    """Advance all lanes through the rounds of a list of transfers.

    ``ready`` holds when a receiver has handled what came in; it never passes ``clock`` between rounds,
    and so needs no reset.
    """
    count, lanes = len(source), clock.shape[1]
    place = chunk[:0].copy()
    if phase[CHUNK] >= 0:
        place = chunk[phase[CHUNK] : phase[CHUNK] + count].copy()
    for k in range(phase[ROUNDS]):
        for i in range(count):
            s, d = source[i], destination[i]
            c = group[i] + (longer[phase[LONGER] + place[i]] if len(place) else 0)
            if s == d or absent[c]:
                continue
            for lane in range(lanes):
                end[i, lane] = max(clock[s, lane], clock[d, lane]) + duration[c, lane]
        for i in range(count):
            s, d = source[i], destination[i]
            c = group[i] + (longer[phase[LONGER] + place[i]] if len(place) else 0)
            if s == d or absent[c]:
                continue
            for lane in range(lanes):
                done = end[i, lane]
                ready[d, lane] = max(ready[d, lane], done) + handling[c, lane]
                clock[s, lane] = max(clock[s, lane], done)
        for i in range(count):
            d = destination[i]
            for lane in range(lanes):
                clock[d, lane] = max(clock[d, lane], ready[d, lane])
        if k + 1 < phase[ROUNDS]:
            turn_all(phase, source, destination, place, base)
