"""The report: one HTML file that opens without a network, figures inside as SVG."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

import nearlinear.models.units as units
from nearlinear.calibrate.calibration import Calibration
from nearlinear.models.document import answer_lines
from nearlinear.models.prediction import Band, Prediction
from nearlinear.models.until_table import ending_lines, ending_table
from nearlinear.reports.comparison import Comparison
from nearlinear.reports.fair_comparison import checklist
from nearlinear.reports.figures import draw_breakdown, draw_comparison, draw_fits, draw_scaling, svg

TEMPLATES = Path(__file__).parent / "templates"
DEFINITIONS = (
    ("efficiency", "throughput per device over that of the smallest scale in the same prediction"),
    ("band", "5th to 95th percentile of the samples: 90 % of them lie inside"),
    ("knee", "largest scale whose median efficiency is at least 80 %"),
    ("exposed exchange", "gradient exchange that goes on after backward has ended; the rest is hidden"),
    ("contention", "what hidden exchange costs all the same: it shares memory and cores with backward"),
    ("beyond the model", "frameworks, loaders, stragglers: what published results lose beyond the model"),
    ("bus bandwidth", "2 (n-1)/n x bytes / time for an allreduce over n ranks, one direction, decimal GB/s"),
    ("held out", "sizes that the fit did not see; errors there are the ones to trust"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """A figure with its caption and the command that makes it again."""

    svg: str
    caption: str
    command: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Column names with units, and rows of text."""

    columns: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """One part of a report."""

    heading: str
    answers: Sequence[tuple[str, str]] = ()
    notes: Sequence[str] = ()
    pictures: Sequence[Picture] = ()
    tables: Sequence[Table] = field(default_factory=tuple)

    @classmethod
    def of_prediction(cls, prediction: Prediction, command: str = "") -> "Section":
        """Return the section of a prediction: answer, cautions, scaling, breakdown, numbers, sources."""
        answers = [line.partition(": ")[::2] for line in answer_lines(prediction)]
        scaling = "Throughput and efficiency. Line: median; shaded: 90 % band; dotted: linear scaling."
        parts = "Parts of the median step. Hatched: exchange hidden behind backward."
        return cls(
            heading=prediction.title,
            answers=[*((head, rest) for head, rest in answers), *_ending(prediction)],
            notes=prediction.warnings,
            pictures=[
                Picture(svg=svg(draw_scaling(prediction)), caption=scaling, command=command),
                Picture(svg=svg(draw_breakdown(prediction)), caption=parts),
            ],
            tables=[
                _points(prediction),
                *_until(prediction),
                _fair(prediction),
                _facts(prediction.provenance),
            ],
        )

    @classmethod
    def of_calibration(cls, calibration: Calibration, heading: str, command: str = "") -> "Section":
        """Return the section of a calibration: fits, held-out errors, what was understood."""
        caption = "Measured times with the fit, and the error at sizes that a fit to the others did not see."
        return cls(
            heading=heading,
            answers=[_held(calibrated.link) for calibrated in calibration.links],
            notes=calibration.notes,
            pictures=[Picture(svg=svg(draw_fits(calibration.links)), caption=caption, command=command)],
            tables=[_links(calibration)],
        )

    @classmethod
    def of_comparison(cls, comparison: Comparison, command: str = "") -> "Section":
        """Return the section of a comparison of algorithms."""
        fast, slow = comparison.algorithms[0], comparison.algorithms[-1]
        gain = comparison.gain(slow, fast)
        where = f"{comparison.workers[-1]} workers"
        return cls(
            heading=comparison.title,
            answers=[(f"{fast} against {slow}", f"{gain[-1]:.1f} times faster at {where}")],
            pictures=[
                Picture(
                    svg=svg(draw_comparison(comparison)),
                    caption="Lines: closed form; squares: round engine; crosses: SimPy; one on another.",
                    command=command,
                )
            ],
            tables=[_comparison(comparison)],
        )


def render_report(
    title: str,
    parts: Sequence[Prediction | Calibration | Comparison | Section],
    commands: Sequence[str] = (),
) -> str:
    """Return a self-contained HTML page.

    Parameters
    ----------
    title : str
        Of the page.
    parts : sequence of Prediction, Calibration, Comparison or Section
        Results in order; a section of your own says its command, too.
    commands : sequence of str
        That made the results, for the last part of the page.
    """
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    environment.filters["raw_svg"] = Markup
    return environment.get_template("report.html").render(
        title=title, sections=[_section(part) for part in parts], commands=commands, definitions=DEFINITIONS
    )


def _section(part: Prediction | Calibration | Comparison | Section) -> Section:
    if isinstance(part, Prediction):
        return Section.of_prediction(part)
    if isinstance(part, Calibration):
        return Section.of_calibration(part, f"Calibration: {part.profile.name}")
    return Section.of_comparison(part) if isinstance(part, Comparison) else part


def _points(prediction: Prediction) -> Table:
    columns = [
        "devices",
        "global batch",
        "step ms",
        "90 % band",
        "efficiency",
        "90 % band",
        "samples/s",
        "allreduce",
    ]
    rows = [
        [
            f"{p.devices}{' (extrapolated)' if p.extrapolated else ''}",
            f"{p.global_batch:,.0f}",
            f"{p.step_time_s.median * 1e3:.4g}",
            _range(p.step_time_s, 1e3, "{:.4g}"),
            f"{p.efficiency.median:.0%}",
            _range(p.efficiency, 1.0, "{:.0%}"),
            units.format_rate(p.throughput_per_s.median),
            p.algorithm,
        ]
        for p in prediction.points
    ]
    return Table(columns=columns, rows=rows)


def _ending(prediction: Prediction) -> list[tuple[str, str]]:
    if prediction.ending is None:
        return []
    return [("Until", prediction.ending.title), *ending_lines(prediction)]


def _until(prediction: Prediction) -> list[Table]:
    columns, rows = ending_table(prediction)
    return [Table(columns=columns, rows=rows)] if rows else []


def _range(band: Band, factor: float, form: str) -> str:
    return f"{form.format(band.low * factor)} - {form.format(band.high * factor)}"


def _fair(prediction: Prediction) -> Table:
    rows = [[one.name, one.said, one.missing] for one in checklist(prediction)]
    return Table(columns=["for a fair comparison", "this result", "missing"], rows=rows)


def _facts(provenance: dict[str, Any]) -> Table:
    rows = [
        [fact["name"], f"{fact['value']:.4g}", fact["status"], fact["date"], fact["source"]]
        for fact in provenance.get("facts", [])
    ]
    return Table(columns=["number (SI units)", "value", "status", "date", "source"], rows=rows)


def _held(link: Any) -> tuple[str, str]:
    what = f"{link.level}, {link.transport} {link.source}"
    if link.holdout is None:
        return what, "nothing was held out"
    h = link.holdout
    return what, (
        f"error at {h.points} held-out points: median {h.median_ape:.1%}, 95th percentile {h.p95_ape:.1%};"
        f" {h.coverage_90:.0%} inside the 90 % band"
    )


def _links(calibration: Calibration) -> Table:
    columns = [
        "level",
        "through",
        "latency us",
        "bandwidth GB/s of the last piece",
        "measured messages",
        "ranks",
    ]
    rows = []
    for calibrated in calibration.links:
        link = calibrated.link
        rows.append([
            link.level, f"{link.transport} {link.source}", link.latency_s.shown(units.MICROSECOND),
            link.bandwidth_bytes_per_s[-1].shown(units.GB),
            f"{units.format_size(link.low_bytes)} - {units.format_size(link.high_bytes)}",
            ", ".join(str(n) for n in link.ranks),
        ])  # fmt: skip
    return Table(columns=columns, rows=rows)


def _comparison(comparison: Comparison) -> Table:
    columns = ["workers"]
    for name in comparison.algorithms:
        columns += [f"{name} ms, formula", "rounds", "SimPy"]
    rows = []
    for index, count in enumerate(comparison.workers):
        row = [str(count)]
        for name in comparison.algorithms:
            times = comparison.times(name)
            row += [f"{t[index] * 1e3:.3f}" for t in (times.formula_s, times.rounds_s, times.processes_s)]
        rows.append(row)
    return Table(columns=columns, rows=rows)
