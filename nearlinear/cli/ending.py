"""How time, energy and money to a target are shown, for ``predict`` and ``simulate`` alike."""

from typing import Any

from nearlinear.cli.output import print_table
from nearlinear.models.prediction import Prediction, UntilTarget
from nearlinear.models.until_table import LEFT_OUT, ending_lines, ending_table

PARTS = ("epochs", "time_s", "speed_up", "energy_kwh", "cost")


def show_ending(prediction: Prediction) -> None:
    """Print the answer and the table of a prediction with a target."""
    ending = prediction.ending
    if ending is None:
        return
    print(f"\nuntil {ending.title}\n")
    for head, rest in ending_lines(prediction):
        print(f"  {head:<28s} {rest}")
    print()
    columns, rows = ending_table(prediction)
    print_table(columns, rows, left=())
    print(f"\n{LEFT_OUT}")


def ending_values(until: UntilTarget | None) -> dict[str, Any]:
    """Return the columns of a CSV row; none without a target."""
    if until is None:
        return {}
    values: dict[str, Any] = {}
    for name in PARTS:
        band = getattr(until, name)
        for end in ("median", "low", "high"):
            values[f"until_target_{name}_{end}"] = getattr(band, end) if band else None
    plain = ("billed_devices", "exchanges_per_epoch", "learning_rate")
    return values | {f"until_target_{name}": getattr(until, name) for name in plain}
