"""Targets and prices as ``nearlinear list`` shows them."""

from nearlinear.cli.listing import Column, Listing
from nearlinear.models.economics.goal import goals
from nearlinear.models.economics.prices import prices


def targets() -> Listing:
    """Return the targets that were fitted to published runs."""
    labels = {
        "name": "name", "minimum": "E_min", "unit": "unit", "critical_batch": "B_crit", "batches": "batches",
        "runs": "runs", "unseen_median": "unseen error", "networks": "networks", "title": "title",
    }  # fmt: skip
    return Listing(
        title="",
        columns=tuple(Column(key, label) for key, label in labels.items()),
        rows=[
            [g.name, g.curve.minimum.value, g.unit, g.curve.critical_batch.value,
             " - ".join(f"{batch:,}" for batch in g.curve.batches), g.runs, g.unseen_median,
             ", ".join(g.networks), g.title]
            for g in goals().values()
        ],
    )  # fmt: skip


def price_list() -> Listing:
    """Return the shipped prices with power and date."""
    known = prices()
    power = known.power_watts
    labels = {
        "name": "name", "device": "device", "devices": "devices", "price_per_h": f"{known.currency}/h",
        "power_watts": "W per device", "date": "date", "title": "title",
    }  # fmt: skip
    return Listing(
        title="",
        columns=tuple(Column(key, label) for key, label in labels.items()),
        rows=[
            [i.name, i.device, i.devices, i.price_per_h.value,
             power[i.device].value if i.device in power else None, i.price_per_h.source.date, i.title]
            for i in known.instances
        ],
    )  # fmt: skip
