"""The round engine: clocks of all ranks advance phase by phase, without an event queue.

Semantics (discipline *round*). A transfer starts when its sender and its receiver have both reached
the round, and takes latency plus bytes over its max-min fair rate, which is solved once over all
transfers of the round and held. The receiver then adds what arrived, one message after another in the
order of its receives. A rank reaches its next round when its own sends and receives are done. Under
LogGOPS sends do not wait for the receiver; ``models.hardware.loggops`` has the formula.

Large work is swept by a compiled kernel, lanes of samples side by side; small work and machines without
numba use NumPy round by round. Both give the same ticks.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from nearlinear.models.arrays import IntArray
from nearlinear.models.collectives.schedule import Schedule
from nearlinear.models.errors import SpecError
from nearlinear.simulator.compiled import Kernel, available, compiled
from nearlinear.simulator.exchange import Outcome, Vector, checked_starts
from nearlinear.simulator.fabrics.fabric import Fabric, repeated
from nearlinear.simulator.kernels import loggops, paired, riding, table
from nearlinear.simulator.pricing import Paces, asking, price, price_loggops
from nearlinear.simulator.rounds.clocks import advance, advance_loggops
from nearlinear.simulator.rounds.packing import Packed, Part
from nearlinear.simulator.rounds.tally import Tally

WORTH_COMPILING = 400_000  # messages times samples from which loading numba pays
LANES = 32  # samples side by side: more fall out of the second-level cache
EXACT = 2**53  # whole numbers that float64 holds; beyond them clocks are int64, at half the speed
EVEN = np.ones((2, 1, 1))


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """How the rounds are executed; results do not depend on it.

    Attributes
    ----------
    compile : bool or None
        Compiled kernel or NumPy; by the amount of work where None.
    repeats : bool
        Jump ahead where a phase repeats itself exactly.
    """

    compile: bool | None = None
    repeats: bool = True


def run_rounds(
    schedule: Schedule,
    fabric: Fabric,
    vector: Vector,
    start_ticks: IntArray | None = None,
    paces: Paces | None = None,
    way: Way | None = None,
) -> Outcome:
    """Return when every rank is done with a schedule.

    Parameters
    ----------
    schedule : Schedule
        What is transferred.
    fabric : Fabric
        Where ranks sit; its costs may carry a sample axis of shape (samples, 1).
    vector : Vector
        What is summed.
    start_ticks : ndarray of int, broadcastable to (samples, ranks), optional
        When every rank starts; all at zero by default.
    paces : Paces, optional
        How slow ranks and their links are, per sample.
    way : Way, optional
        How to execute.
    """
    packed = Packed(schedule, fabric, vector, unequal=paces is not None)
    return run_packed(packed, start_ticks, paces, way)


def run_packed(
    packed: Packed, start_ticks: IntArray | None = None, paces: Paces | None = None, way: Way | None = None
) -> Outcome:
    """Return what :func:`run_rounds` returns for a schedule that is packed already."""
    way = way or Way()
    starts = checked_starts(start_ticks, _samples(packed.fabric, start_ticks, paces), packed.schedule.ranks)
    tally = Tally.of(packed)
    first = starts.min(axis=1, keepdims=True)
    relative = starts - first
    worth = tally.messages * len(starts) >= WORTH_COMPILING
    if (worth if way.compile is None else way.compile) and (available() or way.compile):
        ends = _sweep(packed, relative, paces, way.repeats)
    else:
        ends = _by_round(packed, relative, paces)
    return Outcome(
        end_ticks=ends + first,
        messages=tally.messages,
        sent_bytes=tally.sent_elements * packed.vector.element_bytes,
        received_bytes=tally.received_elements * packed.vector.element_bytes,
    )


def _samples(fabric: Fabric, start_ticks: IntArray | None, paces: Paces | None) -> int:
    shapes = [np.shape(cost.latency_s) for cost in fabric.costs]
    count = max(np.broadcast_shapes(*shapes, (1, 1))[0], 1)
    if start_ticks is not None and np.ndim(start_ticks) == 2:
        count = max(count, len(start_ticks))
    return int(max(count, len(paces.cpu)) if paces is not None else count)


def costs_of(packed: Packed, part: Part, paces: Paces | None) -> tuple[IntArray, ...]:
    """Return duration and handling of every class, or the costs of LogGOPS and who asks first."""
    fabric, classes = packed.fabric, part.classes
    cpu = link = EVEN
    if paces is not None:
        ends = np.stack([part.source, part.destination])
        cpu, link = (np.moveaxis(factor[:, ends], 0, -1) for factor in (paces.cpu, paces.link))
    if fabric.loggops is None:
        ticks = price(classes, fabric, packed.vector)
        duration = ticks.duration(classes.slowdown)
        if paces is None:
            return duration, ticks.handling
        wire = np.maximum(link[0], link[1])
        return (
            np.rint(duration * wire).astype(np.int64), np.rint(ticks.handling * cpu[1]).astype(np.int64)
        )  # fmt: skip
    size = classes.elements.astype(float) * packed.vector.element_bytes * packed.vector.wire_fraction
    asks = asking(size, fabric.loggops)
    if asks.any():
        _check_asking(part, asks)
    return price_loggops(size, fabric.loggops, cpu, link), asks


def _check_asking(part: Part, asks: IntArray) -> None:
    """Refuse rounds in which a rank asks for one message and sends another."""
    for phase, offset in zip(part.phases, part.offsets, strict=True):
        if (asks[phase.group + offset].any() or len(phase.longer)) and repeated(phase.source):
            raise SpecError(
                "--loggops",
                "messages above S must be the only ones that a rank sends in a round",
                remedy="use --engine events, which serves grants as they come",
            )


def _by_round(packed: Packed, starts: IntArray, paces: Paces | None) -> IntArray:
    """Run round by round in NumPy."""
    clock = starts.T.copy()
    out, into = np.zeros_like(clock), np.zeros_like(clock)
    for part in packed.parts():
        costs = costs_of(packed, part, paces)
        for phase, offset in zip(part.phases, part.offsets, strict=True):
            for source, destination, local in phase.moves():
                group = local + offset
                if packed.fabric.loggops is None:
                    clock = advance(clock, source, destination, costs[0][group], costs[1][group])
                else:
                    cost, asks = costs[0][:, group], costs[1][group]
                    advance_loggops(clock, out, into, source, destination, cost, asks)
    return clock.T


def _sweep(packed: Packed, starts: IntArray, paces: Paces | None, repeats: bool) -> IntArray:
    """Run with the compiled kernel, a block of samples at a time."""
    ends = np.empty_like(starts)
    for rows in _blocks(len(starts)):
        block = None if paces is None else paces.rows(rows)
        for kind in (np.float64, np.int64):
            done = _sweep_block(packed, starts[rows], rows, block, repeats, kind)
            if done.max(initial=0) < EXACT:
                break
        ends[rows] = done
    return ends


def _blocks(samples: int) -> Iterator[slice]:
    for first in range(0, samples, LANES):
        yield slice(first, min(first + LANES, samples))


def _sweep_block(
    packed: Packed, starts: IntArray, rows: slice, paces: Paces | None, repeats: bool, kind: type
) -> IntArray:
    clock: Any = np.ascontiguousarray(starts.T.astype(kind))
    spare = [np.zeros_like(clock) for _ in range(3)]
    lanes = clock.shape[1]
    for part in packed.parts():
        flat = part.flat
        costs = kernel_costs(packed, part, paces, rows, lanes, kind)
        work: Any = np.empty((max(flat.longest_list, len(clock)), lanes), kind)
        if packed.fabric.loggops is None:
            paired_kernel()(*flat.arrays, *costs, clock, spare[0], spare[1], work, repeats)
        else:
            state = np.empty((2, *clock.shape), kind)
            loggops_kernel()(*flat.arrays, *costs, clock, spare[0], spare[1], work, spare[2], state, repeats)
    return np.asarray(clock.T.astype(np.int64))


def kernel_costs(
    packed: Packed, part: Part, paces: Paces | None, rows: slice, lanes: int, kind: type
) -> tuple[IntArray, ...]:
    """Return the costs of some samples as kernels take them; those of one sample are kept with the part."""
    if paces is None and lanes == 1 and kind is np.float64 and part.kept:
        return part.kept[0]
    costs = costs_of(packed, part, paces)
    if packed.fabric.loggops is None:
        ready = tuple(_lanes(ticks, rows, lanes, kind) for ticks in costs)
    else:
        ready = (costs[1], _lanes(costs[0], rows, lanes, kind))
    if paces is None and lanes == 1 and kind is np.float64 and costs[0].shape[-1] == 1:
        part.kept.append(ready)
    return ready


def _lanes(ticks: IntArray, rows: slice, lanes: int, kind: type) -> IntArray:
    """Return costs with one column per sample of the block."""
    if ticks.shape[-1] > lanes:
        ticks = ticks[..., rows]
    return np.ascontiguousarray(np.broadcast_to(ticks, (*ticks.shape[:-1], lanes)).astype(kind))


def paired_kernel() -> Kernel:
    """Return the kernel of transfers that start once both ends are there."""
    return compiled(
        paired.sweep_paired, paired.walk_permutation, paired.round_of_rows, paired.advanced_by_constant,
        paired.round_even, paired.round_single, paired.walk_list, table.turn, table.turn_all,
    )  # fmt: skip


def loggops_kernel() -> Kernel:
    """Return the kernel of LogGOPS."""
    return compiled(
        loggops.sweep_loggops, loggops.walk_posts, riding.costs_here, riding.mixed, riding.enter,
        riding.land, riding.step, riding.ride, riding.advanced_by_constant, riding.round_even,
        riding.round_single, riding.round_of_rows, table.turn, table.turn_all,
    )  # fmt: skip
