"""Columns of a program as the loop of *flow* reads them: a word per operation, a row per message."""

import numpy as np

from nearlinear.models.arrays import Integers

KIND, FENCE, WAITS, LEADS, NUMBER = 3, 4, 8, 16, 8  # bits of a word; above NUMBER stands the message
RECEIVE = 2
SEND_OP, SENDER, LATENCY, WORK, HANDLING, POSTED = 0, 1, 2, 3, 4, 5  # columns of a row


def operation_words(
    kind: Integers, message: Integers, fence: Integers, post: Integers, wait_first: Integers
) -> Integers:
    """Return kind, message and what else to look at of every operation, shape (operations,)."""
    leads = (kind == RECEIVE) & (post == np.arange(len(kind)))
    word = message.astype(np.int64) << NUMBER
    word |= kind
    word |= np.where(fence != 0, FENCE, 0)
    word |= np.where(wait_first[1:] > wait_first[:-1], WAITS, 0)
    word |= np.where(leads, LEADS, 0)
    return word


def message_rows(
    send: Integers, sender: Integers, latency: Integers, work: Integers, handling: Integers
) -> Integers:
    """Return one row per message; the last column counts how many of its ends are posted."""
    return np.stack([send, sender, latency, work, handling, np.zeros_like(send)], axis=1)
