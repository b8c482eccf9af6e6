"""``nearlinear list`` and ``nearlinear show``: the catalogue, with the source of every number."""

import sys
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nearlinear.cli.options import JSON

if TYPE_CHECKING:
    from nearlinear.cli.listing import Facts, Listing

KINDS = ("models", "volumes", "devices", "links", "clusters", "algorithms", "targets", "prices")
DEFAULT_BATCH = 1024  # FireCaffe's


def list_entries(
    kind: Annotated[str, typer.Argument(help=f"One of {', '.join(KINDS)}.", metavar="KIND")],
    batch: Annotated[
        int | None,
        typer.Option("--batch", min=1, help=f"Global batch of the volumes. (default: {DEFAULT_BATCH})"),
    ] = None,
    as_json: JSON = False,
) -> None:
    """List models, their volumes, devices, links, clusters, algorithms, targets or prices."""
    from nearlinear.models.errors import SpecError
    from nearlinear.models.option import one_of

    if one_of(*KINDS)(kind, "KIND") == "volumes":
        from nearlinear.cli.volumes import volumes_listing

        at = batch or DEFAULT_BATCH
        _print(volumes_listing(at), {"kind": kind, "batch": at}, as_json)
        return
    if batch is not None:
        raise SpecError("--batch", "belongs to volumes", got=batch, remedy="say nearlinear list volumes")
    _print(_LISTS[kind](), {"kind": kind}, as_json)


def show(
    name: Annotated[str, typer.Argument(help="A model, device, link, cluster or algorithm.")],
    as_json: JSON = False,
) -> None:
    """Show one entry of the catalogue: every number with its status, source and date."""
    _print(_entry(name), {"name": name}, as_json)


def _print(table: "Listing | Facts", inputs: Mapping[str, Any], as_json: bool) -> None:
    from nearlinear.cli.output import print_document, print_table

    if as_json:
        print_document("catalogue", inputs, {"title": table.title, "rows": table.document()})
        return
    if table.title:
        print(table.title + "\n")
    print_table([c.label for c in table.columns], table.cells(), left=(0, len(table.columns) - 1))


def _models() -> "Listing":
    from nearlinear.cli.listing import Column, Listing
    from nearlinear.models.dnn import NETWORKS, network
    from nearlinear.models.units import GIGA, MB

    nets = [(name, network(name)) for name in NETWORKS]
    return Listing(
        title="",
        columns=(
            Column("name", "name"), Column("parameters", "parameters"),
            Column("forward_macs", "forward GMAC", GIGA), Column("activation_bytes", "activations MB", MB),
            Column("activations_per_weight", "activations/weights"), Column("title", "title"),
        ),
        rows=[
            [name, net.parameters, net.macs, net.kept * 4, net.weighted_inputs / net.parameters, net.title]
            for name, net in nets
        ],
    )  # fmt: skip


def _devices() -> "Listing":
    from nearlinear.cli.listing import Column, Listing
    from nearlinear.models.catalogue import devices
    from nearlinear.models.units import GB, TERA

    shown = ("fp32", "fp16", "bf16")
    return Listing(
        title="",
        columns=(
            Column("name", "name"),
            *(Column(f"peak_{p}_flop_per_s", f"{p} TFLOP/s", TERA) for p in shown),
            Column("memory_bytes", "memory GB", GB),
            Column("memory_bandwidth_bytes_per_s", "memory GB/s", GB),
            Column("title", "title"),
        ),
        rows=[
            [d.name, *(d.peak_flop_per_s[p].value if p in d.peak_flop_per_s else None for p in shown),
             d.memory_bytes.value, d.memory_bandwidth_bytes_per_s.value, d.title]
            for d in devices().values()
        ],
    )  # fmt: skip


def _links() -> "Listing":
    from nearlinear.cli.listing import Column, Listing
    from nearlinear.models.catalogue import links
    from nearlinear.models.units import GB, GBIT, MICROSECOND

    return Listing(
        title="",
        columns=(
            Column("name", "name"),
            Column("bandwidth_bytes_per_s", "GB/s", GB),
            Column("bandwidth_bytes_per_s", "Gbit/s", GBIT),
            Column("latency_s", "latency us", MICROSECOND),
            Column("bandwidth_status", "bandwidth is"),
            Column("title", "title"),
        ),
        rows=[
            [x.name, *[x.bandwidth_bytes_per_s.value] * 2, x.latency_s.value, x.bandwidth_bytes_per_s.status,
             x.title]
            for x in links().values()
        ],
    )  # fmt: skip


def _clusters() -> "Listing":
    from nearlinear.cli.listing import Column, Listing
    from nearlinear.models.catalogue import clusters

    labels = {"name": "name", "device": "device", "devices_per_node": "per node",
              "links": "links inside out", "title": "title"}  # fmt: skip
    return Listing(
        title="",
        columns=tuple(Column(key, label) for key, label in labels.items()),
        rows=[
            [c.name, c.device.name, c.devices_per_node,
             ", ".join(f"{level.uplinks} x {level.link.name}" for level in c.levels), c.title]
            for c in clusters().values()
        ],
    )  # fmt: skip


def _algorithms() -> "Listing":
    from nearlinear.cli.listing import Column, Listing
    from nearlinear.models.collectives import ALGORITHMS

    return Listing(
        title="",
        columns=(Column("name", "name"), Column("title", "what it does"), Column("source", "source")),
        rows=[[a.name, a.title, a.source] for a in ALGORITHMS.values()],
    )


def _targets() -> "Listing":
    from nearlinear.cli.rates import targets

    return targets()


def _prices() -> "Listing":
    from nearlinear.cli.rates import price_list

    return price_list()


_LISTS: dict[str, Callable[[], "Listing"]] = {
    "models": _models,
    "devices": _devices,
    "links": _links,
    "clusters": _clusters,
    "algorithms": _algorithms,
    "targets": _targets,
    "prices": _prices,
}


def _entry(name: str) -> "Listing | Facts":
    """Return the entry called ``name``, of whatever kind."""
    from nearlinear.models import catalogue
    from nearlinear.models.collectives import ALGORITHMS
    from nearlinear.models.dnn import NETWORKS
    from nearlinear.models.dnn.sized import sized
    from nearlinear.models.errors import SpecError, nearest
    from nearlinear.models.naming import same_name

    finders: tuple[tuple[list[str], Callable[[str], Listing | Facts]], ...] = (
        (list(NETWORKS), _show_model),
        (_names(catalogue.devices()), lambda n: _show_device(catalogue.find_device(n))),
        (_names(catalogue.links()), lambda n: _show_link(catalogue.find_link(n))),
        (_names(catalogue.clusters()), lambda n: _show_cluster(catalogue.find_cluster(n))),
        (list(ALGORITHMS), _show_algorithm),
    )
    for names, find in finders:
        if known := same_name(name, names):
            return find(known)
    if sized(name, "NAME"):
        return _show_model(name)
    remedy = nearest(name, [known for names, _ in finders for known in names])
    raise SpecError(
        "NAME", "must be in the catalogue", got=name, remedy=remedy or "see nearlinear list devices"
    )


def _names(table: Mapping[str, Any]) -> list[str]:
    return [name for entry in table.values() for name in (entry.name, *entry.aliases)]


def _show_device(device: Any) -> "Facts":
    from nearlinear.cli.listing import Facts

    return Facts(
        title=f"{device.title}; joined by {device.node_link} in a node",
        facts=(
            ("memory_bytes", device.memory_bytes),
            ("memory_bandwidth_bytes_per_s", device.memory_bandwidth_bytes_per_s),
            *((f"peak_{p}_flop_per_s", fact) for p, fact in device.peak_flop_per_s.items()),
            *((f"best_matmul_{p}_flop_per_s", fact) for p, fact in device.matmul_flop_per_s.items()),
        ),
    )


def _show_link(link: Any) -> "Facts":
    from nearlinear.cli.listing import Facts

    return Facts(
        title=f"{link.title} ({link.family}), one direction{'; ' + link.note if link.note else ''}",
        facts=(("bandwidth_bytes_per_s", link.bandwidth_bytes_per_s), ("latency_s", link.latency_s)),
    )


def _show_cluster(cluster: Any) -> "Facts":
    from nearlinear.cli.listing import Facts

    facts = []
    for level in cluster.levels:
        joins = f"{level.span} devices" if level.span else "all nodes"
        through = f"{level.name}: {level.uplinks} x {level.link.name}, joins {joins}:"
        facts += [(f"{through} {name}", fact) for name, fact in _show_link(level.link).facts]
    title = f"{cluster.title}; {cluster.devices_per_node} x {cluster.device.title} per node"
    return Facts(title=title, facts=tuple(facts))


def _show_model(name: str) -> "Listing":
    from nearlinear.cli.listing import Column, Listing
    from nearlinear.models.dnn import network

    net = network(name)
    labels = {
        "layer": "layer", "kind": "kind", "parameters": "parameters", "forward_macs": "forward MAC",
        "forward_flop": "forward flop", "input_bytes": "input bytes", "output_bytes": "output bytes",
    }  # fmt: skip
    rows: list[list[Any]] = [
        [x.name, x.kind, x.parameters, x.macs, x.forward_flop, x.inputs * 4, x.outputs * 4]
        for x in net.layers
    ]
    total = ["total", "", net.parameters, net.macs, net.forward_flop, net.weighted_inputs * 4, net.kept * 4]
    return Listing(
        title=f"{net.title} ({net.source}), per sample, 32-bit activations",
        columns=tuple(Column(key, label) for key, label in labels.items()),
        rows=[*rows, total],
    )


def _show_algorithm(name: str) -> "Listing":
    from nearlinear.cli.listing import Column, Listing
    from nearlinear.models.collectives import ALGORITHMS

    algorithm = ALGORITHMS[name]
    text = sys.modules[algorithm.time_s.__module__].__doc__ or ""
    return Listing(
        title=f"{algorithm.title}\n\n{text.strip()}",
        columns=(Column("name", "name"), Column("source", "source")),
        rows=[[name, algorithm.source]],
    )
