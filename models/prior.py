"""What is assumed where nothing was measured: log-normal factors, each with its source."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from nearlinear.models.arrays import FloatArray
from nearlinear.models.hardware.device import Device
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


def compute_spread(device: Device, precision: str) -> Spread:
    """Return achieved over usual speed (:mod:`~nearlinear.models.training.usual_times`) of whole steps.

    Generations that the usual speed is not fitted to have a prior of their own.
    """
    priors = table()["compute"]
    prior = priors.get(device.generation) or priors["tensor" if precision in TENSOR else "fp32"]
    return Spread(median=prior["median"], log_sd=prior["log_sd"])


def kernel_spread(precision: str) -> Spread:
    """Return achieved speed of whole training steps over that of their kernels measured alone."""
    prior = table()["kernels"]["tensor" if precision in TENSOR else "fp32"]
    return Spread(median=prior["median"], log_sd=prior["log_sd"])


def unhidden_share(z: FloatArray) -> FloatArray:
    """Return samples of the share of an exchange that a step pays however well backward could hide it."""
    prior = table()["overlap"]
    return np.minimum(Spread(median=prior["unhidden"], log_sd=prior["log_sd"]).draw(z), 1.0)


def rerun_factor(z: FloatArray) -> FloatArray:
    """Return compute of another run, on other devices of the kind, over that of a measured one."""
    return Spread(median=1.0, log_sd=table()["rerun"]["log_sd"]).draw(z)


@dataclass(frozen=True, slots=True, kw_only=True)
class StepLoss:
    """What steps lose beyond the model, as a fraction, on nodes of ``per_node`` devices.

    Frameworks, loaders and shared hosts cost more the more devices a node has; beyond one node little is
    lost in the median, and now and then a lot. Nobody published how it grows on nodes of few devices: as
    on one of eight, it is assumed.
    """

    per_node: int

    @property
    def first(self) -> int:
        """Devices up to which the loss grows as inside a node."""
        return max(self.per_node, int(table()["step"]["devices"]))

    def draw(self, devices: int, known_devices: int, z: FloatArray) -> FloatArray:
        """Return samples of the loss at a scale beyond what is known at ``known_devices``; 0 for none."""
        prior = table()["step"]
        inside = max(self.inside(devices) - self.inside(known_devices), 0.0)
        beyond = max(self.beyond(devices) - self.beyond(known_devices), 0.0)
        return np.asarray(
            Spread(median=inside, log_sd=prior["log_sd"]).draw(z)
            + Spread(median=beyond, log_sd=prior["beyond"]["log_sd"]).draw(z)
        )

    def inside(self, devices: int) -> float:
        """Return the median loss inside a node."""
        prior, here = table()["step"], min(devices, self.first)
        return float(prior["constant"] + prior["per_doubling"] * np.log2(here)) if devices > 1 else 0.0

    def beyond(self, devices: int) -> float:
        """Return the median loss between nodes."""
        doublings = np.log2(max(devices / self.first, 1.0))
        return float(table()["step"]["beyond"]["per_doubling"] * doublings)


def step_exponent(z: FloatArray) -> FloatArray:
    """Return the power with which that loss grows between two known scales: 1 in the median."""
    return Spread(median=1.0, log_sd=table()["step"]["log_sd"]).draw(z)


def _status(fact: Fact) -> float:
    return float(table()["status"][fact.status])
