"""Latency and bandwidth of a library's allreduce at each device count, from whole exchanges.

    t = tensors x latency + bytes / bandwidth        at one device count

Two parameters per count, by least squares on log(modelled / measured) under a soft-l1 loss; rows of one
network weigh together as much as those of another. A device count that was not measured is carried from the
nearest one below or beside: the latency grows along a chain, the bus bandwidth stays. Where its devices span
a level of links that no measured count does, its bandwidth is what the catalogue says of that level, a prior.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import least_squares
from scipy.stats import t as student

from nearlinear.calibrate.exchanges.table import ExchangeTime, columns
from nearlinear.models.arrays import FloatArray
from nearlinear.models.errors import FitError
from nearlinear.models.hardware.cluster import Cluster, Level
from nearlinear.models.prediction import Z90
from nearlinear.models.prior import bandwidth_spread, table

F_SCALE = 0.1  # log errors beyond it weigh less
START = (np.log(30e-6), np.log(1e-9))  # of a search: 30 us a tensor, 1 GB/s
FEWEST_NETWORKS = 2
WIDEST = 0.7  # standard deviation of log time: a 90 % band over a factor of ten says nothing
UNLIKE = 1.5  # times as many bytes per tensor: less, and errors of measurement decide
LOWEST = -40.0  # of a logarithm: below is nothing


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """The allreduce among so many devices.

    Attributes
    ----------
    devices : int
        How many.
    latency_s, seconds_per_byte : float
        Of one tensor, and of every byte of it.
    spread : float
        Standard deviation of log time for a network that was not seen.
    crossing : str
        Level of links that the devices span and no measured count does; empty where there is none.
    """

    devices: int
    latency_s: float
    seconds_per_byte: float
    spread: float
    crossing: str = ""

    def time_s(self, tensors: FloatArray | float, size_bytes: FloatArray | float) -> FloatArray:
        """Return the time of an exchange."""
        return np.asarray(tensors * self.latency_s + size_bytes * self.seconds_per_byte)


def fit_rates(rows: Sequence[ExchangeTime]) -> dict[int, Rate]:
    """Return the rate at every measured device count.

    Raises
    ------
    FitError
        Fewer than two networks at a count, or too much alike: latency and bandwidth are two numbers.
    """
    spread = unseen_spread(rows)
    if spread > WIDEST:
        raise FitError(
            "calibrate", f"networks must agree on latency and bandwidth within {np.exp(WIDEST):.1f} times,"
            f" left out they are off by {np.exp(spread):.3g} times", remedy="look for a wrong unit or row",
        )  # fmt: skip
    rates = {}
    for devices in sorted({row.devices for row in rows}):
        mine = [row for row in rows if row.devices == devices]
        if not tells_both(mine):
            names = ", ".join(dict.fromkeys(row.network for row in mine))
            raise FitError(
                "calibrate", f"needs exchanges of two networks at {devices} devices that differ in bytes per"
                f" tensor by {UNLIKE:g} or more to tell latency from bandwidth", got=names,
                remedy="add rows of another network, or drop those of this count",
            )  # fmt: skip
        latency, slope = _fit(mine)
        rates[devices] = Rate(devices=devices, latency_s=latency, seconds_per_byte=slope, spread=spread)
    return rates


def tells_both(rows: Sequence[ExchangeTime]) -> bool:
    """Return whether rows of one count differ enough to tell latency from bandwidth."""
    per_tensor = [row.size_bytes / row.tensors for row in rows]
    return bool(per_tensor) and max(per_tensor) >= UNLIKE * min(per_tensor)


def carried(rates: dict[int, Rate], devices: int, cluster: Cluster | None) -> Rate:
    """Return the rate among devices that were not measured, from the nearest count of the same level."""
    level, same = _level(cluster, devices), list(rates.values())
    inside = [rate for rate in same if _level(cluster, rate.devices) == level]
    near = min(inside or same, key=lambda rate: abs(np.log2(rate.devices / devices)))
    distance = abs(float(np.log2(near.devices / devices)))
    spread = float(np.hypot(near.spread, table()["residual"]["per_doubling"] * distance))
    latency_s = near.latency_s * (devices - 1) / (near.devices - 1)
    slope = near.seconds_per_byte * _share(devices) / _share(near.devices)
    if inside or level is None:
        return Rate(devices=devices, latency_s=latency_s, seconds_per_byte=slope, spread=spread)
    prior = bandwidth_spread(level.link)
    crossing = _share(devices) / (level.link.bandwidth_bytes_per_s.value * prior.median)
    return Rate(
        devices=devices, latency_s=latency_s, seconds_per_byte=max(slope, crossing),
        spread=float(np.hypot(spread, prior.log_sd)), crossing=level.name,
    )  # fmt: skip


def unseen_spread(rows: Sequence[ExchangeTime]) -> float:
    """Return the standard deviation of log errors of networks left out; a prior where none can be.

    Few networks tell little of others: it is as much larger as Student's t is than a normal deviate, with as
    many degrees of freedom as networks could be left out.
    """
    errors = {network: found for network in {row.network for row in rows}
              if len(found := _left_out_errors(rows, network))}  # fmt: skip
    if not errors:
        return float(table()["residual"]["inside"])
    square = np.mean(np.concatenate(list(errors.values())) ** 2)
    return float(np.sqrt(square) * student.ppf(0.95, len(errors)) / Z90)


def _left_out_errors(rows: Sequence[ExchangeTime], out: str) -> FloatArray:
    """Return log errors of a network at every count at which the others tell both parameters."""
    errors = [np.empty(0)]
    for devices in sorted({row.devices for row in rows}):
        held = [row for row in rows if row.network == out and row.devices == devices]
        rest = [row for row in rows if row.network != out and row.devices == devices]
        if held and tells_both(rest):
            latency, slope = _fit(rest)
            tensors, size, time = columns(held)
            errors.append(np.log((tensors * latency + size * slope) / time))
    return np.concatenate(errors)


def _fit(rows: Sequence[ExchangeTime]) -> tuple[float, float]:
    """Return latency and seconds per byte at one count."""
    count = Counter(row.network for row in rows)
    weight = np.array([count[row.network] ** -0.5 for row in rows])
    tensors, size, time = columns(rows)

    def residuals(theta: FloatArray) -> FloatArray:
        latency, slope = np.exp(np.maximum(theta, LOWEST))
        return np.asarray(weight * np.log((tensors * latency + size * slope) / time))

    found = least_squares(residuals, START, loss="soft_l1", f_scale=F_SCALE)
    latency, slope = np.exp(np.maximum(found.x, LOWEST))
    return float(latency), float(slope)


def _level(cluster: Cluster | None, devices: int) -> Level | None:
    """Return the innermost level that joins so many devices."""
    if cluster is None:
        return None
    return next((one for one in cluster.levels if not one.span or one.span >= devices), cluster.levels[-1])


def _share(devices: int) -> float:
    """Return bytes that cross a link per byte of an allreduce, as a ring sends them."""
    return 2.0 * (devices - 1) / devices
