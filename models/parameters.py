"""Samples of everything that is uncertain in a case: links, compute, and what the physics leaves out.

Where a profile knows a level of links its samples are used; elsewhere the catalogue is a prior with a
spread by origin. Draws are seeded and taken in a fixed order, so a profile changes only what it knows.
"""

from dataclasses import dataclass, replace

import numpy as np

from nearlinear.models.arrays import FloatArray, IntArray
from nearlinear.models.case import Case
from nearlinear.models.catalogue import find_link
from nearlinear.models.draws import standard_normals
from nearlinear.models.hardware.cluster import Level
from nearlinear.models.hardware.link import Link
from nearlinear.models.hardware.message import LinkCost, Residual
from nearlinear.models.hardware.topology import Topology, TopologyLevel
from nearlinear.models.link_profile import LinkProfile
from nearlinear.models.prior import (
    Spread,
    bandwidth_spread,
    compute_spread,
    kernel_spread,
    latency_draw,
    unhidden_share,
)

BYTES_MOVED_PER_BYTE_ADDED = 3  # reads both operands, writes the sum
HOST_MEMORY = "host-memory"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LevelSamples:
    """One level of links with sampled costs.

    Attributes
    ----------
    level : Level
        From the cluster.
    cost : LinkCost
        Parameters of shape (samples, 1).
    capacity : float
        Messages that leave one unit of the level below at once at full rate.
    profile : LinkProfile or None
        What was measured.
    z : ndarray, shape (samples, 1)
        Draws behind what the fit leaves out.
    """

    level: Level
    cost: LinkCost
    capacity: float
    profile: LinkProfile | None
    z: FloatArray

    def at(self, units: int, per_unit: int) -> LinkCost:
        """Return the cost among ``units`` units of so many devices, wider where such were not measured."""
        if self.profile is None:
            return self.cost
        return self.cost.scaled(np.exp(self.z * self.profile.rank_spread(units, per_unit)))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Parameters:
    """Samples of one case.

    Attributes
    ----------
    levels : tuple of LevelSamples
        Inside out.
    slowness : ndarray, shape (samples,)
        Step time over that of the model of compute: usual times, measured kernels or throughputs.
    z_step : ndarray, shape (samples,)
        Draws behind what one measured scale does not show.
    z_compute : ndarray, shape (samples,)
        Draws behind what measured kernels or throughputs leave out.
    z_rerun : ndarray, shape (samples,)
        Draws behind how runs differ.
    unhidden : ndarray, shape (samples,)
        Share of an exchange that a step pays however well backward could hide it.
    row : ndarray of int, shape (samples,)
        Which sample of the profile's kernels is taken, modulo how many there are; 0 is the best fit.
    staging : LinkCost or None
        Copies between device and host memory that the exchange needs, parameters of shape (samples, 1).
    """

    levels: tuple[LevelSamples, ...]
    slowness: FloatArray
    z_step: FloatArray
    z_compute: FloatArray
    z_rerun: FloatArray
    unhidden: FloatArray
    row: IntArray
    staging: LinkCost | None = None

    def outermost(self, devices: int) -> tuple[LevelSamples, int]:
        """Return the outermost level that so many devices use, and the devices of each unit below it."""
        below = 1
        for sample in self.levels[:-1]:
            if devices <= sample.level.span:
                return sample, below
            below = sample.level.span
        return self.levels[-1], below

    def topology(self, devices: int) -> Topology:
        """Return the levels of links among so many devices."""
        levels, below = [], 1
        for sample in self.levels:
            outermost = sample is self.levels[-1]
            span = devices if outermost else sample.level.span
            units = max(-(-min(span, devices) // below), 1)
            levels.append(
                TopologyLevel(
                    name=sample.level.name,
                    span=np.inf if outermost else float(sample.level.span),
                    cost=sample.at(units, below),
                    capacity=sample.capacity,
                )
            )
            below = sample.level.span or below
        return Topology(levels=tuple(levels))


def draw(case: Case, samples: int, seed: int) -> Parameters:
    """Return seeded samples."""
    return _sample(case, np.random.default_rng(seed), samples)


def central(case: Case) -> Parameters:
    """Return the one sample in which everything has its median: what decisions are based on."""
    return _sample(case, None, 1)


def _sample(case: Case, rng: np.random.Generator | None, count: int) -> Parameters:
    """Draw in a fixed order; without a generator all draws are zero and profiles give their best fit."""

    def normal(*variables: int) -> FloatArray:
        if rng is None:
            return np.zeros((*variables, count))
        return standard_normals(rng, variables, count)

    def rows() -> IntArray:
        return np.zeros(count, dtype=np.int64) if rng is None else rng.integers(2**62, size=count)

    levels, below = [], 1
    for level in case.cluster.levels:
        z = normal(4)[..., None]
        levels.append(_level_samples(case, level, below, z, rows()))
        below = level.span or below
    return Parameters(
        levels=tuple(levels),
        slowness=1.0 / _compute_spread(case).draw(normal()),
        z_step=normal(),
        z_compute=normal(),
        row=rows(),
        z_rerun=normal(),
        unhidden=unhidden_share(normal()),
        staging=_link_cost(case.staging, 1.0, normal(3)[..., None]) if case.staging else None,
    )


def _compute_spread(case: Case) -> Spread:
    """Return what is not known of compute beside its measurements: nothing where a step was measured."""
    if case.line is not None:
        return Spread(median=1.0, log_sd=0.0)
    precision = case.scenario.workload.precision
    if case.kernels is not None:
        return kernel_spread(precision)
    return compute_spread(case.device, precision)


def _level_samples(case: Case, level: Level, below: int, z: FloatArray, pick: IntArray) -> LevelSamples:
    profile = case.known(level)
    stripe = max(1.0, level.uplinks / below)
    if profile is None:
        cost = _prior_cost(case, level, stripe, z)
        return LevelSamples(level=level, cost=cost, capacity=min(level.uplinks, below), profile=None, z=z[3])
    # A library's collective was timed with all devices at work: its cost holds the sharing already.
    capacity = float(below) if profile.source == "vendor" else min(level.uplinks, below)
    return LevelSamples(
        level=level,
        cost=_fitted_cost(case, profile, below, z[3], pick),
        capacity=capacity,
        profile=profile,
        z=z[3],
    )


def _prior_cost(case: Case, level: Level, stripe: float, z: FloatArray) -> LinkCost:
    cost = _link_cost(level.link, stripe, z)
    return replace(cost, reduction_s_per_byte=np.full_like(cost.latency_s, _prior_reduction(case)))


def _link_cost(link: Link, stripe: float, z: FloatArray) -> LinkCost:
    """Return what the catalogue says of a link, ``stripe`` of which work as one."""
    bandwidth = link.bandwidth_bytes_per_s.value * stripe * bandwidth_spread(link).draw(z[0])
    return LinkCost(
        latency_s=latency_draw(link, z[1], z[2]),
        seconds_per_byte=(1.0 / bandwidth,),
        reduction_s_per_byte=np.zeros_like(bandwidth),
    )


def _prior_reduction(case: Case) -> float:
    """Return seconds to add a byte at the speed of memory: the host's where gradients are staged there."""
    memory = case.device.memory_bandwidth_bytes_per_s
    if case.staging is not None:
        memory = find_link(HOST_MEMORY).bandwidth_bytes_per_s
    return BYTES_MOVED_PER_BYTE_ADDED / memory.value


def _fitted_cost(case: Case, profile: LinkProfile, below: int, z: FloatArray, pick: IntArray) -> LinkCost:
    # The band of a measured curve holds what its form may be off by; samples would count that twice.
    rows = pick % (1 if profile.fills(below) else len(profile.cost.latency_s))
    added = profile.cost.reduction_s_per_byte[rows]
    if profile.source == "pingpong":  # single messages add nothing, and so say nothing of adding
        added = np.full_like(added, _prior_reduction(case))
    return LinkCost(
        latency_s=profile.cost.latency_s[rows],
        seconds_per_byte=tuple(slope[rows] for slope in profile.cost.seconds_per_byte),
        break_bytes=profile.cost.break_bytes,
        reduction_s_per_byte=added,
        residual=Residual(
            z=z,
            spread=profile.spread,
            spread_per_octave=profile.spread_per_octave,
            high_bytes=profile.high_bytes,
        ),
    )
