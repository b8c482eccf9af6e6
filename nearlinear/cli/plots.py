"""The picture of a simulated run: one figure per question, chosen by what was asked."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from nearlinear.models.errors import SpecError

if TYPE_CHECKING:
    from nearlinear.models.prediction import Prediction
    from nearlinear.simulator.steps.explained import Explained

PICTURES = (".svg", ".png", ".pdf")


def draw(prediction: "Prediction", explained: "Explained", path: Path | None, as_json: bool) -> None:
    """Draw a run where asked, and say where it lies."""
    if path is None:
        return
    from nearlinear.cli.output import say
    from nearlinear.reports.figures import save

    save(_figure(prediction, explained), path)
    say(f"wrote {path}") if as_json else print(f"wrote {path}")


def _figure(prediction: "Prediction", explained: "Explained") -> Any:
    """Return the figure that answers what was asked; another question is another ``if`` here."""
    if not explained.conditions.jitter.calm:
        from nearlinear.reports.stragglers import draw_stragglers

        return draw_stragglers(explained, [point.devices for point in prediction.points])
    raise SpecError("--plot", "needs --jitter", remedy="say --jitter 3%")
