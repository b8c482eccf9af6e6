"""The catalogue: devices, links and clusters by name, each number with its source; and user files."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Protocol, TypeVar

from nearlinear.models.errors import ContentError, SpecError, nearest
from nearlinear.models.hardware.cluster import Cluster, Level
from nearlinear.models.hardware.device import PRECISIONS, Device
from nearlinear.models.hardware.fact import Fact, Source, read_fact
from nearlinear.models.hardware.link import Link
from nearlinear.models.naming import same_name
from nearlinear.models.strict import build, line_of, read_toml
from nearlinear.models.units import BITS_PER_BYTE, GB, GIB, MICROSECOND, TERA

DATA = Path(__file__).parent / "data"


class _Entry(Protocol):
    """What every entry of the catalogue has."""

    @property
    def name(self) -> str: ...
    @property
    def aliases(self) -> tuple[str, ...]: ...


Named = TypeVar("Named", bound=_Entry)


@cache
def sources() -> dict[str, Source]:
    """Return all sources by key."""
    path = DATA / "sources.toml"
    return {key: build(Source, raw, f"{path}: {key}") for key, raw in read_toml(path).items()}


@cache
def devices() -> dict[str, Device]:
    """Return all devices by name."""
    path = DATA / "devices.toml"
    return {name: _device(name, raw, str(path)) for name, raw in read_toml(path).items()}


@cache
def links() -> dict[str, Link]:
    """Return all links by name."""
    path = DATA / "links.toml"
    return {name: _link(name, raw, f"{path}: {name}") for name, raw in read_toml(path).items()}


@cache
def clusters() -> dict[str, Cluster]:
    """Return all clusters by name."""
    path = DATA / "clusters.toml"
    return {name: _cluster(name, raw, f"{path}: {name}") for name, raw in read_toml(path).items()}


def find_device(name: str, where: str = "--device") -> Device:
    """Return the device called ``name`` or one of its aliases; ``SpecError`` names the nearest."""
    return _find(devices(), name, where, "device", "devices")


def find_link(name: str, where: str = "--net") -> Link:
    """Return the link called ``name`` or one of its aliases; ``SpecError`` names the nearest."""
    return _find(links(), name, where, "link", "links")


def find_cluster(name: str, where: str = "--cluster") -> Cluster:
    """Return the cluster called ``name``, or the one in the TOML file of that path.

    Raises
    ------
    SpecError
        No such cluster, or no such file.
    ContentError
        The file says something impossible; the message has its line.
    """
    if name.endswith(".toml"):
        return read_cluster(Path(name))
    return _find(clusters(), name, where, "cluster", "clusters")


def read_cluster(path: Path) -> Cluster:
    """Return the cluster of a user's TOML file, laid out as in ``docs/files.md``.

    Raises
    ------
    SpecError
        The file is not there.
    ContentError
        The file says something impossible.
    """
    raw = read_toml(path)
    try:
        return _cluster(path.stem, raw, str(path))
    except SpecError as error:
        inside = error.where.removeprefix(str(path)).lstrip(": ").replace(": ", ".")
        unknown = str(error.got) if error.rule == "unknown key" else ""
        key = ".".join(part for part in (inside, error.field) if part)
        place = line_of(path, ".".join(part for part in (key, unknown) if part))
        raise ContentError(place, error.rule, field=key, got=error.got, remedy=error.remedy) from None


def _find(table: Mapping[str, Named], name: str, where: str, kind: str, kinds: str) -> Named:
    """Return the entry of that name or alias."""
    known = {other: one for one in table.values() for other in (one.name, *one.aliases)}
    if found := same_name(name, known):
        return known[found]
    remedy = nearest(name, list(known)) or f"see nearlinear list {kinds}"
    raise SpecError(where, f"must be a known {kind}", got=name, remedy=remedy)


def _fact(raw: Any, where: str, factor: float) -> Fact:
    return read_fact(raw, where, sources(), factor)


def _device(name: str, raw: dict[str, Any], path: str) -> Device:
    where = f"{path}: {name}"

    def rates(key: str) -> dict[str, Fact]:
        table = raw.get(key, {})
        unknown = sorted(set(table) - set(PRECISIONS))
        if unknown:
            raise SpecError(where, "unknown precision", field=key, got=unknown[0])
        return {p: _fact(table[p], f"{where}: {key}.{p}", TERA) for p in PRECISIONS if p in table}

    values = {
        "name": name,
        "title": raw.get("title", name),
        "memory_bytes": _fact(raw.get("memory_gib"), f"{where}: memory_gib", GIB),
        "memory_bandwidth_bytes_per_s": _fact(
            raw.get("memory_bandwidth_gb_per_s"), f"{where}: memory_bandwidth_gb_per_s", GB
        ),
        "peak_flop_per_s": rates("peak_tflop_per_s"),
        "matmul_flop_per_s": rates("matmul_tflop_per_s"),
        "node_link": raw.get("node_link", ""),
        "aliases": tuple(raw.get("aliases", ())),
        "generation": raw.get("generation", ""),
    }
    return build(Device, values, where)


def _link(name: str, raw: dict[str, Any], where: str) -> Link:
    known = {"title", "family", "aliases", "note", "latency_us"}
    known |= {"bandwidth_gb_per_s", "bandwidth_gbit_per_s"}
    for key in raw:
        if key not in known:
            raise SpecError(where, "unknown key", got=key, remedy=nearest(key, sorted(known)))
    in_bits = "bandwidth_gbit_per_s" in raw
    key = "bandwidth_gbit_per_s" if in_bits else "bandwidth_gb_per_s"
    values = {
        "name": name,
        "title": raw.get("title", name),
        "family": raw.get("family", "proprietary"),
        "bandwidth_bytes_per_s": _fact(
            raw.get(key), f"{where}: {key}", GB / (BITS_PER_BYTE if in_bits else 1)
        ),
        "latency_s": _fact(raw.get("latency_us"), f"{where}: latency_us", MICROSECOND),
        "note": raw.get("note", ""),
        "aliases": tuple(raw.get("aliases", ())),
    }
    return build(Link, values, where)


def _cluster(name: str, raw: dict[str, Any], where: str) -> Cluster:
    known = {"title", "aliases", "device", "devices_per_node", "levels"}
    for key in raw:
        if key not in known:
            raise SpecError(where, "unknown key", got=key, remedy=nearest(key, sorted(known)))
    per_node = _whole(raw.get("devices_per_node", 1), f"{where}: devices_per_node")
    levels = raw.get("levels", [])
    if not isinstance(levels, list):
        raise SpecError(where, "must be an array of tables, [[levels]]", field="levels", got=levels)
    device = find_device(str(raw.get("device", "")), f"{where}: device")
    if not levels:
        raise SpecError(where, "needs at least one table [[levels]]", remedy="see docs/files.md")
    values = {
        "name": name,
        "title": raw.get("title", name),
        "device": device,
        "devices_per_node": per_node,
        "levels": tuple(
            _level(level, per_node, f"{where}: levels.{index}") for index, level in enumerate(levels)
        ),
        "aliases": tuple(_list(raw, "aliases", where)),
    }
    return build(Cluster, values, where)


def _list(raw: dict[str, Any], key: str, where: str) -> list[Any]:
    found = raw.get(key, [])
    if not isinstance(found, list):
        raise SpecError(where, "must be a list", field=key, got=found)
    return found


def _level(raw: Any, per_node: int, where: str) -> Level:
    if not isinstance(raw, dict):
        raise SpecError(where, "must be a table, [[levels]]", got=raw)
    kind = raw.get("name", "")
    own = {key: raw[key] for key in raw if key not in ("name", "span", "link", "uplinks")}
    if bool(own) == ("link" in raw):
        raise SpecError(
            where,
            "needs either a link by name or its own bandwidth_gbit_per_s and latency_us",
            got=sorted(raw),
        )
    link = _link(kind, own, where) if own else find_link(str(raw["link"]), f"{where}: link")
    span = {"node": per_node, "network": 0}.get(kind, 0)
    values = {
        "name": kind,
        "span": _whole(raw["span"], f"{where}: span") if "span" in raw else span,
        "link": link,
        "uplinks": _whole(raw.get("uplinks", 1), f"{where}: uplinks"),
    }
    return build(Level, values, where)


def _whole(raw: Any, where: str) -> int:
    value = _fact(raw, where, 1.0).value
    if value != int(value):
        raise SpecError(where, "must be a whole number", got=value)
    return int(value)
