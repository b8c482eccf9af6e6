"""Torus without switches: every host is joined to its neighbours in each dimension, around the ends.

Hosts are numbered with the last dimension running fastest. A side of 2 has one link between its two
hosts, not two. Flows go the shorter way around each dimension; half-way around, in the positive
direction. ``shortest`` corrects the first dimension first; ``ecmp`` picks an order of dimensions per
flow; ``adaptive`` spreads a flow evenly over all orders. Where dimension i is corrected after the set A
of q - 1 others that have to change, A has had k members in k! (q - 1 - k)! of the q! orders: the share of
the links on which A is done and i under way.

A torus may have more places than hosts; those without a host of the job pass on traffic all the same.

References
----------
Dally and Towles 2004, "Principles and practices of interconnection networks", chapters 8 and 9
(dimension-order routing). Seo, Ali, Lim, Rafique and Thottethodi 2005, "Near-optimal worst-case throughput
routing for two-dimensional mesh networks" (even shares over both orders of two dimensions).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate, combinations, permutations
from math import factorial, prod

import numpy as np
from numpy.typing import NDArray

from nearlinear.models.arrays import FloatArray, IntArray
from nearlinear.models.errors import SpecError
from nearlinear.simulator.fabrics.limits import WHERE, host_count, link_count, whole
from nearlinear.simulator.fabrics.network import Network, Routes
from nearlinear.simulator.fabrics.routing import SHORTEST, Routing

MOST_DIMENSIONS = 6  # of the interconnects built so far: Tofu
LONGEST_ROUTE = 512  # links; routes are rows of so many columns


def torus(hosts: int, *, dims: tuple[int, ...] | None = None, routing: Routing = SHORTEST) -> Network:
    """Return a torus.

    Parameters
    ----------
    hosts : int
        How many of its places hold a host of the job: the first.
    dims : tuple of int, optional
        Length of every side. By default a cuboid (see ``cuboid``).
    routing : Routing
        See above.

    Raises
    ------
    SpecError
        Sides that make no sense or hold fewer hosts, or a routing without effect.
    """
    host_count(hosts)
    if dims is None:
        dims = cuboid(hosts)
    else:
        _check(dims, hosts)
        routing.require_choice(
            sum(side > 1 for side in dims) > 1, "in one dimension the shorter way is one path"
        )
    grid = Grid.of(tuple(dims), routing)
    sides = "x".join(map(str, dims))
    return Network(
        title=f"{sides} torus, {hosts:,} hosts, {routing.kind}",
        hosts=hosts,
        capacity=np.ones(link_count(prod(dims) * grid.degree, "shorter sides")),
        route=grid.route,
        name=grid.name,
    )


def cuboid(hosts: int) -> tuple[int, int, int]:
    """Return three sides, the longest at most twice the shortest, that leave the fewest places empty.

    Examples
    --------
    >>> cuboid(65536), cuboid(7)
    ((64, 32, 32), (2, 2, 2))
    """
    fitting = [
        (a, b, c)
        for c in range(1, round(hosts ** (1 / 3)) + 2)
        for b in range(c, 2 * c + 1)
        if (a := max(b, -(-hosts // (b * c)))) <= 2 * c
    ]
    return min(fitting, key=lambda sides: (prod(sides), sum(sides)))


def _check(dims: tuple[int, ...], hosts: int) -> None:
    for side in dims:
        whole("dims", side)
    if not 1 <= len(dims) <= MOST_DIMENSIONS:
        raise SpecError(WHERE, f"must be 1 to {MOST_DIMENSIONS} sides", field="dims", got=len(dims))
    if prod(dims) < hosts:
        fits = "x".join(map(str, cuboid(hosts)))
        rule, got = f"must hold {hosts:,} hosts", "x".join(map(str, dims))
        raise SpecError(
            WHERE, rule, field="dims", got=got, remedy=f"{prod(dims):,} places; dims={fits} would fit"
        )
    if (longest := sum(side // 2 for side in dims)) > LONGEST_ROUTE:
        rule = f"must leave the longest route at most {LONGEST_ROUTE} links"
        raise SpecError(WHERE, rule, field="dims", got=longest, remedy="take more and shorter sides")


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """Places of a torus and the links from each.

    Attributes
    ----------
    dims : tuple of int
        Length of every side.
    directions : tuple of (int, int)
        Dimension and step, 1 or -1, of every link from a place: two per dimension, one along a side of 2,
        none along a side of 1.
    routing : Routing
        Which order of dimensions a flow takes.
    """

    dims: tuple[int, ...]
    directions: tuple[tuple[int, int], ...]
    routing: Routing

    @classmethod
    def of(cls, dims: tuple[int, ...], routing: Routing) -> "Grid":
        """Return the grid with these sides."""
        directions = tuple((i, step) for i, side in enumerate(dims) for step in (1, -1)[: side - 1])
        return cls(dims=dims, directions=directions, routing=routing)

    @property
    def degree(self) -> int:
        """Links from one place."""
        return len(self.directions)

    def name(self, link: int) -> str:
        """Return where a link leads, in coordinates."""
        place, direction = divmod(link, len(self.directions))
        dimension, step = self.directions[direction]
        start: list[int] = []
        for side in reversed(self.dims):
            place, at = divmod(place, side)
            start.insert(0, at)
        end = list(start)
        end[dimension] = (start[dimension] + step) % self.dims[dimension]
        return f"({','.join(map(str, start))}) -> ({','.join(map(str, end))})"

    def route(self, source: IntArray, destination: IntArray) -> Routes:
        """Return up to the sum of half the sides in links per flow, times 2^(dimensions - 1) when adaptive.

        Neighbours are joined by a cable, so switches are counted as hosts passed in between.
        """
        start, end = self._coordinates(source), self._coordinates(destination)
        sides = np.array(self.dims)[:, None]
        forwards = (end - start) % sides
        steps = np.where(2 * forwards > sides, forwards - sides, forwards)
        jumps = (end - start) * np.array(self._strides())[:, None]
        links: IntArray
        share: FloatArray | None
        if self.routing.adaptive:
            links, share = self._spread(source, start, steps, jumps)
        else:
            orders = self._orders(source, destination)
            links, share = self._single(orders, source, start, steps, jumps), None
        return Routes(links=links, share=share, switches=np.maximum(np.abs(steps).sum(axis=0) - 1, 0))

    def _strides(self) -> list[int]:
        return [prod(self.dims[i + 1 :]) for i in range(len(self.dims))]

    def _first(self) -> list[int]:
        """Return the first link of every dimension among those of a place."""
        return list(accumulate((min(side - 1, 2) for side in self.dims[:-1]), initial=0))

    def _coordinates(self, host: IntArray) -> IntArray:
        """Return coordinates, shape (dimensions, flows)."""
        strides, sides = np.array(self._strides())[:, None], np.array(self.dims)[:, None]
        return np.asarray(host // strides % sides)

    def _orders(self, source: IntArray, destination: IntArray) -> IntArray:
        """Return in which order every flow takes the dimensions, shape (flows, dimensions)."""
        orders = np.array(list(permutations(range(len(self.dims)))))
        choice = self.routing.pick(source, destination, len(orders) if self.routing.kind == "ecmp" else 1)
        return np.asarray(orders[choice])

    def _single(
        self, orders: IntArray, source: IntArray, start: IntArray, steps: IntArray, jumps: IntArray
    ) -> IntArray:
        """Return the links of one path per flow."""
        flows, place, columns = np.arange(len(source)), source, []
        for dimension in orders.T:
            first, along = start[dimension, flows], steps[dimension, flows]
            columns.append(_placed(*self._segment(dimension, first, along), place * self.degree))
            place = place + jumps[dimension, flows]
        return np.concatenate(columns, axis=1)

    def _spread(
        self, source: IntArray, start: IntArray, steps: IntArray, jumps: IntArray
    ) -> tuple[IntArray, FloatArray]:
        """Return the links of all orders, those that orders have in common once, and their shares."""
        moves = steps != 0
        columns, shares = [], []
        for dimension, along in enumerate(steps):
            links, under_way = self._segment(np.full_like(source, dimension), start[dimension], along)
            for done in _subsets(len(self.dims), dimension):
                share = np.where(moves[done].all(axis=0), _fraction(len(done), moves), 0.0)
                mask = under_way & (share > 0)[:, None]
                columns.append(_placed(links, mask, (source + jumps[done].sum(axis=0)) * self.degree))
                shares.append(mask * share[:, None])
        return np.concatenate(columns, axis=1), np.concatenate(shares, axis=1)

    def _segment(
        self, dimension: IntArray, start: IntArray, steps: IntArray
    ) -> tuple[IntArray, NDArray[np.bool_]]:
        """Return the links along one dimension as seen from link 0 of the place, and which are used.

        Both have the shape (flows, most steps). Links go up by one stride per step, until the flow passes
        an end of the dimension.
        """
        side, stride = np.array(self.dims)[dimension], np.array(self._strides())[dimension] * self.degree
        done = np.arange(np.abs(steps).max(initial=0))
        backwards = steps < 0
        links = np.where(backwards, -stride, stride)[:, None] * done
        links += (np.array(self._first())[dimension] + backwards)[:, None]
        passed = done >= np.where(backwards, start + 1, side - start)[:, None]
        links += passed * np.where(backwards, side * stride, -side * stride)[:, None]
        return links, done < np.abs(steps)[:, None]


def _placed(links: IntArray, used: NDArray[np.bool_], first: IntArray) -> IntArray:
    """Return the links counted from those that come first at each place, -1 where unused."""
    return np.where(used, links + first[:, None], -1)


def _subsets(count: int, without: int) -> Iterator[list[int]]:
    """Yield every set of dimensions that may be done before one of them."""
    others = [i for i in range(count) if i != without]
    for size in range(count):
        yield from (list(done) for done in combinations(others, size))


def _fraction(done: int, moves: NDArray[np.bool_]) -> FloatArray:
    """Return the fraction of orders in which exactly ``done`` given dimensions come before a given one."""
    most = len(moves)
    table = [factorial(done) * factorial(max(q - 1 - done, 0)) / factorial(q) for q in range(most + 1)]
    return np.asarray(np.array(table)[moves.sum(axis=0)])
