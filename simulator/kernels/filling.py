"""Progressive filling as loops: what :func:`nearlinear.simulator.sharing.max_min_rates` defines."""

import numpy as np

from nearlinear.models.arrays import FloatArray, Integers


def fill(
    paths: Integers, share: FloatArray, capacity: FloatArray, limit: FloatArray, rates: FloatArray
) -> None:
    """Set the max-min rate of every flow.

    Parameters
    ----------
    paths : ndarray of int, shape (flows, hops)
        Links of each flow, -1 where there are fewer.
    share : ndarray, shape (flows, hops) or (1, 1)
        Fraction that each link carries; one row and column of 1.0 where all links carry all.
    capacity : ndarray, shape (links,)
        What each link carries.
    limit : ndarray, shape (flows,)
        Rate of each flow when alone.
    rates : ndarray, shape (flows,)
        Result.
    """
    flows, hops = paths.shape
    links = len(capacity)
    whole = share.size == 1 and share[0, 0] == 1.0
    lowest, highest, left = np.inf, 0.0, 0
    for flow in range(flows):
        rates[flow] = limit[flow]
        if limit[flow] < np.inf:  # else it uses no link
            lowest, highest = min(lowest, limit[flow]), max(highest, limit[flow])
            left += 1
    even = lowest >= highest

    count = np.zeros(links)
    widest = np.zeros(0 if even else links)
    for flow in range(flows):
        for hop in range(hops):
            link = paths[flow, hop]
            if link >= 0:
                count[link] += 1.0 if whole else share[flow, hop]
                if not even:
                    widest[link] = max(widest[link], limit[flow])

    index = np.full(links, -1, np.int32)
    binding = 0
    for link in range(links):
        if capacity[link] < count[link] * (highest if even else widest[link]):
            index[link] = binding
            binding += 1
    if binding == 0:
        return

    if even:  # where all binding links give the same, that is the only level: no list of flows is needed
        least, most = np.inf, 0.0
        for link in range(links):
            if index[link] >= 0:
                fair_share = capacity[link] / count[link]
                least, most = min(least, fair_share), max(most, fair_share)
        if least == most:
            for flow in range(flows):
                for hop in range(hops):
                    link = paths[flow, hop]
                    if link >= 0 and index[link] >= 0:
                        rates[flow] = min(least, limit[flow])
                        break
            return

    first = np.zeros(binding + 1, np.int32)
    for flow in range(flows):
        for hop in range(hops):
            link = paths[flow, hop]
            if link >= 0 and index[link] >= 0:
                first[index[link] + 1] += 1
    for j in range(binding):
        first[j + 1] += first[j]
    members = np.empty(first[binding], np.int32)
    place = first[:-1].copy()
    for flow in range(flows):
        for hop in range(hops):
            link = paths[flow, hop]
            if link >= 0 and index[link] >= 0:
                members[place[index[link]]] = flow
                place[index[link]] += 1

    remaining, weight, fair = np.empty(binding), np.empty(binding), np.empty(binding)
    for link in range(links):
        j = index[link]
        if j >= 0:
            remaining[j], weight[j], fair[j] = capacity[link], count[link], capacity[link] / count[link]
    taken = np.zeros(binding)
    alive, alive_count = np.arange(binding), binding
    tight = np.empty(binding, np.int64)
    touched = np.empty(binding, np.int64)
    frozen = np.zeros(flows, np.bool_)
    by_limit = np.argsort(limit) if not even else np.arange(0)
    next_limit = 0
    newly = np.empty(flows, np.int64)
    while left > 0:
        level = lowest if even else np.inf
        if not even:
            while frozen[by_limit[next_limit]]:
                next_limit += 1
            level = limit[by_limit[next_limit]]
        tights, kept = 0, 0
        for k in range(alive_count):
            j = alive[k]
            if weight[j] > 0.0:
                alive[kept] = j
                kept += 1
                if fair[j] < level:
                    level = fair[j]
                    tights = 0
                if fair[j] == level:
                    tight[tights] = j
                    tights += 1
        alive_count = kept
        if tights == 0 and even:
            return
        fresh = 0
        for k in range(tights):
            for m in range(first[tight[k]], first[tight[k] + 1]):
                flow = members[m]
                if not frozen[flow]:
                    frozen[flow] = True
                    newly[fresh] = flow
                    fresh += 1
        while not even and next_limit < flows and limit[by_limit[next_limit]] <= level:
            flow = by_limit[next_limit]
            if not frozen[flow]:
                frozen[flow] = True
                newly[fresh] = flow
                fresh += 1
            next_limit += 1
        left -= fresh
        touches = 0
        for k in range(fresh):
            flow = newly[k]
            rates[flow] = level
            for hop in range(hops):
                link = paths[flow, hop]
                j = index[link] if link >= 0 else -1
                if j >= 0:
                    if taken[j] == 0.0:
                        touched[touches] = j
                        touches += 1
                    taken[j] += 1.0 if whole else share[flow, hop]
        for k in range(touches):
            j = touched[k]
            remaining[j] -= level * taken[j]
            weight[j] -= taken[j]
            taken[j] = 0.0
            if weight[j] > 0.0:
                fair[j] = remaining[j] / weight[j]
