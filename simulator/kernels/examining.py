"""One look at rounds that are packed together: how long their messages are, and who occurs twice."""

from nearlinear.models.arrays import Integers

DROPS, SHORTEST, LONGEST, TWICE = 0, 1, 2, 3


def examine(
    source: Integers, destination: Integers, chunk: Integers, chunks: Integers, edges: Integers,
    bounds: Integers, seen: Integers, elements: Integers, facts: Integers,
) -> None:  # fmt: skip
    """Set the elements of every transfer and the facts of every round, shape (rounds, 4).

    ``seen``, shape (2, ranks), is work space, below every round's number on entry. A round drops
    transfers that move nothing or stay where they are; ``TWICE`` says that a rank occurs twice.
    """
    for k in range(len(edges) - 1):
        first, last = edges[k], edges[k + 1]
        for i in range(first, last):
            size = bounds[chunk[i] + chunks[k]] - bounds[chunk[i]]
            elements[i] = size
            if i == first:
                facts[k, SHORTEST] = facts[k, LONGEST] = size
            facts[k, SHORTEST] = min(facts[k, SHORTEST], size)
            facts[k, LONGEST] = max(facts[k, LONGEST], size)
            s, d = source[i], destination[i]
            if size == 0 or s == d:
                facts[k, DROPS] = 1
            if seen[0, s] == k or seen[1, d] == k:
                facts[k, TWICE] = 1
            seen[0, s] = seen[1, d] = k
