"""What is assumed where nothing was measured: log-normal factors, each with its source."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from nearlinear.models.arrays import FloatArray
from nearlinear.models.hardware.fact import Fact
from nearlinear.models.hardware.link import Link
from nearlinear.models.strict import read_toml
from nearlinear.models.units import MICROSECOND

PATH = Path(__file__).parent / "data" / "priors.toml"
BAND = {"nvlink": "nvlink", "xgmi": "nvlink", "ici": "nvlink", "pcie": "pcie", "socket": "pcie"}
TENSOR = ("tf32", "fp16", "bf16", "fp8")


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """A log-normal factor: its median and the standard deviation of its logarithm."""

    median: float
    log_sd: float

    def draw(self, z: FloatArray) -> FloatArray:
        """Return the factor for standard normal draws."""
        return np.asarray(self.median * np.exp(self.log_sd * z))


@cache
def table() -> dict[str, Any]:
    """Return the priors as they stand in the file."""
    return read_toml(PATH)


def bandwidth_spread(link: Link) -> Spread:
    """Return achieved over catalogue bandwidth of a link.

    A measured bandwidth is what is achieved; a nominal one is not.
    """
    fact = link.bandwidth_bytes_per_s
    if fact.status == "measured":
        return Spread(median=1.0, log_sd=_status(fact))
    prior = table()["bandwidth"][BAND.get(link.family, "network")]
    return Spread(median=prior["median"], log_sd=float(np.hypot(prior["log_sd"], _status(fact))))


def latency_draw(link: Link, z: FloatArray, z_overhead: FloatArray) -> FloatArray:
    """Return samples of the latency of a link, with what a collective library adds on a network."""
    prior = table()["latency"]
    spread = Spread(median=1.0, log_sd=float(np.hypot(prior["log_sd"], _status(link.latency_s))))
    latency = link.latency_s.value * spread.draw(z)
    if link.family in BAND or link.family == "memory":
        return latency
    overhead = Spread(
        median=prior["network_overhead_us"] * MICROSECOND, log_sd=prior["network_overhead_log_sd"]
    )
    return latency + overhead.draw(z_overhead)


def compute_spread(precision: str) -> Spread:
    """Return achieved over roofline speed of whole training steps."""
    prior = table()["compute"]["tensor" if precision in TENSOR else "fp32"]
    return Spread(median=prior["median"], log_sd=prior["log_sd"])


def kernel_spread(precision: str) -> Spread:
    """Return achieved speed of whole training steps over that of their kernels measured alone."""
    prior = table()["kernels"]["tensor" if precision in TENSOR else "fp32"]
    return Spread(median=prior["median"], log_sd=prior["log_sd"])


def step_loss(devices: int, known_devices: int, z: FloatArray) -> FloatArray:
    """Return what a step loses beyond the model among ``devices`` devices, as a fraction of the step.

    Frameworks, loaders and stragglers cost more the more devices there are; a scale that is known
    shows them up to there.

    Parameters
    ----------
    devices : int
        Scale.
    known_devices : int
        Largest scale at which the loss is known; 0 for none.
    z : ndarray
        Standard normal draws.
    """
    unknown = max(typical_step_loss(devices) - typical_step_loss(known_devices), 0.0)
    return Spread(median=unknown, log_sd=table()["step"]["log_sd"]).draw(z)


def step_exponent(z: FloatArray) -> FloatArray:
    """Return the power with which that loss grows between two known scales: 1 in the median."""
    return Spread(median=1.0, log_sd=table()["step"]["log_sd"]).draw(z)


def typical_step_loss(devices: int) -> float:
    """Return the median of that loss over published curves; none on one device."""
    prior = table()["step"]
    return float(prior["constant"] + prior["per_doubling"] * np.log2(devices)) if devices > 1 else 0.0


def _status(fact: Fact) -> float:
    return float(table()["status"][fact.status])
