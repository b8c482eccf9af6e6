"""What a result was made from: versions, the sources of every number used, and measured files."""

import hashlib
import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from nearlinear.models.case import Case
from nearlinear.models.catalogue import find_link
from nearlinear.models.hardware.fact import Fact
from nearlinear.models.parameters import HOST_MEMORY


def provenance(case: Case) -> dict[str, Any]:
    """Return versions, sources and files behind a case; nothing in it changes from run to run."""
    made: dict[str, Any] = {
        "nearlinear": version("nearlinear"),
        "python": platform.python_version(),
        "numpy": np.__version__,
        "facts": [_cited(name, fact) for name, fact in _facts(case)],
    }
    if case.profile is not None:
        made["profile"] = {"file": case.profile.name, "sha256": sha256(Path(case.profile.name))}
    if prices := case.scenario.cost.prices:
        made["prices"] = {"file": prices, "sha256": sha256(Path(prices))}
    return made


def sha256(path: Path) -> str:
    """Return the hexadecimal SHA-256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _facts(case: Case) -> list[tuple[str, Fact]]:
    device = case.device
    found = [
        (f"{device.name}.memory_bytes", device.memory_bytes),
        (f"{device.name}.memory_bandwidth_bytes_per_s", device.memory_bandwidth_bytes_per_s),
    ]
    if case.kernels is None:
        found.append((f"{device.name}.peak_flop_per_s", device.peak(case.scenario.workload.precision)))
    for level in case.cluster.levels:
        if case.known(level) is not None:
            continue  # the profile stands for it
        link = level.link
        found.append((f"{link.name}.bandwidth_bytes_per_s", link.bandwidth_bytes_per_s))
        found.append((f"{link.name}.latency_s", link.latency_s))
    if case.staging is not None:
        for link in (case.staging, find_link(HOST_MEMORY)):
            found.append((f"{link.name}.bandwidth_bytes_per_s", link.bandwidth_bytes_per_s))
        found.append((f"{case.staging.name}.latency_s", case.staging.latency_s))
    return [*found, *(case.economics.facts() if case.economics else ())]


def _cited(name: str, fact: Fact) -> dict[str, Any]:
    return {
        "name": name,
        "value": fact.value,
        "status": fact.status,
        "source": fact.source.citation,
        "date": fact.source.date,
    }
