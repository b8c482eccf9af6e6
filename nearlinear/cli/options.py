"""Options of a verb made from the fields of the scenario, so that they cannot drift apart."""

import inspect
from collections.abc import Callable
from dataclasses import MISSING, Field
from pathlib import Path
from typing import Annotated, Any

import typer

from nearlinear.models.errors import ContentError, SpecError
from nearlinear.models.option import flag
from nearlinear.models.scenario import LISTED, Scenario, option_fields, places_in

Run = Callable[..., None]
SCENARIO_FILE = Annotated[
    str | None,
    typer.Option("--scenario", metavar="FILE", help="TOML file of these options; options given here win."),
]
JSON = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
OUT = Annotated[
    str | None,
    typer.Option("--out", "-o", metavar="FILE", help="Write the result: .json, .csv or .html."),
]


Instead = Callable[[dict[str, Any], dict[str, Any]], bool]


def with_scenario(run: Run, instead: Instead | None = None) -> Run:
    """Return ``run(scenario, ...)`` as a function whose parameters are the scenario's options.

    Parameters
    ----------
    run : callable
        Takes the scenario first; its further parameters are options of the verb itself.
    instead : callable, optional
        Gets the scenario's options that were given, and the verb's own; returns whether it did the work,
        so that no scenario is needed.
    """
    own = list(inspect.signature(run).parameters.values())[1:]
    names = [spec.name for _, spec in option_fields()]

    def command(**given: Any) -> None:
        options = {name: _given(given.pop(name)) for name in names}
        file = given.pop("scenario_file")
        asked = {name: value for name, value in options.items() if value is not None}
        if instead is not None and instead(asked | ({"scenario": file} if file else {}), given):
            return
        if file is None:
            run(Scenario.of(**options), **given)
            return
        scenario = Scenario.from_file(Path(file), options)
        places = places_in(Path(file), options)
        try:
            run(scenario, **given)
        except SpecError as error:
            if error.where not in places:
                raise
            raise ContentError(
                places[error.where], error.rule, field=error.field, got=error.got, remedy=error.remedy
            ) from None

    parameters = [_parameter(table, spec) for table, spec in option_fields()]
    parameters.append(_keyword("scenario_file", SCENARIO_FILE, None))
    parameters += [p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in own]
    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    command.__annotations__ = {p.name: p.annotation for p in parameters}
    command.__doc__ = run.__doc__
    return command


def _given(value: Any) -> Any:
    """Return None for an option that was not given, so that a file or the default decides."""
    return None if value in (None, []) else value


def _parameter(table: str, spec: Field[Any]) -> inspect.Parameter:
    text = spec.metadata["help"] + _default(spec)
    if spec.name == "model":
        argument = typer.Argument(help=text, metavar="MODEL", show_default=False)
        return _keyword(spec.name, Annotated[str | None, argument], None)
    flag_name = "--" + spec.name.replace("_", "-")
    panel = table.capitalize()
    if spec.metadata["reader"] is flag:
        both = f"{flag_name}/--no-{flag_name[2:]}"
        switch = typer.Option(both, help=text, rich_help_panel=panel, show_default=False)
        return _keyword(spec.name, Annotated[bool | None, switch], None)
    metavar = spec.metadata["metavar"] or spec.name.upper().replace("_", "-")
    choice = typer.Option(flag_name, help=text, metavar=metavar, rich_help_panel=panel, show_default=False)
    kind: Any = list[str] | None if spec.name in LISTED else str | None
    return _keyword(spec.name, Annotated[kind, choice], None)


def _default(spec: Field[Any]) -> str:
    """Return the default as help shows it; options without one say in words what happens."""
    if spec.default in (MISSING, None, ()):
        return ""
    if spec.name == "devices":
        return " (default: 1,2,4..256)"
    shown = {"bucket": "25MiB", "overlap": "overlap", "until_accuracy": "no-until-accuracy"}.get(
        spec.name, spec.default
    )
    return f" (default: {shown})"


def _keyword(name: str, annotation: Any, default: Any) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)
