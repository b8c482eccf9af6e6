"""``predict``: a scenario in, a prediction out, from closed forms alone."""

from collections.abc import Mapping
from dataclasses import asdict, replace

import numpy as np

from nearlinear.models.answer import answer, binding_term
from nearlinear.models.arrays import FloatArray, IntArray
from nearlinear.models.case import Case
from nearlinear.models.caution import cautions, outside_profile, priced_from_above
from nearlinear.models.economics.outcome import Outcome, outcome
from nearlinear.models.parameters import Parameters, central, draw
from nearlinear.models.prediction import Band, Breakdown, Point, Prediction
from nearlinear.models.provenance import provenance
from nearlinear.models.scenario import Scenario
from nearlinear.models.training.anchor import Anchored, apply_anchors
from nearlinear.models.training.memory import check_fits
from nearlinear.models.training.model import StepModel
from nearlinear.models.training.rule_plan import check_closed, check_plan, served
from nearlinear.models.training.rule_step import rule_step
from nearlinear.models.training.step import StepTimes
from nearlinear.models.training.synchronisation import Rule, told

ENGINE = "closed-form"
STARVED = "waiting for batches"


def predict(scenario: Scenario, rule: Rule | None = None) -> Prediction:
    """Return step time, throughput and efficiency at every scale of a scenario, with bands.

    Parameters
    ----------
    scenario : Scenario
        What is asked.
    rule : Rule, optional
        How workers stay together, where they do not average gradients in every step.

    Raises
    ------
    SpecError
        Unknown names, choices that contradict each other, or a rule that has no closed form.
    CapacityError
        The workload cannot fit the device.
    """
    if rule is None:
        return assemble(*step_times(scenario), ENGINE)
    return under_rule(assemble(*step_times(scenario, rule), ENGINE, rule), scenario, rule)


def under_rule(prediction: Prediction, scenario: Scenario, rule: Rule) -> Prediction:
    """Return a prediction that says its rule, which is no part of the scenario."""
    inputs = scenario.to_tables() | {"rule": {"name": rule.name, **asdict(rule)}}
    return replace(prediction, inputs=inputs, title=f"{prediction.title}; rule {told(rule)}")


def step_times(
    scenario: Scenario, rule: Rule | None = None
) -> tuple[StepModel, Anchored, dict[int, StepTimes], dict[int, str]]:
    """Return a scenario's case, its parameters, and step times and allreduce by scale."""
    if rule is not None:
        check_closed(rule)
        check_plan(scenario, rule)
    case = Case.of(served(scenario) if rule is not None and rule.serves else scenario)
    model = StepModel(case, central(case))
    knowledge = scenario.knowledge
    anchored = apply_anchors(model, draw(case, knowledge.samples, knowledge.seed))
    steps, names = dict[int, StepTimes](), dict[int, str]()
    for devices in scenario.plan.devices:
        losses = anchored.loss_s(case, devices), anchored.unexplained(devices)
        steps[devices], names[devices] = _step(model, anchored.parameters, devices, rule, *losses)
    return model, anchored, steps, names


def _step(
    model: StepModel, parameters: Parameters, devices: int, rule: Rule | None,
    loss_s: FloatArray | float = 0.0, unexplained: FloatArray | float = 0.0,
) -> tuple[StepTimes, str]:  # fmt: skip
    """Return the step of every sample at a scale, and who exchanges."""
    if rule is not None:
        return rule_step(model, parameters, devices, rule, unexplained), rule.name
    exchange = model.exchange(parameters, devices)
    step = model.step(parameters, devices, exchange.time_s, loss_s=loss_s, unexplained=unexplained)
    return step, exchange.name


def assemble(
    model: StepModel,
    anchored: Anchored,
    steps: Mapping[int, StepTimes],
    names: Mapping[int, str],
    engine: str,
    rule: Rule | None = None,
) -> Prediction:
    """Return the prediction of step times at every scale, whoever computed them.

    Parameters
    ----------
    model, anchored : StepModel, Anchored
        The case and its parameters.
    steps : mapping of int to StepTimes
        By scale, in rising order.
    names : mapping of int to str
        Allreduce by scale.
    engine : str
        Who computed the step times.
    rule : Rule, optional
        How workers stay together, where they do not average gradients in every step.
    """
    case = model.case
    scales = tuple(steps)
    totals = np.stack([steps[devices].total_s for devices in scales], axis=1)
    batches = np.array([case.batch_per_device(devices) for devices in scales])
    per_device = batches / totals
    efficiency = per_device / per_device[:, :1]
    points = tuple(
        _point(model, steps[devices], efficiency[:, i], devices, names[devices])
        for i, devices in enumerate(scales)
    )
    knowledge = case.scenario.knowledge
    alone = any(one.batch == case.batch_per_device(1) for one in knowledge.throughput)
    measured = (*(anchor.devices for anchor in knowledge.anchor), *((1,) if alone else ()))
    bounds = priced_from_above(model, points) if engine == ENGINE else ()
    last = points[-1].breakdown_s
    beyond = last.unexplained_s / last.total_s
    modelled = 1.0 - beyond - last.in_node_loss_s / last.total_s
    term, gain = _binding(model, anchored, scales[-1], rule)
    starved = STARVED, last.data_wait_s / last.total_s
    binding = max((term, gain * modelled), starved, key=lambda one: one[1])
    ends = _outcome(case, scales, batches, totals, rule)
    if ends:
        ended = zip(points, ends.points, strict=True)
        points = tuple(replace(point, until_target=until) for point, until in ended)
    return Prediction(
        engine=engine,
        title=_title(case),
        inputs=case.scenario.to_tables(),
        answer=answer(scales, totals, efficiency, binding, beyond, measured),
        points=points,
        warnings=(*anchored.warnings, *cautions(model, points), *bounds, *(ends.warnings if ends else ())),
        provenance=provenance(case),
        ending=ends.ending if ends else None,
    )


def _outcome(
    case: Case, scales: tuple[int, ...], per_device: FloatArray, step_s: FloatArray, rule: Rule | None
) -> Outcome | None:
    """Return what the target takes at every scale, if the scenario has one."""
    if case.economics is None:
        return None
    return outcome(case.economics, scales, per_device * scales, step_s, case.scenario.knowledge.seed, rule)


def _binding(model: StepModel, anchored: Anchored, devices: int, rule: Rule | None) -> tuple[str, float]:
    slowness = np.array([np.median(model.slowness(anchored.parameters, devices))])
    middle = replace(model.middle, slowness=slowness)

    def step_s(parameters: Parameters) -> float:
        return float(_step(model, parameters, devices, rule)[0].total_s[0])

    return binding_term(middle, step_s, devices)


def _point(model: StepModel, step: StepTimes, efficiency: FloatArray, devices: int, name: str) -> Point:
    case = model.case
    total, batch = step.total_s, case.batch_per_device(devices)
    middle = _middle(total)
    stated = {anchor.devices: anchor.samples_per_s for anchor in case.scenario.knowledge.anchor}
    asked = "--global-batch" if case.scenario.plan.global_batch else "--batch-per-device"
    footprint = check_fits(case.network, case.device, case.scenario.workload.precision, batch, asked)
    return Point(
        devices=devices,
        nodes=-(-devices // case.cluster.devices_per_node),
        batch_per_device=batch,
        global_batch=batch * devices,
        step_time_s=Band.of(total),
        throughput_per_s=Band.of(batch * devices / total),
        efficiency=Band.of(efficiency),
        breakdown_s=_breakdown(step, middle),
        hidden_communication_s=float(step.hidden_s[middle].mean()),
        algorithm=name,
        memory_bytes=footprint.total_bytes,
        extrapolated=outside_profile(model, devices),
        measured_per_s=stated.get(devices),
    )


def _middle(total_s: FloatArray) -> IntArray:
    """Return the middle tenth of the samples by step time: at least the median itself."""
    order = np.argsort(total_s, kind="stable")
    half = len(order) // 20
    return order[len(order) // 2 - half : len(order) // 2 + half + 1]


def _breakdown(step: StepTimes, middle: IntArray) -> Breakdown:
    """Return the mean parts of the middle samples, scaled so that they add up to the median step.

    The parts of the median sample alone would jump from scale to scale with the draws of that sample.
    """
    scale = float(np.median(step.total_s)) / float(step.total_s[middle].mean())

    def part(values: FloatArray) -> float:
        return float(values[middle].mean()) * scale

    return Breakdown(
        forward_s=part(step.forward_s),
        backward_s=part(step.backward_s),
        exposed_communication_s=part(step.exposed_s),
        optimizer_s=part(step.optimizer_s),
        in_node_loss_s=part(step.loss_s),
        unexplained_s=part(step.unexplained_s),
        data_wait_s=part(step.data_wait_s),
        contention_s=part(step.contention_s),
    )


def _title(case: Case) -> str:
    plan, cluster = case.scenario.plan, case.cluster
    if plan.global_batch:
        batch = plan.global_batch.text(plan.devices)
    else:
        batch = f"batch {case.batch_per_device(1):g} per device, weak scaling"
    parameters = case.network.parameters / 1e6
    return (
        f"{case.network.title} ({parameters:.3g} M parameters, {case.scenario.workload.precision})"
        f" on {cluster.title}; {batch}"
    )
