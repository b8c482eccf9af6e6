"""``nearlinear simulate``: the same scenario, exchanges executed message by message."""

from typing import Annotated

import typer

from nearlinear.cli.options import JSON, OUT
from nearlinear.models.scenario import Scenario

PANEL = "Simulation"
ENGINE = Annotated[
    str,
    typer.Option("--engine", help="rounds (vectorised) or simpy (processes).", rich_help_panel=PANEL),
]
STEPS = Annotated[int, typer.Option("--steps", min=1, help="Steps in a row.", rich_help_panel=PANEL)]
JITTER = Annotated[
    str,
    typer.Option(
        "--jitter", metavar="FRACTION", help="Spread of compute from rank to rank, as 3%.",
        rich_help_panel=PANEL,
    ),
]  # fmt: skip


def simulate(
    scenario: Scenario,
    engine: ENGINE = "rounds",
    steps: STEPS = 1,
    jitter: JITTER = "0%",
    as_json: JSON = False,
    out: OUT = None,
) -> None:
    """Simulate the same scenario: every message of every exchange, ranks with jitter."""
    from nearlinear.cli.output import check_out
    from nearlinear.cli.predict import following
    from nearlinear.cli.predictions import SUFFIXES, show
    from nearlinear.models.units import parse_fraction
    from nearlinear.simulator.simulation import simulate as execute
    from nearlinear.simulator.training_step import Conditions

    path = check_out(out, SUFFIXES)
    spread = parse_fraction(jitter, "--jitter")
    conditions = Conditions(steps=steps, jitter=spread, seed=scenario.knowledge.seed)
    show(execute(scenario, engine, conditions), as_json, path, following(scenario, "predict"))
