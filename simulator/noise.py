"""Monte Carlo of unequal ranks: slow processors, slow links and late starts, all samples in one sweep."""

from dataclasses import dataclass

import numpy as np

from nearlinear.models.arrays import IntArray
from nearlinear.models.errors import SpecError
from nearlinear.models.units import parse_duration, parse_fraction
from nearlinear.simulator.exchange import to_ticks
from nearlinear.simulator.pricing import Paces

KEYS = ("cpu", "link", "start")


@dataclass(frozen=True, slots=True, kw_only=True)
class Noise:
    """How unequal ranks are; drawn anew for every sample.

    Attributes
    ----------
    cpu, link : float
        Standard deviation, in log time, of what a rank's processor and its links need.
    start_s : float
        Ranks start at times spread evenly from 0 to this.
    """

    cpu: float = 0.0
    link: float = 0.0
    start_s: float = 0.0

    @classmethod
    def of(cls, text: str) -> "Noise":
        """Return the noise of ``cpu=5%,link=2%,start=10us``; any of the three.

        Raises
        ------
        SpecError
            Unknown keys or malformed values.
        """
        given: dict[str, float] = {}
        for part in text.split(","):
            key, equals, raw = (piece.strip() for piece in part.partition("="))
            if key not in KEYS or not equals or key in given:
                remedy = "write cpu=5%,link=2%,start=10us"
                raise SpecError("--noise", f"must give {', '.join(KEYS)} once each", got=part, remedy=remedy)
            read = parse_duration if key == "start" else parse_fraction
            given[key] = read(raw, f"--noise: {key}")
        return cls(cpu=given.get("cpu", 0.0), link=given.get("link", 0.0), start_s=given.get("start", 0.0))

    def draw(self, samples: int, ranks: int, seed: int) -> tuple[IntArray, Paces | None]:
        """Return start ticks, shape (samples, ranks), and how slow ranks are; None where all are equal."""
        generator = np.random.default_rng(seed)
        start = to_ticks(generator.uniform(0.0, self.start_s, (samples, ranks)))
        if not (self.cpu or self.link):
            return start, None
        cpu = np.exp(self.cpu * generator.standard_normal((samples, ranks)))
        link = np.exp(self.link * generator.standard_normal((samples, ranks)))
        return start, Paces(cpu=cpu, link=link)
