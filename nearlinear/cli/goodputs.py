"""How goodput is answered and shown: four lines, a table over devices, JSON, CSV, a picture, a timeline."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nearlinear.cli.output import (
    check_out,
    csv_text,
    envelope,
    print_json,
    print_table,
    say,
    warn,
    write_json,
    write_text,
)
from nearlinear.models.arrays import FloatArray
from nearlinear.models.duration import format_duration
from nearlinear.models.errors import SpecError
from nearlinear.models.units import format_rate

if TYPE_CHECKING:
    from nearlinear.simulator.failures.outcome import GoodputPoint
    from nearlinear.simulator.failures.question import Question, Scale
    from nearlinear.simulator.failures.sweep import Sweep

MOST_SPANS = 1_000_000
COLUMNS = ("devices", "job fails every", "Young", "Daly", "used", "formula", "simulated", "90 % of runs",
           "a run takes", "samples/s")  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Asked:
    """What is asked, at all scales.

    Attributes
    ----------
    title : str
        One line that says of what.
    question : Question
        Failures and checkpoints.
    per_node : int
        Devices of a node.
    steps : mapping of int to ndarray, shape (samples,)
        Step time by scale.
    batches : mapping of int to float
        Samples per step by scale; empty where no model was given.
    inputs, provenance : mapping
        For the document.
    warnings : tuple of str
        What a reader must know.
    """

    title: str
    question: "Question"
    per_node: int
    steps: Mapping[int, FloatArray]
    batches: Mapping[int, float]
    inputs: Mapping[str, Any]
    warnings: tuple[str, ...]
    provenance: Mapping[str, Any]

    def scale(self, devices: int, duration_s: float | None, steps: int | None) -> "Scale":
        """Return the question at a scale; runs of so many steps take the samples of a step, shuffled."""
        import numpy as np

        from nearlinear.simulator.failures.question import Scale

        runs = self.question.runs
        shuffled = np.random.default_rng(self.question.seed).permutation(self.steps[devices])
        work = np.full(runs, duration_s) if steps is None else steps * np.resize(shuffled, runs)
        return Scale(question=self.question, devices=devices, per_node=self.per_node, work_s=work)


def answer(asked: Asked, own: Mapping[str, Any]) -> None:
    """Simulate, print, and write what is asked for."""
    from nearlinear.cli.goodput import DURATION
    from nearlinear.cli.plots import PICTURES
    from nearlinear.models.units import parse_duration
    from nearlinear.simulator.failures.outcome import point
    from nearlinear.simulator.failures.sweep import Sweep
    from nearlinear.simulator.timeline import write_timeline

    out = check_out(own["out"], (".json", ".csv"))
    picture = check_out(own["plot"], PICTURES, "--plot")
    timeline = check_out(own["timeline"], (".gz", ".json"), "--timeline")
    if own["duration"] and own["steps"] is not None:
        raise SpecError("--steps", "excludes --duration", got=own["steps"])
    if own["steps"] is not None and own["steps"] < 1:
        raise SpecError("--steps", "must be >= 1", got=own["steps"])
    duration_s = parse_duration(own["duration"] or DURATION, "--duration")
    if duration_s == 0:
        raise SpecError("--duration", "must be > 0", got=own["duration"])
    scales = [asked.scale(devices, duration_s, own["steps"]) for devices in asked.steps]
    points = [with_rate(point(scale), asked) for scale in scales]
    sweep = Sweep.of(scales[-1]) if picture else None
    events = _events(scales[-1]) if timeline else None
    document = to_document(asked, points, own)
    _show(asked, points, document, own["as_json"])
    tell = say if own["as_json"] else print
    if out is not None:
        write_text(out, csv_text(*_flat(points))) if out.suffix == ".csv" else write_json(out, document)
        tell(f"wrote {out}")
    if picture is not None and sweep is not None:
        _draw(points[-1], sweep, picture)
        tell(f"wrote {picture}")
    if timeline is not None and events is not None:
        count = write_timeline(events, timeline)
        tell(f"wrote {timeline}: {count:,} events of one run; open in ui.perfetto.dev")


def with_rate(point: "GoodputPoint", asked: Asked) -> "GoodputPoint":
    """Return a point with its step and, of a model, the samples per second that failures leave."""
    from dataclasses import replace

    from nearlinear.models.prediction import Band

    step_s = asked.steps[point.devices]
    if point.devices not in asked.batches:
        return replace(point, step_time_s=Band.of(step_s))
    rate = asked.batches[point.devices] / step_s * point.simulated.mean
    return replace(point, step_time_s=Band.of(step_s), throughput_per_s=Band.of(rate))


def to_document(asked: Asked, points: list["GoodputPoint"], own: Mapping[str, Any]) -> dict[str, Any]:
    """Return the answer as ``{schema, version, inputs, result, warnings, provenance}`` in SI units."""
    question = asked.question
    inputs = {**asked.inputs, "goodput": asdict(question) | {"steps": own["steps"]}}
    result = {
        "title": asked.title, "lines": answer_lines(points), "points": [asdict(one) for one in points],
    }  # fmt: skip
    return envelope("goodput", inputs, result, asked.warnings, asked.provenance)


def answer_lines(points: list["GoodputPoint"]) -> list[str]:
    """Return the four lines that a reader sees first."""
    last = points[-1]
    found, step = last.simulated, last.step_time_s
    counted = f", {last.interval_s / step.median:,.0f} steps" if step else ""
    return [
        f"Goodput at {last.devices:,} devices: {found.mean:.1%} +- {found.half_width:.1%}, by formula"
        f" {last.formula:.1%}",
        f"Checkpoint after: {format_duration(last.interval_s)} of compute{counted}; best by Daly"
        f" {format_duration(last.daly_s)}, by Young {format_duration(last.young_s)}",
        f"Failures: one in {format_duration(last.mtbf_s)}, {last.failures:,.1f} in a run of"
        f" {format_duration(last.work_s.median)} that takes {format_duration(last.wall_s.median)}",
        f"Lost to: checkpoints {last.checkpoint_share:.1%}, work done again {last.lost_share:.1%}, restarts"
        f" {last.restart_share:.1%}",
    ]


def _show(asked: Asked, points: list["GoodputPoint"], document: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(document)
        return
    print(asked.title)
    warn(document["warnings"])
    print()
    for line in answer_lines(points):
        head, _, rest = line.partition(": ")
        print(f"  {head:<28s} {rest}")
    print()
    keep = [i for i, name in enumerate(COLUMNS) if name != "samples/s" or asked.batches]
    rows = [[row[i] for i in keep] for row in map(_row, points)]
    print_table([COLUMNS[i] for i in keep], rows, left=())
    runs = asked.question.runs
    print(f"\n{runs} runs each, the first in SimPy, too, to the nanosecond; +- is half a 95 % interval")
    print("Young and Daly: best compute between checkpoints; formula: of exponential failures")


def _row(point: "GoodputPoint") -> list[str]:
    found, rate = point.simulated, point.throughput_per_s
    return [
        f"{point.devices:,}", format_duration(point.mtbf_s), format_duration(point.young_s),
        format_duration(point.daly_s), format_duration(point.interval_s), f"{point.formula:.1%}",
        f"{found.mean:.1%} +- {found.half_width:.1%}", f"{found.band.low:.1%} - {found.band.high:.1%}",
        format_duration(point.wall_s.median), format_rate(rate.median) if rate else "",
    ]  # fmt: skip


def _flat(points: list["GoodputPoint"]) -> tuple[list[str], list[list[Any]]]:
    """Return column names with units and one row per scale."""
    rows = []
    for point in points:
        row: dict[str, Any] = {}
        for name, value in asdict(point).items():
            if isinstance(value, dict):
                band = value.get("band", {})
                row |= {f"{name}_{k}": v for k, v in {**value, **band}.items() if k != "band"}
            else:
                row[name] = value
        rows.append(row)
    return list(rows[0]), [[row.get(name) for name in rows[0]] for row in rows]


def _draw(point: "GoodputPoint", sweep: "Sweep", path: Path) -> None:
    from nearlinear.reports.figures import save
    from nearlinear.reports.goodput import draw_goodput

    save(draw_goodput(point, sweep), path)


def _events(scale: "Scale") -> Iterator[dict[str, Any]]:
    """Return the first run as events of a timeline; what is written behind compute has its own thread."""
    from nearlinear.simulator.failures.job import TICKS_PER_SECOND
    from nearlinear.simulator.failures.processes import WRITING
    from nearlinear.simulator.timeline import span_events

    checkpoints = scale.question.how.checkpoints(float(scale.work_s[0]), scale.interval_s)
    if 2 * checkpoints > MOST_SPANS:
        rule = f"can show at most {MOST_SPANS:,} spans, this run has {2 * checkpoints:,}"
        raise SpecError("--timeline", rule, remedy="say a shorter --duration")
    spans = (
        (int(s.name == WRITING), s.name, s.begin / TICKS_PER_SECOND, s.end / TICKS_PER_SECOND)
        for s in scale.told(scale.interval_s).spans
    )
    return span_events(f"{scale.devices:,} devices", ("job", "writer"), spans)
