"""A published scaling curve: what was run, on what, and the throughputs that others measured."""

from dataclasses import dataclass

import numpy as np

from nearlinear.models.arrays import FloatArray, IntArray
from nearlinear.models.case import Case
from nearlinear.models.machine import cluster_of
from nearlinear.models.scenario import Scenario

MAIN = "curves"  # the group that is scored where a file names no other


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Published:
    """What the curves of one file share.

    Attributes
    ----------
    title : str
        System and program.
    origin : str
        Who measured: curves of one origin are left out together where constants are tested.
    source : str
        Where the values stand, with the commit or page.
    retrieved : str
        Date of reading.
    group : str
        Curves that are scored together.
    unit : str
        What a sample is.
    parameter_server : bool
        Whether gradients pass parameter servers, which are judged by their knee and by coverage.
    notes : str
        What a reader should know.
    """

    title: str
    origin: str
    source: str
    retrieved: str
    group: str = MAIN
    unit: str = "images"
    parameter_server: bool = False
    notes: str = ""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Curve:
    """One curve.

    Attributes
    ----------
    name, place : str
        Unique in its suite; file and line.
    published : Published
        Where it comes from.
    scenario : Scenario
        What was run; its device counts are those of the curve, and it has no anchors.
    samples_per_s : ndarray, shape (scales,)
        Measured throughput at each of the scenario's device counts.
    remembered : frozenset of int
        Device counts whose value nobody verified: shown, never scored.
    real_data : bool
        Whether batches were loaded from files.
    anchored_only : bool
        Whether totals stand for a network that they do not describe (recurrent ones launch a kernel at each
        step), so that nothing can be said of it without an anchor.
    """

    name: str
    place: str
    published: Published
    scenario: Scenario
    samples_per_s: FloatArray
    remembered: frozenset[int] = frozenset()
    real_data: bool = False
    anchored_only: bool = False

    @property
    def devices(self) -> IntArray:
        """Device counts, rising."""
        return np.array(self.scenario.plan.devices)

    @property
    def per_node(self) -> int:
        """Devices of a full node."""
        return cluster_of(self.scenario.machine, int(self.devices[-1])).devices_per_node

    @property
    def case(self) -> Case:
        """The scenario with every name looked up."""
        return Case.of(self.scenario)

    @property
    def efficiency(self) -> FloatArray:
        """Measured throughput per device over that of the smallest scale."""
        per_device = self.samples_per_s / self.devices
        return np.asarray(per_device / per_device[0])

    def rate(self, devices: int) -> float:
        """Return the measured throughput at a scale of the curve."""
        return float(self.samples_per_s[self.devices == devices][0])
