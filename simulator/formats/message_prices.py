"""Prices of a program that was read: what its messages cost on a fabric, and which links they use."""

from dataclasses import replace

import numpy as np

from nearlinear.models.errors import SpecError
from nearlinear.simulator.exchange import Vector
from nearlinear.simulator.fabrics.fabric import Fabric
from nearlinear.simulator.pricing import price
from nearlinear.simulator.programs.assembly import message_links
from nearlinear.simulator.programs.program import Program
from nearlinear.simulator.rounds.packed_phase import Classes

PLAIN = Vector(elements=0, element_bytes=1)  # sizes are bytes already


def priced(program: Program, fabric: Fabric) -> Program:
    """Return the program with its messages priced by the levels of a fabric.

    Parameters
    ----------
    program : Program
        Rank r is rank r of the fabric.
    fabric : Fabric
        Costs with a sample axis count with their first sample.

    Raises
    ------
    SpecError
        The fabric has fewer ranks than the program.

    Notes
    -----
    Every message has its links to itself (slowdown 1) until an engine shares them by *flow*; a receiver
    adds nothing, since a program does not say what is summed.
    """
    if fabric.ranks < program.ranks:
        raise SpecError("fabric", f"must have places for {program.ranks} ranks", got=fabric.ranks)
    source, destination = program.messages.source, program.messages.destination
    classes = Classes(
        level=fabric.level(source, destination),
        hops=fabric.paths(source, destination).hops,
        slowdown=np.ones(len(source)),
        elements=program.messages.size_bytes,
        reduce=np.zeros(len(source), dtype=np.int64),
    )
    ticks = price(classes, fabric, PLAIN)
    links, share, limit = message_links(fabric, source, destination)
    messages = replace(
        program.messages, latency=ticks.latency[:, 0], work=ticks.work[:, 0], handling=ticks.handling[:, 0],
        slowdown=classes.slowdown, links=links, share=share, limit=limit,
    )  # fmt: skip
    return replace(program, messages=messages)
