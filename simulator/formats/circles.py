"""Operations that wait for each other in a circle."""

from collections import defaultdict

from nearlinear.models.arrays import IntArray


def circle(operation: IntArray, target: IntArray) -> list[int]:
    """Return a circle among waits, each operation followed by one that it waits for; empty if none.

    Parameters
    ----------
    operation, target : ndarray of int, shape (waits,)
        Who waits for whom.

    Notes
    -----
    Whoever waits for nothing, or only for operations taken away, is taken away. All who stay wait for
    another who stays, so that every step along such a wait ends in a circle.

    References
    ----------
    Kahn 1962, "Topological sorting of large networks".
    """
    waiters: dict[int, list[int]] = defaultdict(list)
    open_waits: dict[int, int] = defaultdict(int)
    for one, other in zip(operation.tolist(), target.tolist(), strict=True):
        waiters[other].append(one)
        open_waits[one] += 1
    free = [one for one in waiters if one not in open_waits]
    while free:
        for one in waiters[free.pop()]:
            open_waits[one] -= 1
            if not open_waits[one]:
                free.append(one)
    stay = {one for one, count in open_waits.items() if count}
    pairs = zip(operation.tolist(), target.tolist(), strict=True)
    return _walk({one: other for one, other in pairs if one in stay and other in stay})


def _walk(step: dict[int, int]) -> list[int]:
    """Return the circle that steps lead into, from its smallest member on."""
    if not step:
        return []
    here, path, seen = min(step), list[int](), dict[int, int]()
    while here not in seen:
        seen[here] = len(path)
        path.append(here)
        here = step[here]
    found = path[seen[here] :]
    first = found.index(min(found))
    return found[first:] + found[:first]
