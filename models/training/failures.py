"""How often a job fails: mean times between failures of its parts, and their distribution.

A job of n parts that fail independently fails n times as often as one part. Without a better number the rate
is that of the interruptions that somebody published, ``data/failures.toml``.
"""

from dataclasses import dataclass
from math import gamma, inf

import numpy as np

from nearlinear.models.arrays import FloatArray
from nearlinear.models.catalogue import DATA, sources
from nearlinear.models.errors import SpecError
from nearlinear.models.hardware.fact import Fact, read_fact
from nearlinear.models.option import one_of
from nearlinear.models.strict import read_toml

PARTS = ("device", "node", "job")
SHAPES = 0.1, 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Failures:
    """Failures of a job.

    Attributes
    ----------
    mtbf_s : float
        Mean time between failures of one part; infinite for none.
    per : {"device", "node", "job"}
        What a part is.
    shape : float
        Of a Weibull distribution of the times between failures of the job, counted from the last one; 1 is
        exponential, less than 1 means that failures come in bursts.
    """

    mtbf_s: float
    per: str = "device"
    shape: float = 1.0

    def __post_init__(self) -> None:
        one_of(*PARTS)(self.per, "--mtbf-per")
        if not self.mtbf_s > 0:
            raise SpecError("--mtbf", "must be > 0", got=self.mtbf_s)
        if not SHAPES[0] <= self.shape <= SHAPES[1]:
            raise SpecError("--weibull", f"must lie in {SHAPES[0]:g}..{SHAPES[1]:g}", got=self.shape)

    def job_mtbf_s(self, devices: int, per_node: int) -> float:
        """Return the mean time between failures of a job.

        Examples
        --------
        >>> Failures(mtbf_s=1000.0).job_mtbf_s(10, 8), Failures(mtbf_s=1000.0, per="node").job_mtbf_s(10, 8)
        (100.0, 500.0)
        """
        return self.mtbf_s / {"device": devices, "node": -(-devices // per_node), "job": 1}[self.per]

    def draw(self, generator: np.random.Generator, mtbf_s: float, count: int) -> FloatArray:
        """Return times to the next failure of a job whose mean is ``mtbf_s``."""
        if mtbf_s == inf:
            return np.full(count, inf)
        return np.asarray(mtbf_s / gamma(1.0 + 1.0 / self.shape) * generator.weibull(self.shape, count))


def published_mtbf() -> Fact:
    """Return the mean time between interruptions of a device, seconds, as published."""
    table = read_toml(DATA / "failures.toml")
    return read_fact(table["mtbf_device_h"], "failures.toml: mtbf_device_h", sources(), 3600.0)
