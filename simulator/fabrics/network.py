"""A network: directed links between switches, and the routes of flows over them.

Links between a host and its first switch are not part of a network: whoever uses it knows the adapters
and ports of the hosts.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from math import isfinite

import numpy as np

from nearlinear.models.arrays import FloatArray, IntArray
from nearlinear.models.errors import SpecError, nearest
from nearlinear.simulator.fabrics.limits import WHERE

_CANDIDATES = 50  # names that are compared letter by letter with an unknown one


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Routes:
    """The links of every flow.

    Attributes
    ----------
    links : ndarray of int, shape (flows, hops)
        Directed links, in the order of travel where ``share`` is None; -1, anywhere in a row, where there
        is none.
    share : ndarray, shape (flows, hops), or None
        Fraction of the flow that a link carries, 0 where there is no link. None: every link carries
        all of it.
    switches : ndarray of int, shape (flows,)
        Switches passed on the longest path; 0 for a host to itself.
    """

    links: IntArray
    share: FloatArray | None
    switches: IntArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Network:
    """Links and routes between hosts 0..hosts-1.

    Attributes
    ----------
    title : str
        One line for people.
    hosts : int
        How many hosts it joins.
    capacity : ndarray, shape (links,)
        In multiples of the rate of one host adapter.
    route : callable
        ``route(source, destination)`` returns the ``Routes`` of as many flows as there are sources.
        What it returns for a pair does not depend on the other pairs.
    name : callable
        ``name(link)`` returns where a link leads, such as ``leaf 3 -> spine 1``; no two are alike.
    """

    title: str
    hosts: int
    capacity: FloatArray
    route: Callable[[IntArray, IntArray], Routes]
    name: Callable[[int], str]

    def slowed(self, factors: Mapping[str, float]) -> "Network":
        """Return the network with unequal links; routes stay as they are.

        Parameters
        ----------
        factors : mapping of str to float
            Names of links to factors on their capacity. A link has one direction. With adaptive routing, the
            up-links of a switch in a fat tree are one link.

        Raises
        ------
        SpecError
            No such link (with the nearest names), or a factor that is not > 0.
        """
        if not factors:
            return self
        for link, factor in factors.items():
            if not (isfinite(factor) and factor > 0):
                raise SpecError(WHERE, "must be a factor > 0", field=link, got=factor)
        names = [self.name(link) for link in range(len(self.capacity))]
        numbers = {name: number for number, name in enumerate(names)}
        capacity = self.capacity.copy()
        for link, factor in factors.items():
            if link not in numbers:
                raise SpecError(WHERE, "must be a link of the fabric", got=link, remedy=_remedy(link, names))
            capacity[numbers[link]] *= factor
        title = f"{self.title}, {len(factors):,} of {len(capacity):,} links unequal"
        return replace(self, title=title, capacity=capacity)


def _remedy(unknown: str, names: list[str]) -> str:
    """Return the links that were meant, in words."""
    if not names:
        return "it has no links between switches"
    # Only names that begin and end like this one are compared in full: a large fabric has millions.
    alike = _in_common(unknown, names) + _in_common(unknown[::-1], [name[::-1] for name in names])
    closest = [names[i] for i in np.argsort(-alike, kind="stable")[:_CANDIDATES]]
    return nearest(unknown, closest) or f"links are called {names[0]!r} and so on"


def _in_common(word: str, names: list[str]) -> IntArray:
    """Return how many first letters each of ``names`` shares with ``word``, which is none of them."""
    longest = max(map(len, names)) + 1
    letters = np.array([word[:longest], *names]).view(np.uint32).reshape(len(names) + 1, -1)
    return np.asarray((letters[1:] == letters[0]).argmin(axis=1), dtype=np.int64)
