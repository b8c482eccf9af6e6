"""A single switch that blocks nothing: no links between switches at all."""

import numpy as np

from nearlinear.models.arrays import IntArray
from nearlinear.simulator.fabrics.limits import host_count
from nearlinear.simulator.fabrics.network import Network, Routes


def switch(hosts: int) -> Network:
    """Return one switch that joins ``hosts``; it has no routing, since one path joins any two.

    Raises
    ------
    SpecError
        Too few hosts, or too many.
    """
    return Network(
        title=f"one switch, {host_count(hosts):,} hosts",
        hosts=hosts,
        capacity=np.empty(0),
        route=_route,
        name=_name,
    )


def _route(source: IntArray, destination: IntArray) -> Routes:
    return Routes(
        links=np.empty((len(source), 0), dtype=np.int64),
        share=None,
        switches=(source != destination).astype(np.int64),
    )


def _name(link: int) -> str:
    raise IndexError(link)
