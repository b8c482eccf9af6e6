"""Time, energy and money to a target as text, for the terminal and for reports."""

from nearlinear.models.duration import format_amount, format_duration, format_span
from nearlinear.models.prediction import Point, Prediction, UntilTarget
from nearlinear.models.units import format_rate

LEFT_OUT = "speed-up is of time to the target; evaluation, start-up, hosts and failures are left out"


def ending_lines(prediction: Prediction) -> list[tuple[str, str]]:
    """Return the best scales, and what prices and power were taken; nothing without a target."""
    ending = prediction.ending
    if ending is None:
        return []
    points = {point.devices: point.until_target for point in prediction.points}
    lines = [("Fastest", _scale(ending.fastest_devices, points, ending.currency))]
    if ending.cheapest_devices is not None:
        lines.append(("Cheapest", _scale(ending.cheapest_devices, points, ending.currency)))
    if ending.price is not None:
        lines.append(("Price", ending.price))
    if ending.watts is not None:
        lines.append(("Power", f"{ending.watts:g} W per device, PUE {ending.pue:g}"))
    return lines


def ending_table(prediction: Prediction) -> tuple[list[str], list[list[str]]]:
    """Return columns and rows as text: energy and money where they are known, no rows without a target."""
    ending = prediction.ending
    if ending is None:
        return [], []
    columns = ["devices", "global batch"]
    columns += ["exchanges/epoch"] if _all(prediction, "exchanges_per_epoch") else []
    columns += ["rate"] if _all(prediction, "learning_rate") else []
    columns += ["epochs", "time", "90 % band", "speed-up"]
    columns += ["kWh"] if ending.watts is not None else []
    columns += [str(ending.currency), "90 % band"] if ending.price is not None else []
    return columns, [_row(p, p.until_target) for p in prediction.points if p.until_target]


def _all(prediction: Prediction, name: str) -> bool:
    """Return whether a number is known, and so at every scale."""
    known = (point.until_target for point in prediction.points)
    return all(until is not None and getattr(until, name) is not None for until in known)


def _scale(devices: int, points: dict[int, UntilTarget | None], currency: str | None) -> str:
    until = points[devices]
    assert until is not None  # a prediction with an ending has it at every scale
    money = f", {format_amount(until.cost.median)} {currency}" if until.cost else ""
    return f"{devices} devices: {format_duration(until.time_s.median)}{money}"


def _row(point: Point, until: UntilTarget) -> list[str]:
    row = [
        str(point.devices),
        format_rate(point.global_batch),
        *([f"{until.exchanges_per_epoch:,.0f}"] if until.exchanges_per_epoch is not None else []),
        *([f"{until.learning_rate:.3g}"] if until.learning_rate is not None else []),
        f"{until.epochs.median:.1f}",
        format_duration(until.time_s.median),
        format_span(until.time_s.low, until.time_s.high, until.time_s.median),
        f"{until.speed_up.median:.3g}x",
    ]
    if until.energy_kwh is not None:
        row.append(format_amount(until.energy_kwh.median))
    if until.cost is not None:
        row += [
            format_amount(until.cost.median),
            f"{format_amount(until.cost.low)} - {format_amount(until.cost.high)}",
        ]
    return row
