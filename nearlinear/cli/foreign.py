"""Schedules and traces of other tools: GOAL, Chakra."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nearlinear.cli.collective import fabric_of, priced_links
from nearlinear.cli.lone import CHOICE, print_run
from nearlinear.cli.output import check_out, say
from nearlinear.cli.simulations import told

if TYPE_CHECKING:
    from nearlinear.models.collectives.schedule import Schedule
    from nearlinear.simulator.detail import Detail
    from nearlinear.simulator.engines import Engine
    from nearlinear.simulator.fabrics.fabric import Fabric


def run_foreign(
    scenario: dict[str, Any], own: dict[str, Any], form: str, out: Path | None, timeline: Path | None
) -> None:
    """Run a GOAL schedule or Chakra traces."""
    from nearlinear.simulator.engines import Engine, execute_program
    from nearlinear.simulator.formats.message_prices import priced
    from nearlinear.simulator.lone import explained_program

    engine = Engine.of(_event_engine(own["engine"], form), own["sharing"])
    program = _read(scenario, own, form)
    fabric = _fabric_of_program(scenario, own, program.ranks)
    program = program if fabric.loggops is not None else priced(program, fabric)
    where = own["goal"] if form == "goal" else own["chakra"][0]
    execution = execute_program(engine, program, fabric, where)
    detail = explained_program(program, execution, fabric, engine)
    if own["cross_check"]:
        detail = _checked(detail, engine, program, fabric, execution)
    inputs = {
        form: own[form],
        "loggops": own["loggops"],
        "fabric": own["fabric"],
        "engine": engine.title,
        **scenario,
    }
    what = f"{where}: {program.ranks:,} ranks, {len(program):,} operations, {engine.title}"
    print_run(what, inputs, detail, own["as_json"], out)
    goal = check_out(own["write_goal"], (".goal",), "--write-goal")
    if goal is not None:
        from nearlinear.simulator.formats.goal import write_goal

        write_goal(program, goal)
        say(f"wrote {goal}")
    if timeline is not None:
        from nearlinear.simulator.timeline import program_events, representative_ranks, write_timeline

        ranks = representative_ranks(execution.rank_ends(program))
        told(
            timeline,
            write_timeline(program_events(program, execution, ranks), timeline),
            ranks,
            own["as_json"],
        )


def _event_engine(name: str, form: str) -> str:
    """Return the engine for a program; the default of schedules does not apply."""
    return "events" if name == "rounds" else name


def _read(scenario: dict[str, Any], own: dict[str, Any], form: str) -> Any:
    if form == "goal":
        from nearlinear.simulator.formats.goal import read_goal

        return read_goal(Path(own["goal"]))
    from nearlinear.models.collectives import Choices, find
    from nearlinear.simulator.formats.chakra import read_chakra

    name = scenario.get("algorithm", "ring")

    def expand(collective: str, size_bytes: int, ranks: int) -> "Schedule":
        return find(name).schedule_for(ranks, Choices(servers=int(scenario.get("servers", 0))))

    return read_chakra([Path(file) for file in own["chakra"]], expand)


def _fabric_of_program(scenario: dict[str, Any], own: dict[str, Any], ranks: int) -> "Fabric":
    from nearlinear.models.collectives.schedule import Schedule

    nothing = Schedule(workers=ranks, phases=lambda: iter(()))
    topology = None
    if not own["loggops"]:
        machine = {name: value for name, value in scenario.items() if name not in CHOICE}
        _, topology = priced_links(machine, ranks, 1, 1)
    return fabric_of(own, nothing, topology, scenario)


def _checked(detail: "Detail", engine: "Engine", program: Any, fabric: "Fabric", execution: Any) -> "Detail":
    from nearlinear.simulator.crosscheck import check_against, check_size
    from nearlinear.simulator.engines import Engine, execute_program

    second = Engine(name="simpy" if engine.name == "events" else "events", sharing=engine.sharing)
    check_size(second, len(program.messages))
    other = execute_program(second, program, fabric)
    found = check_against(engine, execution.rank_ends(program), other.rank_ends(program), second)
    return replace(detail, checks=(*detail.checks, found))
