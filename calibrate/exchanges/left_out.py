"""Exchanges that a fit did not see: a network, or a device count, left out and predicted from the rest."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from nearlinear.calibrate.exchanges.exchange_fit import (
    FEWEST_NETWORKS,
    Rate,
    carried,
    fit_rates,
    tells_both,
)  # fmt: skip
from nearlinear.calibrate.exchanges.table import ExchangeTable, ExchangeTime
from nearlinear.models.arrays import FloatArray
from nearlinear.models.hardware.cluster import Cluster
from nearlinear.models.prediction import Z90

FEWEST_COUNTS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """One row predicted from others.

    Attributes
    ----------
    row : ExchangeTime
        What was measured.
    rate : Rate
        What the others say.
    """

    row: ExchangeTime
    rate: Rate

    @property
    def predicted_s(self) -> float:
        """The exchange."""
        return float(self.rate.time_s(self.row.tensors, self.row.size_bytes))

    @property
    def band_s(self) -> tuple[float, float]:
        """The 90 % band."""
        factor = float(np.exp(Z90 * self.rate.spread))
        return self.predicted_s / factor, self.predicted_s * factor

    @property
    def error(self) -> float:
        """Relative error."""
        return self.predicted_s / self.row.time_s - 1.0


def without_network(table: ExchangeTable) -> list[LeftOut]:
    """Return every row predicted from the other networks; none where fewer than three were measured."""
    if len(table.networks) <= FEWEST_NETWORKS:
        return []
    return [
        LeftOut(row=row, rate=rates[row.devices])
        for network in table.networks
        for rates in [fit_rates(_telling([row for row in table.rows if row.network != network]))]
        for row in table.rows
        if row.network == network and row.devices in rates
    ]


def without_count(table: ExchangeTable, cluster: Cluster | None) -> list[LeftOut]:
    """Return every row predicted from the other device counts; none where one was measured."""
    rows = _telling(table.rows)
    counts = sorted({row.devices for row in rows})
    if len(counts) < FEWEST_COUNTS:
        return []
    return [
        LeftOut(row=row, rate=rate)
        for devices in counts
        for rate in [carried(fit_rates([row for row in rows if row.devices != devices]), devices, cluster)]
        for row in rows
        if row.devices == devices
    ]


def _telling(rows: Sequence[ExchangeTime]) -> list[ExchangeTime]:
    """Return the rows of device counts that can be fitted."""
    return [row for row in rows if tells_both([other for other in rows if other.devices == row.devices])]


def errors(found: Sequence[LeftOut]) -> FloatArray:
    """Return the absolute relative errors."""
    return np.array([abs(one.error) for one in found])


def covered(found: Sequence[LeftOut]) -> float:
    """Return the share of rows inside their 90 % bands."""
    return float(np.mean([one.band_s[0] <= one.row.time_s <= one.band_s[1] for one in found]))
