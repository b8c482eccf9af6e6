"""The profile of links whose allreduce was only seen as whole exchanges of training steps."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from nearlinear.calibrate.exchanges.exchange_fit import Rate, fit_rates
from nearlinear.calibrate.exchanges.table import ExchangeTable
from nearlinear.calibrate.importers.imported import Imported
from nearlinear.calibrate.levels import fit_levels
from nearlinear.calibrate.points import medians
from nearlinear.calibrate.spec import CalibrateSpec
from nearlinear.measure.records import Sample
from nearlinear.models import dnn
from nearlinear.models.arrays import FloatArray
from nearlinear.models.catalogue import find_cluster
from nearlinear.models.errors import FitError
from nearlinear.models.hardware.cluster import Cluster
from nearlinear.models.link_profile import LinkProfile
from nearlinear.models.profile import Profile
from nearlinear.models.provenance import sha256
from nearlinear.models.units import FLOAT32_BYTES

ASSUMED = ("time of one tensor, from whole exchanges",)


def fit_exchanges(table: ExchangeTable, name: str = "profile") -> Profile:
    """Return a profile of the library's allreduce that the exchanges of a table add up from.

    Raises
    ------
    FitError
        Fewer than two networks at a device count, or devices that do not fill their nodes.
    """
    rates = fit_rates(table.rows)
    sizes = _tensor_bytes(table)
    samples = [_sample(rate, size, table) for rate in rates.values() for size in sizes]
    imported = Imported(path=table.path, format="exchanges", samples=tuple(samples))
    notes: list[str] = []
    links = [one.link for one in fit_levels(medians([imported]), CalibrateSpec(holdout=0.0), notes)]
    if not links:
        raise FitError("calibrate", f"nothing could be fitted ({notes[-1]})")
    spread = next(iter(rates.values())).spread
    made = {"files": [{"path": Path(table.path).name, "format": "exchanges",
            "sha256": sha256(Path(table.path)), "samples": len(table.rows), "devices": []}]}  # fmt: skip
    return Profile(name=name, links=tuple(_told(link, spread) for link in links), provenance=made)


def cluster_of(table: ExchangeTable) -> Cluster | None:
    """Return the cluster that a table names."""
    return find_cluster(table.cluster, "cluster") if table.cluster else None


def _told(link: LinkProfile, spread: float) -> LinkProfile:
    """Return the link with the spread that networks left out show; sizes were never timed apart."""
    return replace(link, spread=spread, assumed=(*ASSUMED, *link.assumed))


def _tensor_bytes(table: ExchangeTable) -> FloatArray:
    """Return powers of two from the smallest to the largest tensor of the networks."""
    tensors = [
        size * FLOAT32_BYTES
        for name in table.networks
        for layer in dnn.network(name).layers
        for size in layer.tensors
    ]
    exponents = np.arange(np.floor(np.log2(min(tensors))), np.ceil(np.log2(max(tensors))) + 1)
    return np.asarray(2.0**exponents)


def _sample(rate: Rate, size_bytes: float, table: ExchangeTable) -> Sample:
    cluster = cluster_of(table)
    per_node = cluster.devices_per_node if cluster else rate.devices
    nodes = -(-rate.devices // per_node)
    if nodes > 1 and rate.devices % per_node:
        raise FitError(
            "calibrate", f"devices must fill nodes of {per_node}", got=rate.devices, remedy="drop the row"
        )
    return Sample(
        operation="allreduce", algorithm="vendor", transport=table.transport, dtype="float32",
        placement="in", size_bytes=int(size_bytes), ranks=rate.devices, nodes=nodes, repetition=0,
        mode="pipelined", statistic="mean", time_s=float(rate.time_s(1.0, size_bytes)),
    )  # fmt: skip
