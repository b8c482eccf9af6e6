"""Options that say how workers stay together, and the rule that those of ``predict`` make."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from nearlinear.models.scenario import Scenario
    from nearlinear.models.training.synchronisation import Rule

PANEL = "Rule of synchronisation"
RULE = Annotated[
    str | None,
    typer.Option(
        "--rule", rich_help_panel=PANEL,
        help="asgd or easgd with a server, or bsp with --period: weights averaged now and then."
        " (default: gradients averaged in every step)",
    ),
]  # fmt: skip
PERIOD = Annotated[
    int | None,
    typer.Option(
        "--period", min=1, rich_help_panel=PANEL, help="Steps between exchanges. (default: 1, easgd 8)"
    ),
]
ELASTICITY = Annotated[
    float | None, typer.Option("--elasticity", help="easgd: share of the distance.", rich_help_panel=PANEL)
]

PROBABILITY = Annotated[
    float | None, typer.Option("--probability", help="gosgd: of a push per step.", rich_help_panel=PANEL)
]
STALENESS = Annotated[
    int | None,
    typer.Option("--staleness", help="ssp: visits ahead of the slowest. (default: 3)", rich_help_panel=PANEL),
]


def rule_asked(scenario: "Scenario", name: str | None, **options: Any) -> "Rule | None":
    """Return the rule that was asked for; None where gradients are averaged in every step.

    Raises
    ------
    SpecError
        An unknown rule, an option without its rule, or a choice that the rule would ignore.
    """
    from nearlinear.models.errors import SpecError
    from nearlinear.models.training.synchronisation import BulkSynchronous, rule_of

    if name is None:
        for option, value in options.items():
            if value is not None:
                remedy = "say --rule easgd, or --rule bsp for weights averaged every so many steps"
                raise SpecError(f"--{option}", "needs a rule", got=value, remedy=remedy)
        return None
    averages = "weights" if name == BulkSynchronous.name else None
    return rule_of(name, options | {"averages": averages})
