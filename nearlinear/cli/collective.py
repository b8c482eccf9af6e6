"""A collective alone, from options to result."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from nearlinear.cli.lone import print_run
from nearlinear.cli.output import check_out, say
from nearlinear.cli.simulations import told
from nearlinear.models.errors import SpecError, nearest

if TYPE_CHECKING:
    from nearlinear.models.collectives.schedule import Schedule
    from nearlinear.models.hardware.topology import Topology
    from nearlinear.simulator.engines import Engine
    from nearlinear.simulator.fabrics.fabric import Fabric
    from nearlinear.simulator.lone import Lone
    from nearlinear.simulator.steps.placement import Placement

COLLECTIVES = ("allreduce",)
PLACEHOLDER = "lenet"  # a scenario has a model; nothing of it is used here
MOST_DRAWN = 200_000  # rounds times ranks shown in a timeline


def run_collective(
    scenario: dict[str, Any], own: dict[str, Any], out: Path | None, timeline: Path | None
) -> None:
    """Run a collective and print it."""
    from nearlinear.simulator.engines import Engine
    from nearlinear.simulator.lone import run_lone

    if own["jobs"] != 1 or own["background"]:
        _with_others(scenario, own, out)
        return
    engine = Engine.of(own["engine"], own["sharing"])
    name, lone = _lone(scenario, own, engine)
    goal = check_out(own["write_goal"], (".goal",), "--write-goal")
    detail = run_lone(lone, engine, own["cross_check"])
    inputs = {
        "collective": own["collective"], "algorithm": name, "ranks": lone.schedule.workers,
        "bytes": lone.vector.elements * lone.vector.element_bytes, "loggops": own["loggops"],
        "fabric": own["fabric"], "engine": engine.title, **scenario,
    }  # fmt: skip
    scale = f"{lone.schedule.workers:,} ranks, {inputs['bytes']:,} bytes"
    what = f"{own['collective']}, {name}, {scale}, {engine.title}"
    print_run(what, inputs, detail, own["as_json"], out)
    if goal is not None:
        _write_goal(lone, goal)
    if timeline is not None:
        _draw_rounds(lone, timeline, own["as_json"])


def _with_others(scenario: dict[str, Any], own: dict[str, Any], out: Path | None) -> None:
    """Run a collective with other jobs or traffic beside it."""
    from nearlinear.simulator.engines import Engine
    from nearlinear.simulator.exchange import Vector
    from nearlinear.simulator.jobs import Background, Jobs, run_jobs

    which = "--jobs" if own["jobs"] != 1 else "--background"
    for name in ("loggops", "noise", "timeline", "write_goal", "switch_latency"):
        if own[name]:
            raise SpecError(f"--{name.replace('_', '-')}", f"cannot be combined with {which}", got=own[name])
    if "samples" in scenario:
        raise SpecError("--samples", f"has no effect with {which}", got=scenario["samples"])
    engine = Engine.of("events" if own["engine"] == "rounds" else own["engine"], own["sharing"] or "flow")
    size, seed = _whole_size(own), int(scenario.get("seed", 0))
    background = Background.of(own["background"]) if own["background"] else None
    name, schedule, topology, wire = _chosen(scenario, own, size, 1)
    assert topology is not None
    if own["ranks"] < 2:
        raise SpecError("--ranks", f"must be at least 2 with {which}", got=own["ranks"])
    jobs = Jobs(
        schedule=schedule, vector=Vector(elements=size, element_bytes=1, wire_fraction=wire),
        topology=topology, placement=_placement(own, schedule, topology), count=own["jobs"],
        background=background, seed=seed,
    )  # fmt: skip
    detail = run_jobs(jobs, engine, own["cross_check"])
    inputs = {
        "collective": own["collective"], "algorithm": name, "ranks": own["ranks"], "bytes": size,
        "jobs": own["jobs"], "background": own["background"], "fabric": own["fabric"],
        "engine": engine.title, **scenario,
    }  # fmt: skip
    beside = f"{own['jobs']} jobs" if own["jobs"] > 1 else "one job"
    traffic = f", background {own['background']}" if own["background"] else ""
    what = f"{own['collective']}, {name}, {own['ranks']:,} ranks, {size:,} bytes; {beside}{traffic}"
    print_run(f"{what}; {engine.title}", inputs, detail, own["as_json"], out)


def _lone(scenario: dict[str, Any], own: dict[str, Any], engine: "Engine") -> tuple[str, "Lone"]:
    """Return the name of the algorithm and what runs."""
    from nearlinear.models.scenario import DEFAULT_SAMPLES
    from nearlinear.simulator.exchange import Vector
    from nearlinear.simulator.lone import Lone
    from nearlinear.simulator.noise import Noise

    size = _whole_size(own)
    noise = Noise.of(own["noise"]) if own["noise"] else None
    samples, seed = int(scenario.get("samples", DEFAULT_SAMPLES)), int(scenario.get("seed", 0))
    count = samples if engine.name == "rounds" and not own["loggops"] else 1
    name, schedule, topology, wire = _chosen(scenario, own, int(size), count)
    fabric = fabric_of(own, schedule, topology, scenario)
    vector = Vector(elements=int(size), element_bytes=1, wire_fraction=wire)
    return name, Lone(
        schedule=schedule, fabric=fabric, vector=vector, noise=noise, samples=samples, seed=seed
    )


def _whole_size(own: dict[str, Any]) -> int:
    """Return the bytes of the vector, once collective, ranks and bytes are what they can be."""
    from nearlinear.models.units import parse_size
    from nearlinear.simulator.lone import MOST_RANKS

    if own["collective"] not in COLLECTIVES:
        remedy = nearest(own["collective"], list(COLLECTIVES)) or f"known are {', '.join(COLLECTIVES)}"
        raise SpecError("--collective", "must be a known collective", got=own["collective"], remedy=remedy)
    if own["ranks"] is None or own["size"] is None:
        missing = "--ranks" if own["ranks"] is None else "--bytes"
        raise SpecError(missing, "is needed", remedy="say --ranks 64 --bytes 1MiB")
    if not 1 <= own["ranks"] <= MOST_RANKS:
        raise SpecError("--ranks", f"must lie in 1..{MOST_RANKS:,}", got=own["ranks"])
    size = parse_size(own["size"], "--bytes")
    if size != int(size) or size > 2**50:
        raise SpecError("--bytes", "must be a whole number of bytes, at most 1 PiB", got=own["size"])
    return int(size)


def _chosen(
    scenario: dict[str, Any], own: dict[str, Any], size: int, samples: int
) -> tuple[str, "Schedule", "Topology | None", float]:
    """Return the algorithm's name, its schedule, the links under it and bytes on the wire per byte."""
    from nearlinear.models.collectives import Choices, find
    from nearlinear.models.scenario import WIRES
    from nearlinear.models.units import FLOAT32_BYTES

    ranks = own["ranks"]
    if own["loggops"]:
        name = scenario.get("algorithm")
        if name in (None, "auto"):
            raise SpecError(
                "--algorithm", "must be named with --loggops", remedy="see nearlinear list algorithms"
            )
        wire = WIRES[_wire(scenario)] / FLOAT32_BYTES
        choices = Choices(
            servers=int(scenario.get("servers", 0)), group=int(scenario.get("per_node", 1)),
            outer=scenario.get("outer", "ring"), wire_fraction=wire,
        )  # fmt: skip
        return name, find(name).schedule_for(ranks, choices), None, wire
    option, topology = priced_links(scenario, ranks, size, samples)
    if option.algorithm.schedule is None:
        remedy = "name one with --algorithm"
        raise SpecError(
            "--algorithm", "must have a schedule; the profile measured a library's own", remedy=remedy
        )
    schedule = option.algorithm.schedule(ranks, option.choices)
    return option.name, schedule, topology, option.choices.wire_fraction


def _wire(scenario: dict[str, Any]) -> str:
    from nearlinear.models.option import one_of
    from nearlinear.models.scenario import DEFAULT_WIRE, WIRES

    return str(one_of(*WIRES)(scenario.get("wire", DEFAULT_WIRE), "--wire"))


def priced_links(scenario: dict[str, Any], ranks: int, size: int, samples: int) -> tuple[Any, "Topology"]:
    """Return the allreduce that is asked for, or the fastest, and sampled links; one sample is central."""
    import numpy as np

    from nearlinear.models.case import Case
    from nearlinear.models.parameters import central, draw
    from nearlinear.models.scenario import Scenario
    from nearlinear.models.training.exchange import exchange, options

    if not ("cluster" in scenario or "device" in scenario):
        remedy = "say --cluster dgx-h100, or --loggops"
        raise SpecError("--cluster", "a cluster, a device or LogGOPS is needed", remedy=remedy)
    case = Case.of(Scenario.of(model=PLACEHOLDER, devices=str(ranks), **scenario))
    parameters = central(case) if samples == 1 else draw(case, samples, int(scenario.get("seed", 0)))
    if ranks == 1:
        return options(case, ranks)[0], parameters.topology(ranks)
    found = exchange(case, parameters, central(case), ranks, np.array([float(size)]))
    return found.options[0], parameters.topology(ranks)


def fabric_of(
    own: dict[str, Any], schedule: "Schedule", topology: "Topology | None", scenario: dict[str, Any]
) -> "Fabric":
    """Return where ranks sit and what joins them."""
    from nearlinear.cli.loggp import loggops_of
    from nearlinear.simulator.fabrics.fabric import Fabric

    if topology is None:
        return Fabric.of_loggops(loggops_of(own["loggops"]), schedule.ranks)
    return _placement(own, schedule, topology).fabric(topology, schedule)


def _placement(own: dict[str, Any], schedule: "Schedule", topology: "Topology") -> "Placement":
    """Return where devices sit under the conditions that options state."""
    from nearlinear.cli.simulations import conditions_of
    from nearlinear.simulator.steps.placement import Placement

    conditions = conditions_of(
        0, 1, "0%", None, own["slow_link"], None, "ready", own["fabric"], own["switch_latency"]
    )
    inside = [level.span for level in topology.levels[:-1]]
    per_node = int(inside[-1]) if inside else 1
    conditions.check_nodes(schedule.workers * own["jobs"], per_node)
    return Placement(devices=schedule.workers, per_node=per_node, conditions=conditions)


def _write_goal(lone: "Lone", path: Path) -> None:
    from nearlinear.simulator.formats.goal import write_goal
    from nearlinear.simulator.programs.assembly import expand
    from nearlinear.simulator.rounds.packing import Packed

    write_goal(expand(Packed(lone.schedule, lone.fabric, lone.vector), flow=False), path)
    say(f"wrote {path}")


def _draw_rounds(lone: "Lone", timeline: Path, as_json: bool) -> None:
    """Write the rounds of some ranks as a timeline."""
    import numpy as np

    from nearlinear.simulator.rounds.engine import run_packed
    from nearlinear.simulator.rounds.packing import Packed
    from nearlinear.simulator.rounds.replay import Replay
    from nearlinear.simulator.timeline import representative_ranks, round_events, write_timeline

    packed = Packed(lone.schedule, lone.fabric, lone.vector)
    ranks = representative_ranks(run_packed(packed).end_ticks[0])
    replay = Replay(packed)
    if replay.count * len(ranks) > MOST_DRAWN:
        most = MOST_DRAWN // len(ranks)
        raise SpecError(
            "--timeline", f"can show at most {most:,} rounds", got=replay.count, remedy="use fewer --ranks"
        )
    events = round_events(replay, np.zeros(lone.schedule.ranks, dtype=np.int64), ranks)
    told(timeline, write_timeline(events, timeline), ranks, as_json)
