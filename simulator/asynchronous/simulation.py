"""``simulate`` under a rule of synchronisation: a scenario in, a prediction out, and how it came about."""

from dataclasses import replace

import numpy as np

from nearlinear.models.arrays import FloatArray
from nearlinear.models.case import Case
from nearlinear.models.closed_form import assemble, under_rule
from nearlinear.models.economics.asynchrony import asynchrony
from nearlinear.models.errors import SpecError
from nearlinear.models.parameters import central, draw
from nearlinear.models.prediction import Prediction
from nearlinear.models.scenario import Scenario
from nearlinear.models.training.anchor import Anchored, apply_anchors
from nearlinear.models.training.model import StepModel
from nearlinear.models.training.rule_plan import check_plan, served
from nearlinear.models.training.step import StepTimes
from nearlinear.models.training.synchronisation import BulkSynchronous, Rule
from nearlinear.simulator.asynchronous.account import Account, Scale, middle_sample
from nearlinear.simulator.asynchronous.course import Course, run_course
from nearlinear.simulator.asynchronous.crew import WARM
from nearlinear.simulator.asynchronous.roster import Roster
from nearlinear.simulator.exchange import TICKS_PER_SECOND
from nearlinear.simulator.steps.conditions import Conditions

ENGINE = "simpy ({})"
AFFORDED = 500_000  # steps of workers that SimPy executes in some ten seconds
MOST = 5_000_000
FEWEST = 11  # samples that still give a rough band


def simulate_rule(scenario: Scenario, rule: Rule, conditions: Conditions) -> tuple[Prediction, Account]:
    """Return the prediction of a scenario whose workers follow a rule, and the account of its largest scale.

    Every worker computes at its own pace; visits, pushes and barriers are SimPy processes. The time of a
    step is the time of a course over the steps of each worker, so that throughput is the samples of all
    workers over that time. One device alone exchanges nothing.

    Parameters
    ----------
    scenario : Scenario
        As for ``predict``; without what the rule ignores.
    rule : Rule
        How workers stay together; averaging over all is that of weights, priced in closed form.
    conditions : Conditions
        Steps, jitter, slow nodes and adapters.

    Raises
    ------
    SpecError
        As ``predict``; choices that the rule ignores; more steps than SimPy can execute in minutes.
    """
    check_plan(scenario, rule)
    if scenario.target.asked:
        asynchrony(rule, 1)  # an unknown rule is refused before it is run
    scenario, told = _affordable(scenario, conditions)
    case = Case.of(served(scenario) if rule.serves else scenario)
    model, knowledge = StepModel(case, central(case)), scenario.knowledge
    anchored = apply_anchors(model, draw(case, knowledge.samples, knowledge.seed))
    scales = scenario.plan.devices
    conditions.check_nodes(max(scales), case.cluster.devices_per_node)
    steps, names, courses = {}, {}, dict[int, list[Course]]()
    for devices in scales:
        courses[devices] = _run(model, anchored, devices, rule, conditions)
        steps[devices] = _times(model, anchored, devices, courses[devices])
        names[devices] = rule.name if devices > 1 else "none"
    prediction = assemble(model, anchored, steps, names, ENGINE.format(rule.name), rule)
    warnings = (*told, *prediction.warnings)
    middle = middle_sample(courses[scales[-1]])
    found = tuple(Scale.of(courses[n][middle], case.batch_per_device(n)) for n in scales)
    account = Account(rule=rule, conditions=conditions, scales=found)
    return replace(under_rule(prediction, scenario, rule), warnings=warnings), account


def _run(
    model: StepModel, anchored: Anchored, devices: int, rule: Rule, conditions: Conditions
) -> list[Course]:
    """Return what came of each sample at a scale."""
    parameters, average_s = anchored.parameters, np.zeros(len(anchored.parameters.slowness))
    if isinstance(rule, BulkSynchronous):
        average_s = model.exchange(parameters, devices).time_s.sum(axis=1)
    roster = Roster.of(
        model, parameters.topology(devices), model.slowness(parameters, devices), devices, average_s, rule,
        conditions,
    )  # fmt: skip
    return [run_course(roster.crew(sample)) for sample in range(len(average_s))]


def _times(model: StepModel, anchored: Anchored, devices: int, courses: list[Course]) -> StepTimes:
    """Return the parts of a step; what is not compute is exchange and waiting."""
    ideal = model.layers(devices)
    step_s, compute_s = (
        np.array([getattr(course, name) for course in courses]) / TICKS_PER_SECOND
        for name in ("step_ticks", "compute_ticks")
    )
    slowness = compute_s / ideal.total_s
    return StepTimes.of(
        forward_s=slowness * ideal.forward_s.sum(),
        backward_s=slowness * ideal.backward_s.sum(),
        optimizer_s=slowness * ideal.optimizer_s,
        exposed_s=np.maximum(step_s - compute_s, 0.0),
        hidden_s=_hidden_s(courses),
        loss_s=anchored.loss_s(model.case, devices),
        unexplained=anchored.unexplained(devices),
    )


def _hidden_s(courses: list[Course]) -> FloatArray:
    """Return what links are busy per step while workers compute: pushes."""
    pushing = [
        course.busy.sum() / course.made.sum() if course.crew.links is not None else 0.0 for course in courses
    ]
    return np.array(pushing) / TICKS_PER_SECOND


def _affordable(scenario: Scenario, conditions: Conditions) -> tuple[Scenario, tuple[str, ...]]:
    """Return the scenario with as many samples as can be executed, and a warning where those are fewer."""
    per_sample = sum(scenario.plan.devices) * (conditions.steps + conditions.steps // WARM)
    asked = scenario.knowledge.samples
    samples = min(asked, max(AFFORDED // per_sample, FEWEST))
    if samples * per_sample > MOST:
        rule = f"{samples} samples have {samples * per_sample:,} steps of workers, more than {MOST:,}"
        remedy = "ask for fewer --devices or --steps"
        raise SpecError("--steps", rule, got=conditions.steps, remedy=remedy)
    if samples == asked:
        return scenario, ()
    knowledge = replace(scenario.knowledge, samples=samples)
    told = f"bands are of {samples} samples, not {asked}: each is executed step by step (--samples {samples})"
    return replace(scenario, knowledge=knowledge), (told,)
