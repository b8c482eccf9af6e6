"""Streams that wait for an operation, as linked lists in arrays."""

from nearlinear.models.arrays import Integers


def wake(op: int, waiter: Integers, next_waiter: Integers, stack: Integers, height: int) -> int:
    """Push the streams that wait for an operation; return the new height of the stack."""
    s = waiter[op]
    while s >= 0:
        stack[height] = s
        height += 1
        following = next_waiter[s]
        next_waiter[s] = -1
        s = following
    waiter[op] = -1
    return height
