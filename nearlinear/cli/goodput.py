"""``nearlinear goodput``: what failures, checkpoints and restarts leave of the time."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from nearlinear.cli.options import JSON
from nearlinear.models.errors import SpecError
from nearlinear.models.scenario import Scenario

if TYPE_CHECKING:
    from nearlinear.simulator.failures.question import Question

PANEL = "Failures and checkpoints"
DURATION = "30d"
OF_STEP = ("devices", "per_node", "seed")  # what a run of a stated step takes of a scenario


def _option(flag: str, help: str, metavar: str | None = "TIME") -> Any:
    return typer.Option(flag, help=help, rich_help_panel=PANEL, metavar=metavar, show_default=False)


STEP = Annotated[str | None, _option("--step", "Time of a step, as 350ms, in place of MODEL.")]
MTBF = Annotated[
    str | None,
    _option("--mtbf", "Mean time between failures of a part. (default: as published of H100)"),
]
PER = Annotated[
    str | None, _option("--mtbf-per", "What a part is: device, node or job. (default: device)", None)
]
WEIBULL = Annotated[
    float, _option("--weibull", "Shape of the times between failures; below 1: bursts. (default: 1)", None)
]
CHECKPOINT = Annotated[str | None, _option("--checkpoint", "Time until a checkpoint is written, as 2min.")]
BLOCKING = Annotated[
    str, _option("--blocking", "Part of that which stops compute, as 20%. (default: 100%)", "FRACTION")
]
EVERY = Annotated[
    str, _option("--every", "Compute between checkpoints, or auto: Daly's optimum. (default: auto)")
]
RESTART = Annotated[str | None, _option("--restart", "Time from a failure until compute goes on, as 10min.")]
LENGTH = Annotated[
    str | None, _option("--duration", f"Compute of a run without failures. (default: {DURATION})")
]
STEPS = Annotated[int | None, _option("--steps", "The same in steps.", "COUNT")]
RUNS = Annotated[
    int, typer.Option("--runs", min=2, max=100_000, help="Simulated runs.", rich_help_panel=PANEL)
]
PLOT = Annotated[
    str | None, _option("--plot", "Draw goodput over the interval at the largest scale.", "FILE")
]
TIMELINE = Annotated[
    str | None, _option("--timeline", "Write one run for Perfetto or Chrome: .json.gz or .json.", "FILE")
]
OUT = Annotated[
    str | None, typer.Option("--out", "-o", metavar="FILE", help="Write the result: .json or .csv.")
]


def goodput(
    scenario: Scenario,
    step: STEP = None,
    mtbf: MTBF = None,
    mtbf_per: PER = None,
    weibull: WEIBULL = 1.0,
    checkpoint: CHECKPOINT = None,
    blocking: BLOCKING = "100%",
    every: EVERY = "auto",
    restart: RESTART = None,
    duration: LENGTH = None,
    steps: STEPS = None,
    runs: RUNS = 400,
    plot: PLOT = None,
    timeline: TIMELINE = None,
    as_json: JSON = False,
    out: OUT = None,
) -> None:
    """Say how much of the time trains: failures, checkpoints and restarts, by formula and simulated."""
    from nearlinear.cli.goodputs import Asked, answer
    from nearlinear.models.closed_form import ENGINE, assemble, step_times

    own = {
        "mtbf": mtbf, "mtbf_per": mtbf_per, "weibull": weibull, "checkpoint": checkpoint, "every": every,
        "blocking": blocking, "restart": restart, "duration": duration, "steps": steps, "runs": runs,
        "plot": plot, "timeline": timeline, "as_json": as_json, "out": out,
    }  # fmt: skip
    if scenario.target.asked:
        raise SpecError("--until-accuracy" if scenario.target.until_accuracy else "--epochs",
                        "has no effect on goodput", remedy="say nearlinear predict")  # fmt: skip
    question, notes = question_of(own, scenario.knowledge.seed)
    model, anchored, times, names = step_times(scenario)
    prediction = assemble(model, anchored, times, names, ENGINE)
    asked = Asked(
        title=prediction.title, question=question, per_node=model.case.cluster.devices_per_node,
        steps={devices: one.total_s for devices, one in times.items()},
        batches={point.devices: point.global_batch for point in prediction.points},
        inputs=prediction.inputs, warnings=(*notes, *prediction.warnings), provenance=prediction.provenance,
    )  # fmt: skip
    answer(asked, own)


def stated(scenario: dict[str, Any], own: dict[str, Any]) -> bool:
    """Answer for a stated step time, if there is one."""
    if own["step"] is None:
        return False
    import numpy as np

    from nearlinear.cli.goodputs import Asked, answer
    from nearlinear.models.option import count, whole
    from nearlinear.models.units import format_time, parse_counts

    for name, value in scenario.items():
        if name not in OF_STEP:
            flag = "MODEL" if name == "model" else "--" + name.replace("_", "-")
            raise SpecError(flag, "has no effect with --step", got=value)
    if "devices" not in scenario:
        raise SpecError("--devices", "is needed with --step", remedy="say --devices 64,256,1024")
    step_s = _time(own["step"], "--step")
    seed = whole(scenario.get("seed", 0), "--seed")
    question, notes = question_of(own, seed)
    per_node = count(scenario.get("per_node", 1), "--per-node")
    if question.failures.per == "node" and "per_node" not in scenario:
        raise SpecError("--per-node", "is needed with --mtbf-per node", remedy="say --per-node 8")
    scales = parse_counts(scenario["devices"], "--devices")
    asked = Asked(
        title=f"a job with a step of {format_time(step_s)}", question=question, per_node=per_node,
        steps={devices: np.array([step_s]) for devices in scales}, batches={},
        inputs={"step_s": step_s, "devices": list(scales), "per_node": per_node, "seed": seed},
        warnings=tuple(notes), provenance={},
    )  # fmt: skip
    answer(asked, own)
    return True


def question_of(own: dict[str, Any], seed: int) -> tuple["Question", list[str]]:
    """Return what the options ask, and what a reader must know of it.

    Raises
    ------
    SpecError
        A missing or malformed option.
    """
    from nearlinear.models.training.checkpointing import Checkpointing
    from nearlinear.models.training.failures import Failures, published_mtbf
    from nearlinear.models.units import parse_fraction
    from nearlinear.simulator.failures.question import Question

    for name, remedy in (("checkpoint", "say --checkpoint 2min"), ("restart", "say --restart 10min")):
        if own[name] is None:
            raise SpecError(f"--{name}", "is needed", remedy=remedy)
    notes = []
    if own["mtbf"] is None:
        if own["mtbf_per"] is not None:
            raise SpecError("--mtbf-per", "needs --mtbf", got=own["mtbf_per"], remedy="say --mtbf 4000h")
        fact = published_mtbf()
        mtbf_s = fact.value
        notes.append(f"no --mtbf: {mtbf_s / 3600:,.0f} h of a device, from {fact.source.citation}")
    else:
        mtbf_s = _time(own["mtbf"], "--mtbf")
    if own["weibull"] != 1.0:
        notes.append("formulas and --every auto are those of exponential failures, --weibull 1")
    how = Checkpointing(
        write_s=_time(own["checkpoint"], "--checkpoint"),
        restart_s=_time(own["restart"], "--restart", zero=True),
        blocking=parse_fraction(own["blocking"], "--blocking"),
    )
    failures = Failures(mtbf_s=mtbf_s, per=own["mtbf_per"] or "device", shape=own["weibull"])
    every_s = _every_s(own["every"])
    return Question(how=how, failures=failures, every_s=every_s, runs=own["runs"], seed=seed), notes


def _every_s(text: str) -> float | None:
    if text == "auto":
        return None
    if text[:1].isalpha():
        raise SpecError("--every", "must be a time or auto", got=text, remedy="write 30min or auto")
    return _time(text, "--every")


def _time(text: str, where: str, zero: bool = False) -> float:
    from nearlinear.models.units import parse_duration

    value = parse_duration(text, where)
    if value == 0 and not zero:
        raise SpecError(where, "must be > 0", got=text)
    return value
