"""Anchors: measured throughputs that fix what the model cannot know.

The smallest anchor fixes compute: one factor per sample such that the whole step, exchange and loss
included, takes the measured time. An anchor at one full node fixes a loss inside the node. The largest
anchor beyond those fixes what the step loses beyond the model up to its scale. All others check.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from nearlinear.models.arrays import FloatArray, IntArray
from nearlinear.models.case import Case
from nearlinear.models.errors import SpecError
from nearlinear.models.hardware.message import LinkCost
from nearlinear.models.parameters import Parameters
from nearlinear.models.prediction import Band
from nearlinear.models.prior import StepLoss, step_exponent
from nearlinear.models.throughput import Anchor
from nearlinear.models.training.model import StepModel

TURNS = 30  # of fixing compute and losses in turn, each nearer than the last
BISECTIONS = 60  # halvings of the logarithm: to the last bit of a float
WIDEST = 1e9  # compute is never so many times slower or faster than the prior
FEWEST_FEASIBLE = 0.1
MOST_DEVIATIONS = 8.0  # of a fixed time below its prior: next to nothing is left of it
SAME = 1e-3  # of a step: what rounding of a measured rate may hide


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Anchored:
    """Parameters that agree with the anchors.

    Attributes
    ----------
    parameters : Parameters
        With compute as measured.
    node_loss_s : ndarray, shape (samples,)
        Loss at one full node.
    base_devices, known_devices : int
        Scales between which that loss grows from nothing to what an anchor shows; the latter is 0
        where the loss is a prior everywhere.
    shown : ndarray, shape (samples,)
        That loss, as a fraction of the step.
    prior : StepLoss
        What is lost where nothing is known.
    warnings : tuple of str
        What the user should know.
    """

    parameters: Parameters
    node_loss_s: FloatArray
    base_devices: int
    known_devices: int
    shown: FloatArray
    prior: StepLoss
    warnings: tuple[str, ...] = ()

    def loss_s(self, case: Case, devices: int) -> FloatArray:
        """Return the loss inside nodes at a scale: none on one device, all of it on a full node."""
        others = case.cluster.devices_per_node - 1
        share = (min(devices, case.cluster.devices_per_node) - 1) / others if others else 0.0
        return self.node_loss_s * share

    def unexplained(self, devices: int) -> FloatArray:
        """Return what the step loses beyond the model, as a fraction, per sample."""
        unknown = self.prior.draw(devices, self.known_devices, self.parameters.z_step)
        return self.shown * self._share(devices) + unknown

    def _share(self, devices: int) -> FloatArray:
        """Return how much of the loss shown at the known scale a smaller one has, per sample.

        None up to ``base_devices``, all at ``known_devices``; nobody knows how it grows in between.
        """
        doublings = np.log2([devices / self.base_devices, max(self.known_devices / self.base_devices, 1.0)])
        way = np.clip(doublings[0] / doublings[1], 0.0, 1.0) if doublings[1] else 1.0
        return np.asarray(way ** step_exponent(self.parameters.z_step))


def apply_anchors(model: StepModel, parameters: Parameters) -> Anchored:
    """Return parameters that agree with the anchors of the model's case.

    Raises
    ------
    SpecError
        The smallest anchor is faster than its exchange alone can be.
    """
    anchors = model.case.scenario.knowledge.anchor
    none = np.zeros_like(parameters.slowness)
    anchored = Anchored(
        parameters=parameters, node_loss_s=none, base_devices=1, known_devices=0, shown=none,
        prior=StepLoss(per_node=model.case.cluster.devices_per_node),
    )  # fmt: skip
    if not anchors:
        return anchored
    first, node, far = model.case.fixing
    fixed = [anchor for anchor in (first, node, far) if anchor]
    anchored = replace(
        anchored,
        base_devices=node.devices if node else 1,
        known_devices=max((anchor.devices for anchor in (node, far) if anchor), default=0),
    )
    # On one device nothing is lost: compute is fixed at once. Else compute and losses need each other.
    dropped: tuple[str, ...] = ()
    for _ in range(1 if first is None or first.devices == 1 else TURNS):
        anchored = replace(anchored, warnings=())
        anchored = _fix_compute(model, anchored, first) if first else anchored
        dropped = dropped or anchored.warnings  # later turns have none left to drop
        anchored = replace(anchored, warnings=dropped)
        anchored = _fix_node(model, anchored, node) if node else anchored
        anchored = _fix_loss(model, anchored, far) if far else anchored
    checks = [anchor for anchor in anchors if anchor not in fixed]
    return replace(anchored, warnings=(*anchored.warnings, *_contradictions(model, anchored, checks)))


def _measured_s(case: Case, anchor: Anchor) -> float:
    return case.batch_per_device(anchor.devices) * anchor.devices / anchor.samples_per_s


def _total_s(model: StepModel, anchored: Anchored, devices: int) -> FloatArray:
    """Return the step of every sample at a scale."""
    exchange_s = model.exchange(anchored.parameters, devices).time_s
    loss_s, unexplained = anchored.loss_s(model.case, devices), anchored.unexplained(devices)
    return model.step(anchored.parameters, devices, exchange_s, loss_s, unexplained).total_s


def _fix_compute(model: StepModel, anchored: Anchored, anchor: Anchor) -> Anchored:
    """Return with compute such that the step, its losses included, takes the measured time."""
    parameters, target = anchored.parameters, _measured_s(model.case, anchor)
    exchange_s = model.exchange(parameters, anchor.devices).time_s
    losses = anchored.loss_s(model.case, anchor.devices), anchored.unexplained(anchor.devices)

    def step_s(slowness: FloatArray) -> FloatArray:
        slower = replace(parameters, slowness=slowness)
        return model.step(slower, anchor.devices, exchange_s, *losses).total_s

    lowest = parameters.slowness / WIDEST
    feasible = step_s(lowest) < target
    if feasible.mean() < FEWEST_FEASIBLE:
        raise SpecError(
            "--anchor",
            f"must leave time for the exchange, which alone takes about"
            f" {float(np.median(step_s(lowest))):.3g} s of a measured {target:.3g} s step",
            got=str(anchor),
            remedy="check the rate, the batch, the links or the profile",
        )
    slowness = _solve(step_s, lowest, parameters.slowness * WIDEST, target)
    # Samples that contradict the anchor are replaced by ones that do not.
    pick = np.flatnonzero(feasible)[np.arange(len(slowness)) % int(feasible.sum())]
    rows = np.where(feasible, np.arange(len(slowness)), pick)
    said = 1.0 - float(feasible.mean())
    warnings = (f"{said:.0%} of the samples contradict --anchor {anchor} and were dropped",) if said else ()
    return replace(
        anchored,
        parameters=_rows(replace(parameters, slowness=slowness), rows),
        node_loss_s=anchored.node_loss_s[rows],
        shown=anchored.shown[rows],
        warnings=warnings,
    )


def _solve(
    step_s: Callable[[FloatArray], FloatArray], low: FloatArray, high: FloatArray, target: float
) -> FloatArray:
    """Return the slowness at which the step takes ``target``, by bisection in the logarithm."""
    for _ in range(BISECTIONS):
        middle = np.sqrt(low * high)
        too_slow = step_s(middle) > target
        low, high = np.where(too_slow, low, middle), np.where(too_slow, middle, high)
    return np.asarray(np.sqrt(low * high))


def _rows(parameters: Parameters, rows: IntArray) -> Parameters:
    """Return the parameters with samples taken from ``rows``."""
    levels = (replace(one, z=one.z[rows], cost=_cost_rows(one.cost, rows)) for one in parameters.levels)
    return Parameters(
        levels=tuple(levels),
        slowness=parameters.slowness[rows],
        z_step=parameters.z_step[rows],
        z_compute=parameters.z_compute[rows],
        z_rerun=parameters.z_rerun[rows],
        unhidden=parameters.unhidden[rows],
        row=parameters.row[rows],
        staging=_cost_rows(parameters.staging, rows) if parameters.staging else None,
    )


def _cost_rows(cost: LinkCost, rows: IntArray) -> LinkCost:
    residual = cost.residual
    return replace(
        cost,
        latency_s=cost.latency_s[rows],
        seconds_per_byte=tuple(slope[rows] for slope in cost.seconds_per_byte),
        reduction_s_per_byte=cost.reduction_s_per_byte[rows],
        residual=replace(residual, z=residual.z[rows]) if residual else None,
    )


def _fix_node(model: StepModel, anchored: Anchored, anchor: Anchor) -> Anchored:
    """Return with the loss inside a node that an anchor at one full node shows."""
    without = replace(anchored, node_loss_s=np.zeros_like(anchored.node_loss_s))
    modelled = _total_s(model, without, anchor.devices)
    missing = _measured_s(model.case, anchor) - modelled
    warnings = (*anchored.warnings, *_too_fast(anchor, missing, modelled, "no loss inside the node"))
    loss_s = np.maximum(missing, 0.0) / (1.0 + anchored.unexplained(anchor.devices))
    return replace(anchored, node_loss_s=loss_s, warnings=warnings)


def _fix_loss(model: StepModel, anchored: Anchored, anchor: Anchor) -> Anchored:
    """Return with the loss beyond the model that an anchor beyond the node shows."""
    without = replace(_less_overhead(model, anchored, anchor), shown=np.zeros_like(anchored.shown))
    anchored = without
    modelled = _total_s(model, without, anchor.devices)
    missing = _measured_s(model.case, anchor) - modelled
    warnings = (*anchored.warnings, *_too_fast(anchor, missing, modelled, "no loss beyond the model"))
    return replace(anchored, shown=np.maximum(missing / modelled, 0.0), warnings=warnings)


def _less_overhead(model: StepModel, anchored: Anchored, anchor: Anchor) -> Anchored:
    """Return with as little of a fixed time that is a prior as a measured step leaves room for."""
    line = model.case.line
    if line is None or not line.overhead_spread:
        return anchored
    plain = replace(anchored, shown=np.zeros_like(anchored.shown))
    parameters, target = anchored.parameters, _measured_s(model.case, anchor)

    def with_z(z: FloatArray) -> Anchored:
        return replace(plain, parameters=replace(parameters, z_compute=z))

    high = parameters.z_compute
    if not (_total_s(model, plain, anchor.devices) > target).any():
        return anchored
    low = np.minimum(high, -MOST_DEVIATIONS)
    for _ in range(BISECTIONS):
        middle = (low + high) / 2
        too_slow = _total_s(model, with_z(middle), anchor.devices) > target
        low, high = np.where(too_slow, low, middle), np.where(too_slow, middle, high)
    return replace(anchored, parameters=replace(parameters, z_compute=low))


def _too_fast(anchor: Anchor, missing: FloatArray, modelled: FloatArray, so: str) -> tuple[str, ...]:
    ahead = -float(np.median(missing / modelled))
    if ahead <= SAME:
        return ()
    return (f"--anchor {anchor} is faster than the model: its step is {ahead:.1%} shorter; {so}",)


def _contradictions(model: StepModel, anchored: Anchored, checks: Sequence[Anchor]) -> Iterator[str]:
    """Yield what is wrong with anchors that fix nothing."""
    for anchor in checks:
        band = Band.of(_measured_s(model.case, anchor) / _total_s(model, anchored, anchor.devices))
        if not band.low <= 1.0 <= band.high:
            rate = anchor.samples_per_s
            yield (
                f"--anchor {anchor} lies outside the band of {rate * band.low:.4g} to {rate * band.high:.4g}"
                " samples/s that the other anchors leave"
            )
