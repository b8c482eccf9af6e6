"""``nearlinear list`` and ``nearlinear show``: the catalogue, with the source of every number."""

import sys
from collections.abc import Callable
from typing import Annotated, Any

import typer

from nearlinear.cli.options import JSON

KINDS = ("models", "devices", "links", "clusters", "algorithms")


def list_entries(
    kind: Annotated[str, typer.Argument(help=f"One of {', '.join(KINDS)}.", metavar="KIND")],
    as_json: JSON = False,
) -> None:
    """List models, devices, links, clusters or algorithms."""
    from nearlinear.cli.output import print_json, print_table
    from nearlinear.models.scenario import one_of

    columns, rows = _LISTS[one_of(*KINDS)(kind, "KIND")]()
    if as_json:
        print_json([dict(zip(columns, row, strict=True)) for row in rows])
        return
    print_table(columns, [[_text(value) for value in row] for row in rows], left=(0, len(columns) - 1))


def show(
    name: Annotated[str, typer.Argument(help="A model, device, link, cluster or algorithm.")],
    as_json: JSON = False,
) -> None:
    """Show one entry of the catalogue: every number with its status, source and date."""
    from nearlinear.cli.output import print_json, print_table

    title, columns, rows = _entry(name)
    if as_json:
        print_json(
            {"name": name, "title": title, "values": [dict(zip(columns, r, strict=True)) for r in rows]}
        )
        return
    print(title + "\n")
    print_table(columns, [[_text(value) for value in row] for row in rows], left=(0, len(columns) - 1))


def _text(value: Any) -> str:
    return (
        f"{value:,.4g}"
        if isinstance(value, float)
        else f"{value:,}"
        if isinstance(value, int)
        else str(value)
    )


Listing = tuple[list[str], list[list[Any]]]


def _models() -> Listing:
    from nearlinear.models.dnn import NETWORKS, network

    rows = []
    for name in NETWORKS:
        net = network(name)
        ratio = net.weighted_inputs / net.parameters
        rows.append([name, net.parameters, net.macs / 1e9, net.kept * 4 / 1e6, ratio, net.title])
    return ["name", "parameters", "forward GMAC", "activations MB", "activations/weights", "title"], rows


def _devices() -> Listing:
    from nearlinear.models.catalogue import devices

    rows = []
    for device in devices().values():
        rates = device.peak_flop_per_s
        rows.append([
            device.name, *(rates[p].value / 1e12 if p in rates else "" for p in ("fp32", "fp16", "bf16")),
            device.memory_bytes.value / 1e9, device.memory_bandwidth_bytes_per_s.value / 1e9, device.title,
        ])  # fmt: skip
    columns = ["name", "fp32 TFLOP/s", "fp16", "bf16", "memory GB", "memory GB/s", "title"]
    return columns, rows


def _links() -> Listing:
    from nearlinear.models.catalogue import links

    rows = [
        [link.name, link.bandwidth_bytes_per_s.value / 1e9, link.bandwidth_bytes_per_s.value * 8 / 1e9,
         link.latency_s.value * 1e6, link.bandwidth_bytes_per_s.status, link.title]
        for link in links().values()
    ]  # fmt: skip
    return ["name", "GB/s", "Gbit/s", "latency us", "bandwidth is", "title"], rows


def _clusters() -> Listing:
    from nearlinear.models.catalogue import clusters

    rows = []
    for cluster in clusters().values():
        levels = ", ".join(f"{level.uplinks} x {level.link.name}" for level in cluster.levels)
        rows.append([cluster.name, cluster.device.name, cluster.devices_per_node, levels, cluster.title])
    return ["name", "device", "per node", "links inside out", "title"], rows


def _algorithms() -> Listing:
    from nearlinear.models.collectives import ALGORITHMS

    rows = [[a.name, a.title, a.source] for a in ALGORITHMS.values()]
    return ["name", "what it does", "source"], rows


_LISTS: dict[str, Callable[[], Listing]] = {
    "models": _models,
    "devices": _devices,
    "links": _links,
    "clusters": _clusters,
    "algorithms": _algorithms,
}


def _entry(name: str) -> tuple[str, list[str], list[list[Any]]]:
    """Return title, columns and rows of the entry called ``name``, of whatever kind."""
    from nearlinear.models import catalogue
    from nearlinear.models.collectives import ALGORITHMS
    from nearlinear.models.dnn import NETWORKS
    from nearlinear.models.errors import SpecError, nearest

    finders: dict[str, tuple[list[str], Callable[[str], Any]]] = {
        "model": (list(NETWORKS), _show_model),
        "device": (_names(catalogue.devices()), lambda n: _show_device(catalogue.find_device(n))),
        "link": (_names(catalogue.links()), lambda n: _show_link(catalogue.find_link(n))),
        "cluster": (_names(catalogue.clusters()), lambda n: _show_cluster(catalogue.find_cluster(n))),
        "algorithm": (list(ALGORITHMS), _show_algorithm),
    }
    for names, find in finders.values():
        if name in names:
            result: tuple[str, list[str], list[list[Any]]] = find(name)
            return result
    known = [known for names, _ in finders.values() for known in names]
    raise SpecError("NAME", "must be in the catalogue", got=name,
                    remedy=nearest(name, known) or "see nearlinear list devices")  # fmt: skip


def _names(table: dict[str, Any]) -> list[str]:
    return [name for entry in table.values() for name in (entry.name, *entry.aliases)]


FACT_COLUMNS = ["number", "value", "unit", "status", "date", "source"]


def _fact(what: str, fact: Any, factor: float, unit: str) -> list[Any]:
    return [what, fact.value / factor, unit, fact.status, fact.source.date, fact.source.citation]


def _show_device(device: Any) -> tuple[str, list[str], list[list[Any]]]:
    rows = [
        _fact("memory", device.memory_bytes, 1e9, "GB"),
        _fact("memory bandwidth", device.memory_bandwidth_bytes_per_s, 1e9, "GB/s"),
        *(_fact(f"peak {p}", f, 1e12, "TFLOP/s") for p, f in device.peak_flop_per_s.items()),
        *(_fact(f"best matmul {p}", f, 1e12, "TFLOP/s") for p, f in device.matmul_flop_per_s.items()),
    ]
    return f"{device.title}; joined by {device.node_link} in a node", FACT_COLUMNS, rows


def _show_link(link: Any) -> tuple[str, list[str], list[list[Any]]]:
    rows = [
        _fact("bandwidth, one direction", link.bandwidth_bytes_per_s, 1e9, "GB/s"),
        _fact("latency", link.latency_s, 1e-6, "us"),
    ]
    return f"{link.title} ({link.family}){'; ' + link.note if link.note else ''}", FACT_COLUMNS, rows


def _show_cluster(cluster: Any) -> tuple[str, list[str], list[list[Any]]]:
    rows = []
    for level in cluster.levels:
        inside = f"{level.span} devices" if level.span else "all nodes"
        for row in _show_link(level.link)[2]:
            rows.append(
                [f"{level.name}: {level.uplinks} x {level.link.name} {row[0]}, joins {inside}", *row[1:]]
            )
    title = f"{cluster.title}; {cluster.devices_per_node} x {cluster.device.title} per node"
    return title, FACT_COLUMNS, rows


def _show_model(name: str) -> tuple[str, list[str], list[list[Any]]]:
    from nearlinear.models.dnn import network

    net = network(name)
    rows: list[list[Any]] = [
        [x.name, x.kind, x.parameters, x.macs, x.forward_flop, x.inputs * 4, x.outputs * 4]
        for x in net.layers
    ]
    rows.append(
        ["total", "", net.parameters, net.macs, net.forward_flop, net.weighted_inputs * 4, net.kept * 4]
    )
    columns = ["layer", "kind", "parameters", "forward MAC", "forward flop", "input bytes", "output bytes"]
    return f"{net.title} ({net.source}), per sample, 32-bit activations", columns, rows


def _show_algorithm(name: str) -> tuple[str, list[str], list[list[Any]]]:
    from nearlinear.models.collectives import ALGORITHMS

    algorithm = ALGORITHMS[name]
    text = sys.modules[algorithm.time_s.__module__].__doc__ or ""
    return f"{algorithm.title}\n\n{text.strip()}", ["name", "source"], [[name, algorithm.source]]
