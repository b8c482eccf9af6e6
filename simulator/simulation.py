"""``simulate``: a scenario in, a prediction out, exchanges executed message by message."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from nearlinear.models.arrays import FloatArray, IntArray
from nearlinear.models.case import Case
from nearlinear.models.closed_form import assemble
from nearlinear.models.collectives.schedule import Schedule
from nearlinear.models.errors import SpecError
from nearlinear.models.hardware.message import LinkCost
from nearlinear.models.parameters import central, draw
from nearlinear.models.prediction import Prediction
from nearlinear.models.scenario import Scenario
from nearlinear.models.training.anchor import Anchored, apply_anchors
from nearlinear.models.training.exchange import Exchange
from nearlinear.models.training.model import StepModel
from nearlinear.models.training.step import StepTimes
from nearlinear.simulator.exchange import Outcome, Vector
from nearlinear.simulator.fabric import Fabric
from nearlinear.simulator.rounds import run_rounds
from nearlinear.simulator.training_step import Conditions, Engine, Run, run_steps

MOST_CLOCKS = 30_000_000  # 8 bytes each, and some ten arrays of them
MOST_PROCESS_MESSAGES = 1_000_000  # SimPy does some ten thousand a second: a minute or two


def simulate(scenario: Scenario, engine: str = "rounds", conditions: Conditions | None = None) -> Prediction:
    """Return the prediction of a scenario with its exchanges executed by an engine.

    Parameters
    ----------
    scenario : Scenario
        As for ``predict``.
    engine : {"rounds", "simpy"}
        The vectorised round engine, or processes in SimPy, one sample after another.
    conditions : Conditions, optional
        Steps in a row, jitter and its seed; one calm step by default.

    Raises
    ------
    SpecError
        As ``predict``; an unknown engine; more messages than SimPy can execute in minutes.
    """
    case = Case.of(scenario)
    run, conditions = _engine(engine), conditions or Conditions()
    model = StepModel(case, central(case))
    knowledge = scenario.knowledge
    anchored = apply_anchors(model, draw(case, knowledge.samples, knowledge.seed))
    scales = scenario.plan.devices
    exchanges = {devices: model.exchange(anchored.parameters, devices) for devices in scales}
    _check_memory(max(scales), knowledge.samples)
    if engine == "simpy":
        _check_messages(exchanges, knowledge.samples * conditions.steps)
    steps = {}
    for devices, exchange in exchanges.items():
        topology, slowness = anchored.parameters.topology(devices), anchored.parameters.slowness
        ran = run_steps(model, topology, slowness, devices, exchange, run, conditions)
        steps[devices] = _times(model, anchored, devices, ran, exchange.time_s.sum(axis=1))
    names = {devices: exchange.name for devices, exchange in exchanges.items()}
    return assemble(model, anchored, steps, names, engine)


def _engine(name: str) -> Engine:
    if name == "rounds":
        return run_rounds
    if name == "simpy":
        return _each_sample
    raise SpecError("--engine", "must be rounds or simpy", got=name)


def _each_sample(
    schedule: Schedule, fabric: Fabric, vector: Vector, start_ticks: IntArray | None = None
) -> Outcome:
    """Run the SimPy engine once per sample."""
    from nearlinear.simulator.processes import run_processes

    assert start_ticks is not None
    outcomes = [
        run_processes(schedule, _row(fabric, i), vector, start_ticks[i]) for i in range(len(start_ticks))
    ]
    ends = np.concatenate([outcome.end_ticks for outcome in outcomes])
    return replace(outcomes[0], end_ticks=ends)


def _row(fabric: Fabric, sample: int) -> Fabric:
    """Return the fabric with the costs of one sample."""
    return replace(fabric, costs=tuple(_cost_row(cost, sample) for cost in fabric.costs))


def _cost_row(cost: LinkCost, sample: int) -> LinkCost:
    def row(values: FloatArray) -> FloatArray:
        return np.asarray(values[sample] if np.ndim(values) else values)

    residual = cost.residual
    return replace(
        cost,
        latency_s=row(cost.latency_s),
        seconds_per_byte=tuple(row(slope) for slope in cost.seconds_per_byte),
        reduction_s_per_byte=row(cost.reduction_s_per_byte),
        residual=replace(residual, z=row(residual.z)) if residual else None,
    )


def _check_memory(devices: int, samples: int) -> None:
    """Refuse clocks that would not fit in memory."""
    if devices * samples > MOST_CLOCKS:
        fits = max(MOST_CLOCKS // devices, 1)
        raise SpecError(
            "--devices",
            f"{devices:,} ranks in {samples} samples have more clocks than fit in memory",
            got=devices,
            remedy=f"say --samples {fits}, or predict",
        )


def _check_messages(exchanges: Mapping[int, Exchange], runs: int) -> None:
    """Refuse what SimPy would chew on for hours."""
    messages = runs * sum(
        phase.rounds * len(phase.source)
        for devices, exchange in exchanges.items()
        for option in exchange.options
        if option.algorithm.schedule is not None
        for phase in option.algorithm.schedule(devices, option.choices).phases()
    )
    if messages > MOST_PROCESS_MESSAGES:
        raise SpecError(
            "--engine",
            f"simpy would execute {messages:,} messages, more than {MOST_PROCESS_MESSAGES:,}",
            got="simpy",
            remedy="use --engine rounds, fewer --samples (11 still give a rough band) or fewer --devices",
        )


def _times(model: StepModel, anchored: Anchored, devices: int, ran: Run, exchange_s: FloatArray) -> StepTimes:
    """Return the parts of a simulated step; what is not compute is exposed exchange and waiting."""
    ideal, slowness = model.layers(devices), ran.slowness
    exposed = np.maximum(ran.step_s - slowness * ideal.total_s, 0.0)  # ticks may round below zero
    return StepTimes.of(
        forward_s=slowness * ideal.forward_s.sum(),
        backward_s=slowness * ideal.backward_s.sum(),
        optimizer_s=slowness * ideal.optimizer_s,
        exposed_s=exposed,
        hidden_s=np.maximum(exchange_s - exposed, 0.0),
        loss_s=anchored.loss_s(model.case, devices),
        unexplained=anchored.unexplained(devices),
    )
