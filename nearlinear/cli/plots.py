"""The picture of a simulated run: one figure per question, chosen by what was asked."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nearlinear.models.errors import SpecError

if TYPE_CHECKING:
    from nearlinear.models.prediction import Prediction
    from nearlinear.simulator.steps.conditions import Conditions
    from nearlinear.simulator.steps.explained import Explained

PICTURES = (".svg", ".png", ".pdf")


def figure_for(conditions: "Conditions") -> "Callable[[Prediction, Explained], Any]":
    """Return what draws a run under these conditions; another question is another ``if`` here.

    Raises
    ------
    SpecError
        Nothing was asked that a picture answers.
    """
    if not conditions.jitter.calm:
        return _stragglers
    if conditions.loader.time_s > 0:
        return _parts
    raise SpecError("--plot", "needs --jitter, --loader or --rule", remedy="say --jitter 3%")


def check_plot(text: str | None, conditions: "Conditions") -> Path | None:
    """Return the picture to write, refused at once where there is nothing to draw."""
    from nearlinear.cli.output import check_out

    path = check_out(text, PICTURES, "--plot")
    if path is not None:
        figure_for(conditions)
    return path


def draw(prediction: "Prediction", explained: "Explained", path: Path | None, as_json: bool) -> None:
    """Draw a run where asked, and say where it lies."""
    if path is None:
        return
    from nearlinear.cli.output import say
    from nearlinear.reports.figures import save

    save(figure_for(explained.conditions)(prediction, explained), path)
    say(f"wrote {path}") if as_json else print(f"wrote {path}")


def _stragglers(prediction: "Prediction", explained: "Explained") -> Any:
    from nearlinear.reports.stragglers import draw_stragglers

    return draw_stragglers(explained, [point.devices for point in prediction.points])


def _parts(prediction: "Prediction", explained: "Explained") -> Any:
    from nearlinear.reports.figures import draw_breakdown

    return draw_breakdown(prediction)
