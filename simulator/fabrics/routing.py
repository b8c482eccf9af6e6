"""Routing: which of several paths a flow takes.

* ``shortest``: one path, chosen by the destination modulo the number of paths ("D-mod-k", as InfiniBand
  subnet managers fill their tables for fat trees).
* ``ecmp``: one path, chosen by a hash of source and destination, as Ethernet switches do.
* ``adaptive``: spread over several paths in fixed shares, the fluid limit of switches that choose for
  every packet. The shares do not depend on the load.

References
----------
Zahavi, Johnson, Kerbyson and Lang 2010, "Optimized InfiniBand fat-tree routing for shift all-to-all
communication patterns". Hopps 2000, RFC 2992, "Analysis of an equal-cost multi-path algorithm".
"""

from dataclasses import dataclass

import numpy as np

from nearlinear.models.arrays import IntArray
from nearlinear.models.errors import SpecError, nearest
from nearlinear.simulator.fabrics.limits import WHERE, whole
from nearlinear.simulator.fabrics.mixing import mixed

ROUTINGS = ("shortest", "ecmp", "adaptive")
LARGEST_SEED = 2**63 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Routing:
    """How paths are chosen.

    Attributes
    ----------
    kind : str
        One of ``ROUTINGS``.
    seed : int, optional
        Of the hash of ``ecmp``, 0 by default; given with another kind it is an error.
    """

    kind: str = "shortest"
    seed: int | None = None

    def __post_init__(self) -> None:
        """Refuse unknown kinds and a seed without effect."""
        if self.kind not in ROUTINGS:
            remedy = nearest(self.kind, list(ROUTINGS)) or f"known are {', '.join(ROUTINGS)}"
            raise SpecError(WHERE, "must be a known routing", field="routing", got=self.kind, remedy=remedy)
        if self.seed is not None:
            whole("seed", self.seed, least=0, most=LARGEST_SEED)
            if self.kind != "ecmp":
                rule = "has an effect only with routing=ecmp"
                raise SpecError(WHERE, rule, field="seed", got=self.seed, remedy="leave it out")

    @property
    def adaptive(self) -> bool:
        """Whether flows are spread."""
        return self.kind == "adaptive"

    def pick(self, source: IntArray, destination: IntArray, paths: IntArray | int) -> IntArray:
        """Return for every flow a number in 0..paths-1, shape (flows,)."""
        if self.kind != "ecmp":
            return np.asarray(destination % paths, dtype=np.int64)
        hashed = mixed(self.seed or 0, source, destination)
        return (hashed % np.asarray(paths, dtype=np.uint64)).astype(np.int64)

    def require_choice(self, choice: bool, reason: str) -> None:
        """Refuse a routing that was asked for where there is nothing to choose.

        Raises
        ------
        SpecError
            Not ``shortest``, and no choice.
        """
        if not choice and self.kind != "shortest":
            remedy = f"{reason}, so routing changes nothing: leave it out"
            raise SpecError(WHERE, "needs several paths", field="routing", got=self.kind, remedy=remedy)


SHORTEST = Routing()
