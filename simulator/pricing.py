"""Ticks of classes of messages: the one place where costs become whole numbers.

    duration = latency + hops x switch latency + rint(streaming x slowdown),    each in ticks

Ranks can be slow: a factor on what their CPU does (overheads, adding) and one on what their links do
(latency, bytes, gaps); a message takes the factor of the slower of its two links.
"""

from dataclasses import dataclass

import numpy as np

from nearlinear.models.arrays import FloatArray, IntArray
from nearlinear.models.hardware.loggops import LogGOPS
from nearlinear.simulator.exchange import Vector, to_ticks
from nearlinear.simulator.fabrics.fabric import Fabric
from nearlinear.simulator.kernels import loggops as row
from nearlinear.simulator.rounds.packed_phase import Classes


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Paces:
    """How slow ranks are, as factors of shape (samples, ranks).

    Attributes
    ----------
    cpu : ndarray
        On overheads and adding.
    link : ndarray
        On latency, bytes and gaps.
    """

    cpu: FloatArray
    link: FloatArray

    def rows(self, samples: slice) -> "Paces":
        """Return some of the samples."""
        return Paces(cpu=self.cpu[samples], link=self.link[samples])


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Price:
    """Ticks of every class, shape (classes, samples or 1).

    Attributes
    ----------
    latency, work, handling : ndarray of int
        Before the first byte; all bytes at full rate; at the receiver after the last byte.
    """

    latency: IntArray
    work: IntArray
    handling: IntArray

    def duration(self, slowdown: FloatArray) -> IntArray:
        """Return latency and shared streaming; ``slowdown`` of shape (classes,)."""
        return self.latency + stretched(self.work, slowdown[:, None])


def stretched(work: IntArray, slowdown: FloatArray) -> IntArray:
    """Return ticks of bytes at a shared rate; every engine rounds here, and in the same way."""
    if (slowdown == 1.0).all():
        return work
    return np.rint(work * slowdown).astype(np.int64)


def price(classes: Classes, fabric: Fabric, vector: Vector) -> Price:
    """Return ticks of every class with the costs of the fabric's levels."""
    size = classes.elements.astype(float) * vector.element_bytes
    handled = np.where((classes.reduce != 0) | (vector.wire_fraction < 1.0), size, 0.0)
    wire = size * vector.wire_fraction
    latency = work = handling = np.zeros((len(size), 1), dtype=np.int64)
    for level, cost in enumerate(fabric.costs):
        here = (classes.level == level)[:, None]
        if not here.any():
            continue
        begin = to_ticks(np.atleast_2d(cost.latency_s * cost.factor)).T
        flow = to_ticks(np.atleast_2d(cost.streaming_s(wire) * cost.factor)).T
        latency = np.where(here, begin, latency)
        work = np.where(here, flow, work)
        handling = np.where(here, to_ticks(np.atleast_2d(cost.reduce_s(handled))).T, handling)
    beyond = classes.hops[:, None] * to_ticks(fabric.switch_latency_s)
    return Price(latency=latency + beyond, work=work, handling=handling)


def price_loggops(size_bytes: FloatArray, loggops: LogGOPS, cpu: FloatArray, link: FloatArray) -> IntArray:
    """Return ticks by LogGOPS, shape (6, messages, samples), rows as in ``kernels.loggops``.

    Parameters
    ----------
    size_bytes : ndarray, shape (messages,)
        On the wire.
    loggops : LogGOPS
        Parameters, rounded to ticks before they are multiplied.
    cpu, link : ndarray, shape (2, messages or 1, samples or 1)
        Factors of sender and receiver.
    """
    beyond_first = np.maximum(size_bytes - 1.0, 0.0)[:, None]
    overhead, gap = to_ticks(loggops.overhead_s), to_ticks(loggops.gap_s)
    per_byte, gap_per_byte = to_ticks(loggops.overhead_s_per_byte), to_ticks(loggops.gap_s_per_byte)
    shape = np.broadcast_shapes(beyond_first.shape, cpu.shape[1:], link.shape[1:])
    ticks = np.empty((6, *shape))
    wire = np.maximum(link[0], link[1])
    ticks[row.SEND_CPU] = (overhead + beyond_first * per_byte) * cpu[0]
    ticks[row.SEND_NIC] = (gap + beyond_first * gap_per_byte) * link[0]
    ticks[row.RECEIVE_CPU] = overhead * cpu[1] + beyond_first * np.maximum(
        per_byte * cpu[1], gap_per_byte * link[1]
    )
    ticks[row.RECEIVE_NIC] = (gap + beyond_first * gap_per_byte) * link[1]
    ticks[row.FLIGHT] = overhead * cpu[0] + to_ticks(loggops.latency_s) * wire
    ticks[row.REQUEST] = overhead * cpu[0]
    return np.rint(ticks).astype(np.int64)


def asking(size_bytes: FloatArray, loggops: LogGOPS) -> IntArray:
    """Return 1 for messages above S, which ask before they send."""
    return (size_bytes > loggops.rendezvous_bytes).astype(np.uint8)
