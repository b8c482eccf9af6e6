"""Which plans go with a rule of synchronisation, for closed forms and simulation alike."""

from dataclasses import replace

from nearlinear.models.case import AUTO, SERVED
from nearlinear.models.errors import SpecError
from nearlinear.models.scenario import Plan, Scenario
from nearlinear.models.training.synchronisation import BulkSynchronous, Gossip, Rule, StaleSynchronous

IGNORED = {  # by whether the rule has servers
    True: ("outer", "bucket", "overlap", "staged"),
    False: ("algorithm", "outer", "bucket", "overlap", "servers", "staged"),
}


def check_closed(rule: Rule) -> None:
    """Refuse rules whose workers are never alike and constant: they are simulated.

    Raises
    ------
    SpecError
        Such a rule.
    """
    if isinstance(rule, StaleSynchronous | Gossip):
        remedy = "rules with a closed form are bsp, asgd and easgd"
        raise SpecError("--rule", "must have a step in closed form", got=rule.name, remedy=remedy)


def served(scenario: Scenario) -> Scenario:
    """Return the scenario with the server named, so that single messages price it."""
    return replace(scenario, plan=replace(scenario.plan, algorithm=SERVED[0]))


def check_plan(scenario: Scenario, rule: Rule) -> None:
    """Refuse choices that have no effect under a rule, and anchors that another rule was measured with.

    Raises
    ------
    SpecError
        Such a choice or anchor.
    """
    plan, usual = scenario.plan, Plan()
    bulk = isinstance(rule, BulkSynchronous)
    for name in ("overlap",) if bulk else IGNORED[rule.serves]:
        value = getattr(plan, name)
        if value != getattr(usual, name):
            told = f"has no effect with --rule {rule.name}"
            flag = "--no-overlap" if name == "overlap" else f"--{name}"
            raise SpecError(flag, told, **({} if value is False else {"got": value}))
    if rule.serves and plan.algorithm not in (AUTO, SERVED[0]):
        raise SpecError("--algorithm", f"has no effect with --rule {rule.name}", got=plan.algorithm)
    far = [anchor for anchor in scenario.knowledge.anchor if anchor.devices > 1]
    if far:
        told = "must be of one device with --rule: more of them exchanged by a rule of their own"
        raise SpecError("--anchor", told, got=str(far[0]), remedy="say --anchor 1:SAMPLES_PER_S")
