"""Dragonfly: routers in groups, all joined to all inside a group, and every group to every other.

A minimal path crosses at most one global link: local, global, local. ``shortest`` and ``ecmp`` choose among
the minimal paths with the fewest links. ``adaptive`` sends the fraction ``minimal`` over two minimal paths
and the rest over two Valiant paths, which stop over in a third group. Two candidates of each kind is
what routers of Cray's Aries offer a packet; without bias they take either kind alike, hence one half by
default. Intermediate groups go by the source, so that the senders of a group use all of them alike.
Inside a group, and with two groups, all paths are minimal.

Range of validity: the shares of ``adaptive`` do not react to load, those of real routers do. Under uniform
traffic a fraction v on Valiant paths loads global links with 1 + v times what minimal paths need; where all
of one group talks to one other group, the minimal fraction alone shares the links between the two.
``minimal`` near 1 models how real routers treat the first, near 0 the second.

References
----------
Kim, Dally, Scott and Abts 2008, "Technology-driven, highly-scalable dragonfly topology" (balanced sizes
a = 2p = 2h, at most a h + 1 groups; routing by way of an intermediate group).
De Sensi, Di Girolamo and Hoefler 2019, "Mitigating network noise on dragonfly networks through
application-aware routing" (candidates and bias of Aries).
"""

from bisect import bisect_left
from dataclasses import dataclass
from math import isfinite

import numpy as np
from numpy.typing import NDArray

from nearlinear.models.arrays import FloatArray, IntArray
from nearlinear.models.errors import SpecError
from nearlinear.simulator.fabrics.limits import MOST_HOSTS, WHERE, host_count, link_count, whole
from nearlinear.simulator.fabrics.network import Network, Routes
from nearlinear.simulator.fabrics.routing import SHORTEST, Routing
from nearlinear.simulator.fabrics.wiring import Place, Wiring

CANDIDATES = 2  # paths of either kind that adaptive routing uses
MINIMAL = 0.5


def dragonfly(
    hosts: int,
    *,
    routers: int | None = None,
    hosts_per_router: int | None = None,
    global_links: int | None = None,
    minimal: float | None = None,
    routing: Routing = SHORTEST,
) -> Network:
    """Return a dragonfly of as many full groups as hold the hosts; its title has groups x routers x hosts.

    Parameters
    ----------
    hosts : int
        Hosts fill routers, routers fill groups.
    routers, hosts_per_router, global_links : int, optional
        Routers in a group, hosts at a router, global links of a router. Those not given are 2 b, b and b
        with the smallest b that holds the hosts. Global links that do not divide evenly among the other
        groups stay unplugged.
    minimal : float, optional
        Fraction of a flow on minimal paths, 0..1, 0.5 by default; with ``adaptive``.
    routing : Routing
        See above.

    Raises
    ------
    SpecError
        A number that makes no sense or has no effect, or too few places for the hosts.
    """
    a, p, h = _sizes(host_count(hosts), routers, hosts_per_router, global_links)
    groups = -(-hosts // (a * p))
    wiring = Wiring(groups=groups, routers=a, parallel=a * h // (groups - 1) if groups > 1 else 0)
    fraction = _fraction(minimal, routing)
    flies = Dragonfly(wiring=wiring, hosts=p, routing=routing, minimal=fraction if groups > 2 else 1.0)
    return Network(
        title=f"{groups}x{a}x{p} dragonfly, {hosts:,} hosts, {routing.kind}",
        hosts=hosts,
        capacity=np.ones(link_count(wiring.links, "fewer routers or global links")),
        route=flies.route,
        name=wiring.name,
    )


def _sizes(hosts: int, *given: int | None) -> tuple[int, int, int]:
    """Return routers, hosts per router and global links, completed to hold the hosts."""
    for field, value in zip(("routers", "hosts", "global"), given, strict=True):
        if value is not None:
            whole(field, value)
    completed = _completed(hosts, *given)
    if (places := _places(*completed)) < hosts:
        a, p, h = completed
        fits = ",".join(
            f"{k}={v}" for k, v in zip(("routers", "hosts", "global"), _completed(hosts), strict=True)
        )
        got = f"{a} routers x {p} hosts x {a * h + 1} groups = {places:,}"
        raise SpecError(WHERE, f"must have places for {hosts:,} hosts", got=got, remedy=f"{fits} would fit")
    return completed


def _completed(
    hosts: int, a: int | None = None, p: int | None = None, h: int | None = None
) -> tuple[int, int, int]:
    def sizes(b: int) -> tuple[int, int, int]:
        return a or 2 * b, p or b, h or b

    return sizes(bisect_left(range(MOST_HOSTS), hosts, lo=1, key=lambda b: _places(*sizes(b))))


def _places(a: int, p: int, h: int) -> int:
    return a * p * (a * h + 1)


def _fraction(minimal: float | None, routing: Routing) -> float:
    if minimal is None:
        return MINIMAL
    if isinstance(minimal, bool) or not (isfinite(minimal) and 0 <= minimal <= 1):
        raise SpecError(WHERE, "must be a fraction in 0..1", field="minimal", got=minimal)
    if not routing.adaptive:
        raise SpecError(WHERE, "has an effect only with routing=adaptive", field="minimal", got=minimal)
    return float(minimal)


@dataclass(frozen=True, slots=True, kw_only=True)
class Dragonfly:
    """Hosts at the routers of a wiring, and the choice of paths between them.

    Attributes
    ----------
    wiring : Wiring
        The routers.
    hosts : int
        Hosts at a router.
    routing : Routing
        Which paths flows take.
    minimal : float
        Fraction on minimal paths when adaptive.
    """

    wiring: Wiring
    hosts: int
    routing: Routing
    minimal: float

    def route(self, source: IntArray, destination: IntArray) -> Routes:
        """Return up to 3 links per flow; when adaptive, up to 2 x 3 + 2 x 5 with their shares."""
        start, end = self._place(source), self._place(destination)
        if self.routing.adaptive:
            return self._spread(start, end, source, destination)
        copy = self._nearest(start, end, source, destination)
        links = self.wiring.minimal(start, end, copy)
        return Routes(links=links, share=None, switches=_switches([links], source != destination))

    def _place(self, host: IntArray) -> Place:
        group, router = np.divmod(host // self.hosts, self.wiring.routers)
        return group, router

    def _nearest(self, start: Place, end: Place, source: IntArray, destination: IntArray) -> IntArray:
        """Return which parallel global link every flow takes: one that saves local links, if there is one.

        A link that begins at the source's router or ends at the destination's saves one. The routers at its
        two ends add up to ``ports - 1`` modulo ``routers``: if one link saves both, all of them do, and
        each is counted twice.
        """
        routers, parallel = self.wiring.routers, self.wiring.parallel
        port = self.wiring.first_port(start[0], end[0])
        here = (start[1] - port) % routers
        there = (self.wiring.arrival(port) - end[1]) % routers
        beginning = np.maximum(0, (parallel - 1 - here) // routers + 1)
        ending = np.maximum(0, (parallel - 1 - there) // routers + 1)
        saving = beginning + ending
        turn = self.routing.pick(source, destination, np.where(saving > 0, saving, max(parallel, 1)))
        at = np.where(turn < beginning, here, there - beginning * routers) + turn * routers
        return np.where(saving > 0, at, turn)

    def _spread(self, start: Place, end: Place, source: IntArray, destination: IntArray) -> Routes:
        """Return the routes over all candidates."""
        inside = start[0] == end[0]
        paths, shares = [], []
        for copy, share in self._copies(destination, inside):
            paths.append(self.wiring.minimal(start, end, copy))
            shares.append(share[:, None])
        for stop, share in self._stops(start[0], end[0], source, inside):
            copies = source % self.wiring.parallel, destination % self.wiring.parallel
            paths.append(self.wiring.valiant(start, stop, end, copies))
            shares.append(share[:, None])
        paths = [np.where(share > 0, path, -1) for path, share in zip(paths, shares, strict=True)]
        spread = [np.where(path >= 0, share, 0.0) for path, share in zip(paths, shares, strict=True)]
        return Routes(
            links=np.concatenate(paths, axis=1),
            share=np.concatenate(spread, axis=1),
            switches=_switches(paths, source != destination),
        )

    def _copies(self, destination: IntArray, inside: NDArray[np.bool_]) -> list[tuple[IntArray, FloatArray]]:
        """Return the global links of the minimal candidates, and the share of each."""
        parallel = max(self.wiring.parallel, 1)
        count = min(CANDIDATES, parallel)
        even = self.minimal / count
        return [
            ((destination + k * parallel // count) % parallel, np.where(inside, float(k == 0), even))
            for k in range(count)
        ]

    def _stops(
        self, start: IntArray, end: IntArray, source: IntArray, inside: NDArray[np.bool_]
    ) -> list[tuple[IntArray, FloatArray]]:
        """Return the intermediate groups of the Valiant candidates, and the share of each."""
        groups = self.wiring.groups
        others = groups - 2
        count = max(0, min(CANDIDATES, others))
        stops = []
        for k in range(count):
            distance = (source + k * others // count) % others + 1
            distance += distance >= (end - start) % groups  # the destination's group is no detour
            stops.append(((start + distance) % groups, np.where(inside, 0.0, (1.0 - self.minimal) / count)))
        return stops


def _switches(paths: list[IntArray], moves: NDArray[np.bool_]) -> IntArray:
    """Return the routers on the longest path of every flow."""
    longest = np.max([(path >= 0).sum(axis=1) for path in paths], axis=0)
    return np.where(moves, longest + 1, 0)
