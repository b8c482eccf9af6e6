"""A tier: the links between equal switches and the switches above them, up and down.

With adaptive routing all up-links of a switch carry the same load, and so do the links down to it: each
set is then one link, a *bundle*, whose capacity is their sum. Load over capacity is that of every single
link, and a flow crosses one link instead of a share of each.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from nearlinear.models.arrays import FloatArray, IntArray
from nearlinear.simulator.fabrics.limits import ratio


@dataclass(frozen=True, slots=True, kw_only=True)
class Tier:
    """Up-links of capacity 1, as many down-links, numbered from ``first``: all up, then all down.

    Attributes
    ----------
    switches : int
        Switches at the lower end.
    ways : int
        Up-links of each.
    bundled : bool
        The up-links of a switch are one link.
    ends : callable
        ``ends(switch, way)`` returns the names of the lower and of the upper switch.
    first : int
        Number of the first link.
    """

    switches: int
    ways: int
    bundled: bool
    ends: Callable[[int, int], tuple[str, str]]
    first: int = 0

    @property
    def width(self) -> int:
        """Links that a switch has upwards."""
        return 1 if self.bundled else self.ways

    @property
    def links(self) -> int:
        """Links in both directions."""
        return 2 * self.switches * self.width

    def capacity(self) -> FloatArray:
        """Return the capacities, shape (links,)."""
        return np.full(self.links, self.ways / self.width)

    def up(self, switch: IntArray, way: IntArray) -> IntArray:
        """Return the links from lower switches upwards, shape (flows,)."""
        return self.first + (switch if self.bundled else switch * self.ways + way)

    def down(self, switch: IntArray, way: IntArray) -> IntArray:
        """Return the links down to lower switches, shape (flows,)."""
        return self.up(switch, way) + self.links // 2

    def name(self, link: int) -> str:
        """Return where a link leads."""
        downwards, place = divmod(link - self.first, self.links // 2)
        lower, upper = self.ends(*divmod(place, self.width))
        return f"{upper} -> {lower}" if downwards else f"{lower} -> {upper}"


def up_links(field: str, below: int, oversubscription: float) -> int:
    """Return how many up-links a switch with ``below`` links downwards has; at least one.

    Examples
    --------
    >>> up_links("oversubscription", 32, 3)
    11
    """
    return max(1, round(below / ratio(field, oversubscription)))


def bandwidth(below: int, ways: int, place: str = "") -> str:
    """Return in words how ``below`` links downwards compare with ``ways`` up-links.

    Examples
    --------
    >>> bandwidth(32, 16), bandwidth(32, 32)
    ('2:1 oversubscribed', 'full bandwidth')
    """
    return "full bandwidth" if below <= ways else f"{below / ways:.3g}:1 oversubscribed" + place
