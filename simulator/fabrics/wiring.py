"""Wiring of a dragonfly: groups of routers, all joined to all inside, and every group to every other.

Every pair of groups has the same number of global links. Port q of a group leads to the group at distance
q // parallel + 1, sits on router q modulo routers, and ends at the port that mirrors it: palm-tree
wiring, which spreads global links evenly over routers.

References
----------
Camarero, Vallejo and Beivide 2014, "Topological characterization of Hamming and dragonfly networks and its
implications on routing".
"""

from dataclasses import dataclass

import numpy as np

from nearlinear.models.arrays import IntArray

Place = tuple[IntArray, IntArray]  # group and router of every flow


@dataclass(frozen=True, slots=True, kw_only=True)
class Wiring:
    """Directed links of capacity 1 between routers: first all local ones, then all global ones.

    Attributes
    ----------
    groups, routers : int
        Groups; routers in a group.
    parallel : int
        Global links from one group to another; 0 with one group.
    """

    groups: int
    routers: int
    parallel: int

    @property
    def ports(self) -> int:
        """Global links that leave a group."""
        return self.parallel * (self.groups - 1)

    @property
    def local_links(self) -> int:
        """Links inside groups."""
        return self.groups * self.routers * (self.routers - 1)

    @property
    def links(self) -> int:
        """All links."""
        return self.local_links + self.groups * self.ports

    def name(self, link: int) -> str:
        """Return where a link leads; routers are called group.number."""
        if link < self.local_links:
            router, other = divmod(link, self.routers - 1)
            group, start = divmod(router, self.routers)
            return f"router {group}.{start} -> router {group}.{other + (other >= start)}"
        group, port = divmod(link - self.local_links, self.ports)
        distance, copy = divmod(port, self.parallel)
        start, end = port % self.routers, (self.ports - 1 - port) % self.routers
        ends = f"router {group}.{start} -> router {(group + distance + 1) % self.groups}.{end}"
        # Copies that lie a multiple of ``routers`` apart join the same two routers.
        return ends if self.parallel <= self.routers else f"{ends} link {copy // self.routers}"

    def first_port(self, group: IntArray, target: IntArray) -> IntArray:
        """Return the first of the ports that lead from one group to another, shape (flows,)."""
        return ((target - group) % self.groups - 1) * self.parallel

    def arrival(self, port: IntArray) -> IntArray:
        """Return the router on which the link from a port ends, shape (flows,)."""
        return (self.ports - 1 - port) % self.routers

    def minimal(self, start: Place, end: Place, copy: IntArray) -> IntArray:
        """Return local, global and local link of every flow, shape (flows, 3).

        Parameters
        ----------
        start, end : Place
            Where flows come from and go to.
        copy : ndarray of int, shape (flows,)
            Which of the parallel global links they take.
        """
        links, router = self._leg(start, end[0], copy)
        return np.stack([*links, self._local(end[0], router, end[1])], axis=1)

    def valiant(
        self, start: Place, stop: IntArray, end: Place, copies: tuple[IntArray, IntArray]
    ) -> IntArray:
        """Return the links of every flow by way of group ``stop``, shape (flows, 5).

        Parameters
        ----------
        start, end : Place
            Where flows come from and go to.
        stop : ndarray of int, shape (flows,)
            Intermediate groups.
        copies : tuple of ndarray of int
            Which of the parallel global links they take to the stop and from it.
        """
        first, router = self._leg(start, stop, copies[0])
        second, last = self._leg((stop, router), end[0], copies[1])
        return np.stack([*first, *second, self._local(end[0], last, end[1])], axis=1)

    def _local(self, group: IntArray, start: IntArray, end: IntArray) -> IntArray:
        link = (group * self.routers + start) * (self.routers - 1) + end - (end > start)
        return np.where(start == end, -1, link)

    def _leg(self, start: Place, target: IntArray, copy: IntArray) -> tuple[list[IntArray], IntArray]:
        """Return local and global link to a group, and the router of arrival; no link to the own group."""
        group, router = start
        port = self.first_port(group, target) + copy
        away = group != target
        links = [
            self._local(group, router, port % self.routers),
            self.local_links + group * self.ports + port,
        ]
        return [np.where(away, link, -1) for link in links], np.where(away, self.arrival(port), router)
