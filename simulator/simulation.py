"""``simulate``: a scenario in, a prediction out, exchanges executed message by message."""

from collections.abc import Mapping

import numpy as np

from nearlinear.models.arrays import FloatArray
from nearlinear.models.case import Case
from nearlinear.models.closed_form import assemble
from nearlinear.models.errors import SpecError
from nearlinear.models.parameters import central, draw
from nearlinear.models.prediction import Prediction
from nearlinear.models.scenario import Scenario
from nearlinear.models.training.anchor import Anchored, apply_anchors
from nearlinear.models.training.exchange import Exchange
from nearlinear.models.training.model import StepModel
from nearlinear.models.training.step import StepTimes
from nearlinear.simulator.engines import Engine
from nearlinear.simulator.steps.conditions import Conditions
from nearlinear.simulator.steps.explained import Explained
from nearlinear.simulator.steps.placement import Placement
from nearlinear.simulator.steps.step_path import StepRecord
from nearlinear.simulator.steps.training_step import Run, Workers

MOST_CLOCKS = 30_000_000  # 8 bytes each, and some ten arrays of them
MOST_MESSAGES = {  # of engines that hold every message: a minute or two
    "simpy": 1_000_000,  # some ten thousand a second
    "events": 30_000_000,  # some hundred thousand a second where links are shared
}


def simulate(
    scenario: Scenario,
    engine: str = "rounds",
    conditions: Conditions | None = None,
    sharing: str | None = None,
) -> Prediction:
    """Return the prediction of a scenario with its exchanges executed by an engine.

    As :func:`simulate_explained`, without the explanation of the largest scale.
    """
    return simulate_explained(scenario, engine, conditions, sharing)[0]


def simulate_explained(
    scenario: Scenario,
    engine: str = "rounds",
    conditions: Conditions | None = None,
    sharing: str | None = None,
) -> tuple[Prediction, Explained]:
    """Return the prediction of a scenario, exchanges executed by an engine, and its largest scale explained.

    Parameters
    ----------
    scenario : Scenario
        As for ``predict``.
    engine : {"rounds", "events", "simpy"}
        The round engine, or whole steps as programs, one sample after another, by the event engine or
        by processes in SimPy.
    conditions : Conditions, optional
        Steps in a row, jitter, slow nodes, fabric; one calm step by default.
    sharing : {"round", "flow"}, optional
        How links are shared; ``engines`` has the usual way of each engine.

    Raises
    ------
    SpecError
        As ``predict``; an unknown engine; more messages than it can execute in minutes.
    """
    case = Case.of(scenario)
    chosen, conditions = Engine.of(engine, sharing), conditions or Conditions()
    model = StepModel(case, central(case))
    knowledge = scenario.knowledge
    anchored = apply_anchors(model, draw(case, knowledge.samples, knowledge.seed))
    scales = scenario.plan.devices
    conditions.check_nodes(max(scales), case.cluster.devices_per_node)
    exchanges = {devices: model.exchange(anchored.parameters, devices) for devices in scales}
    _check_memory(max(scales), knowledge.samples)
    if chosen.name != "rounds":
        _check_messages(chosen.name, exchanges, knowledge.samples * conditions.steps)
    steps = {}
    for devices, exchange in exchanges.items():
        workers = _workers(model, anchored, devices, exchange, conditions)
        records: list[StepRecord] = []
        ran = chosen.run(workers, conditions, records)
        steps[devices] = _times(model, anchored, devices, ran, exchange.time_s)
    names = {devices: exchange.name for devices, exchange in exchanges.items()}
    explained = Explained(
        workers=workers, engine=chosen, conditions=conditions, run=ran, records=tuple(records)
    )
    return assemble(model, anchored, steps, names, chosen.title), explained


def _workers(
    model: StepModel, anchored: Anchored, devices: int, exchange: Exchange, conditions: Conditions
) -> Workers:
    per_node = model.case.cluster.devices_per_node
    return Workers(
        model=model,
        topology=anchored.parameters.topology(devices),
        slowness=model.slowness(anchored.parameters, devices),
        placement=Placement(devices=devices, per_node=per_node, conditions=conditions),
        exchange=exchange,
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


def _check_messages(engine: str, exchanges: Mapping[int, Exchange], runs: int) -> None:
    """Refuse what an engine of single messages would chew on for hours."""
    messages = runs * sum(
        phase.rounds * len(phase.source)
        for devices, exchange in exchanges.items()
        for option in exchange.options
        if option.algorithm.schedule is not None
        for phase in option.algorithm.schedule(devices, option.choices).phases()
    )
    if messages > MOST_MESSAGES[engine]:
        raise SpecError(
            "--engine",
            f"{engine} would execute {messages:,} messages, more than {MOST_MESSAGES[engine]:,}",
            got=engine,
            remedy="use --engine rounds, fewer --samples (11 still give a rough band) or fewer --devices",
        )


def _times(model: StepModel, anchored: Anchored, devices: int, ran: Run, exchange_s: FloatArray) -> StepTimes:
    """Return the parts of a simulated step.

    What is neither compute nor waiting for a batch is exposed exchange and waiting for others.
    """
    ideal, slowness = model.layers(devices), ran.slowness
    busy = slowness * ideal.total_s + ran.waited_s
    overlaps = model.case.scenario.plan.overlap
    exposed = np.maximum(ran.step_s - busy, 0.0)  # ticks may round below zero
    calm = model.step(anchored.parameters, devices, exchange_s)  # waiting for others pays for no contention
    hidden = np.maximum(exchange_s.sum(axis=1) - exposed, 0.0)
    return StepTimes.of(
        forward_s=slowness * ideal.forward_s.sum(),
        backward_s=slowness * ideal.backward_s.sum(),
        optimizer_s=slowness * ideal.optimizer_s,
        exposed_s=exposed,
        hidden_s=hidden if overlaps else np.zeros_like(exposed),
        contention_s=calm.contention_s,
        data_wait_s=ran.waited_s,
        loss_s=anchored.loss_s(model.case, devices),
        unexplained=anchored.unexplained(devices),
    )
