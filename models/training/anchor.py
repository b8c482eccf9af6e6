"""Anchors: measured throughputs that fix what the model cannot know.

The smallest anchor fixes compute: one factor per sample such that the whole step, exchange included,
takes the measured time. An anchor at one full node fixes a loss inside the node. Further anchors check.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from nearlinear.models.arrays import FloatArray
from nearlinear.models.case import Case
from nearlinear.models.errors import SpecError
from nearlinear.models.parameters import Parameters
from nearlinear.models.prior import step_loss
from nearlinear.models.scenario import Anchor
from nearlinear.models.training.model import StepModel

BISECTIONS = 60  # halvings of the logarithm: to the last bit of a float
WIDEST = 1e4  # compute is never so many times slower or faster than the prior
FEWEST_FEASIBLE = 0.1


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Anchored:
    """Parameters that agree with the anchors.

    Attributes
    ----------
    parameters : Parameters
        With compute as measured.
    node_loss_s : ndarray, shape (samples,)
        Loss at one full node.
    known_devices : int
        Largest scale that a fixing anchor covers; 0 without anchors.
    warnings : tuple of str
        What the user should know.
    """

    parameters: Parameters
    node_loss_s: FloatArray
    known_devices: int
    warnings: tuple[str, ...] = ()

    def loss_s(self, case: Case, devices: int) -> FloatArray:
        """Return the loss inside nodes at a scale: none on one device, all of it on a full node."""
        others = case.cluster.devices_per_node - 1
        share = (min(devices, case.cluster.devices_per_node) - 1) / others if others else 0.0
        return self.node_loss_s * share

    def unexplained(self, devices: int) -> FloatArray:
        """Return what the step loses beyond model and anchors, as a fraction, per sample."""
        return step_loss(devices, self.known_devices, self.parameters.z_step)


def apply_anchors(model: StepModel, parameters: Parameters) -> Anchored:
    """Return parameters that agree with the anchors of the model's case.

    Raises
    ------
    SpecError
        The smallest anchor is faster than its exchange alone can be.
    """
    case = model.case
    anchors = case.scenario.knowledge.anchor
    none = np.zeros_like(parameters.slowness)
    if not anchors:
        return Anchored(parameters=parameters, node_loss_s=none, known_devices=0)
    fixed, warnings = _fix_compute(model, parameters, anchors[0])
    anchored = Anchored(
        parameters=fixed, node_loss_s=none, known_devices=anchors[0].devices, warnings=warnings
    )
    node = case.cluster.devices_per_node
    full = [anchor for anchor in anchors[1:] if anchor.devices == node]
    return _fix_node(model, anchored, full[0]) if full else anchored


def _measured_s(case: Case, anchor: Anchor) -> float:
    return case.batch_per_device(anchor.devices) * anchor.devices / anchor.samples_per_s


def _fix_compute(
    model: StepModel, parameters: Parameters, anchor: Anchor
) -> tuple[Parameters, tuple[str, ...]]:
    target = _measured_s(model.case, anchor)
    exchange_s = model.exchange(parameters, anchor.devices).time_s

    def step_s(slowness: FloatArray) -> FloatArray:
        return model.step(replace(parameters, slowness=slowness), anchor.devices, exchange_s).total_s

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
    return _rows(replace(parameters, slowness=slowness), rows), warnings


def _solve(
    step_s: Callable[[FloatArray], FloatArray], low: FloatArray, high: FloatArray, target: float
) -> FloatArray:
    """Return the slowness at which the step takes ``target``, by bisection in the logarithm."""
    for _ in range(BISECTIONS):
        middle = np.sqrt(low * high)
        too_slow = step_s(middle) > target
        low, high = np.where(too_slow, low, middle), np.where(too_slow, middle, high)
    return np.asarray(np.sqrt(low * high))


def _rows(parameters: Parameters, rows: FloatArray) -> Parameters:
    """Return the parameters with samples taken from ``rows``."""
    levels = []
    for sample in parameters.levels:
        cost = sample.cost
        residual = cost.residual
        levels.append(
            replace(
                sample,
                z=sample.z[rows],
                cost=replace(
                    cost,
                    latency_s=cost.latency_s[rows],
                    seconds_per_byte=tuple(slope[rows] for slope in cost.seconds_per_byte),
                    reduction_s_per_byte=cost.reduction_s_per_byte[rows],
                    residual=replace(residual, z=residual.z[rows]) if residual else None,
                ),
            )
        )
    return Parameters(
        levels=tuple(levels), slowness=parameters.slowness[rows], z_step=parameters.z_step[rows]
    )


def _fix_node(model: StepModel, anchored: Anchored, anchor: Anchor) -> Anchored:
    """Return with the loss inside a node that an anchor at one full node shows."""
    exchange_s = model.exchange(anchored.parameters, anchor.devices).time_s
    modelled = model.step(anchored.parameters, anchor.devices, exchange_s).total_s
    missing = _measured_s(model.case, anchor) - modelled
    warnings = anchored.warnings
    if np.median(missing) < 0:
        ahead = -float(np.median(missing / modelled))
        warnings += (f"--anchor {anchor} is {ahead:.1%} faster than the model; no loss inside the node",)
    return replace(
        anchored,
        node_loss_s=np.maximum(missing, 0.0),
        known_devices=anchor.devices,
        warnings=warnings,
    )
