"""``nearlinear list volumes``: data against model parallelism by the bytes of a step."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nearlinear.cli.listing import Listing

MOST_NAMED = 3  # layers, before they are counted


def volumes_listing(batch: int) -> "Listing":
    """Return weights, activations and work of every network at a global batch, and what moves fewer bytes."""
    from nearlinear.cli.listing import Column, Listing
    from nearlinear.models.dnn import NETWORKS, network
    from nearlinear.models.training.volumes import volumes
    from nearlinear.models.units import MB, TERA

    rows = []
    for name in NETWORKS:
        found = volumes(network(name), batch)
        fewer = found.fewer if found.fewer >= 1 else 1 / found.fewer
        rows.append(
            [name, found.weights_bytes, found.activations_bytes, found.flop,
             f"{'data' if found.fewer >= 1 else 'model'}, {fewer:.3g} x fewer bytes",
             _layers(found.model_parallel_layers)]
        )  # fmt: skip
    return Listing(
        title=f"one step over a global batch of {batch}, 32-bit values",
        columns=(
            Column("name", "name"), Column("weights_bytes", "weights MB", MB),
            Column("activations_bytes", "activations MB", MB), Column("flop", "TFLOP", TERA),
            Column("parallelism", "parallelism"), Column("model_parallel_layers", "but model for layers"),
        ),
        rows=rows,
    )  # fmt: skip


def _layers(names: tuple[str, ...]) -> str:
    return ", ".join(names) if len(names) <= MOST_NAMED else f"{len(names)} of them"
