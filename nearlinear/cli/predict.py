"""``nearlinear predict``: closed forms only, no heavy import."""

from typing import Annotated

import typer

from nearlinear.cli.options import JSON, OUT
from nearlinear.cli.rule_options import ELASTICITY, PERIOD, RULE, rule_asked
from nearlinear.models.scenario import Scenario

SHOW = Annotated[
    bool, typer.Option("--show-scenario", help="Print the scenario as TOML and stop: a file for --scenario.")
]


def predict(
    scenario: Scenario,
    rule: RULE = None,
    period: PERIOD = None,
    elasticity: ELASTICITY = None,
    show_scenario: SHOW = False,
    as_json: JSON = False,
    out: OUT = None,
) -> None:
    """Predict step time, throughput and scaling efficiency, each with a 90 % band."""
    from nearlinear.cli.output import check_out
    from nearlinear.cli.predictions import SUFFIXES, show
    from nearlinear.models.closed_form import predict as closed_form
    from nearlinear.models.errors import SpecError

    chosen = rule_asked(scenario, rule, period=period, elasticity=elasticity)
    if show_scenario:
        if chosen is not None:
            raise SpecError("--rule", "is no part of a scenario file", got=rule, remedy="leave it out here")
        _print_scenario(scenario)
        return
    path = check_out(out, SUFFIXES)
    show(closed_form(scenario, chosen), as_json, path, following(scenario, "simulate"))


def following(scenario: Scenario, verb: str) -> str:
    """Return the command that a reader may want next."""
    if scenario.knowledge.profile is None:
        return "nearlinear measure --help, then nearlinear calibrate, then add --profile FILE"
    if not (scenario.knowledge.anchor or scenario.knowledge.throughput):
        return "add --anchor 1:SAMPLES_PER_S with a measured throughput of one device"
    machine = scenario.machine
    where = f"--cluster {machine.cluster}" if machine.cluster else f"--device {machine.device}"
    return f"nearlinear {verb} {scenario.workload.model} {where} ... with the same options"


def _print_scenario(scenario: Scenario) -> None:
    import tomli_w

    print(tomli_w.dumps(scenario.to_tables()), end="")
