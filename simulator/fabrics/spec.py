"""The text of a fabric, as written on a command line: ``kind`` or ``kind:key=value,key=value``."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from nearlinear.models.errors import SpecError, nearest
from nearlinear.models.naming import same_name
from nearlinear.simulator.fabrics.dragonfly import dragonfly
from nearlinear.simulator.fabrics.fat_tree import fat_tree
from nearlinear.simulator.fabrics.limits import WHERE
from nearlinear.simulator.fabrics.network import Network
from nearlinear.simulator.fabrics.rail import RAILS, rail
from nearlinear.simulator.fabrics.routing import Routing
from nearlinear.simulator.fabrics.switch import switch
from nearlinear.simulator.fabrics.torus import torus

Reader = Callable[[str, str], Any]


def read_fabric(text: str, hosts: int) -> Network:
    """Return the network that a text describes.

    Parameters
    ----------
    text : str
        Such as ``switch``, ``fat-tree:levels=3,oversubscription=2``, ``rail:rails=4``,
        ``dragonfly:routers=8,hosts=4,global=2,routing=adaptive`` or ``torus:dims=8x8x4``. Every kind but
        ``switch`` takes ``routing`` (shortest, ecmp or adaptive) and ``seed`` (with ecmp).
    hosts : int
        Hosts to join; defaults suit any number.

    Raises
    ------
    SpecError
        Unknown kinds and keys (with the nearest names), malformed values, or hosts that do not fit.

    Examples
    --------
    >>> read_fabric("fat-tree:down=4,oversubscription=2", hosts=16).title
    '2-level fat tree, 16 hosts, 2:1 oversubscribed, shortest'
    """
    name, colon, tail = text.strip().partition(":")
    kind = KINDS[_known(name.strip(), KINDS, "a known kind of fabric")]
    values: dict[str, Any] = {}
    for part in tail.split(",") if colon else []:
        key, equals, value = (piece.strip() for piece in part.partition("="))
        if not (key and equals and value):
            raise SpecError(WHERE, "must be key=value", got=part.strip(), remedy=kind.hint)
        key = _known(key, kind.keys, f"a key of {name.strip()}", kind.hint)
        if key in values:
            raise SpecError(WHERE, "must be given once", field=key, got=value)
        values[key] = kind.keys[key].read(value, key)
    return kind.build(hosts, **_arguments(kind, values))


def _known(name: str, known: Mapping[str, Any], rule: str, hint: str = "") -> str:
    found = same_name(name, known)
    if found is None:
        remedy = nearest(name, list(known)) or hint or f"known are {', '.join(known)}"
        raise SpecError(WHERE, f"must be {rule}", got=name, remedy=remedy)
    return found


def _arguments(kind: "_Kind", values: dict[str, Any]) -> dict[str, Any]:
    """Return the arguments of a builder."""
    if not kind.keys:
        return {}
    routing = Routing(kind=values.pop("routing", "shortest"), seed=values.pop("seed", None))
    return {kind.keys[key].argument: value for key, value in values.items()} | {"routing": routing}


def _whole(text: str, key: str) -> int:
    if not re.fullmatch(r"[+-]?[0-9]{1,18}", text):
        raise SpecError(WHERE, "must be a whole number", field=key, got=text)
    return int(text)


def _number(text: str, key: str) -> float:
    if not re.fullmatch(r"[+-]?([0-9]{1,18}(\.[0-9]{0,18})?|\.[0-9]{1,18})", text):
        raise SpecError(WHERE, "must be a number", field=key, got=text)
    return float(text)


def _sides(text: str, key: str) -> tuple[int, ...]:
    if not re.fullmatch(r"[0-9]{1,18}(x[0-9]{1,18})*", text):
        raise SpecError(WHERE, "must be sides such as 8x8x4", field=key, got=text)
    return tuple(int(side) for side in text.split("x"))


def _word(text: str, key: str) -> str:
    return text


@dataclass(frozen=True, slots=True, kw_only=True)
class _Key:
    """A key: the argument that it sets, and how its value is read."""

    argument: str
    read: Reader


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kind:
    """A kind of fabric: how it is built, and from which keys."""

    build: Callable[..., Network]
    keys: Mapping[str, _Key]

    @property
    def hint(self) -> str:
        """What to write instead."""
        if not self.keys:
            return "one path joins any two hosts of a switch, so no option changes anything"
        return f"known are {', '.join(self.keys)}"


def _keys(**readers: tuple[str, Reader] | Reader) -> dict[str, _Key]:
    """Return keys by name, with ``routing`` and ``seed``; each sets the argument so called, or another."""
    readers |= {"routing": _word, "seed": _whole}
    pairs = {key: given if isinstance(given, tuple) else (key, given) for key, given in readers.items()}
    return {key.replace("_", "-"): _Key(argument=name, read=read) for key, (name, read) in pairs.items()}


KINDS = {
    "switch": _Kind(build=switch, keys={}),
    "fat-tree": _Kind(
        build=fat_tree,
        keys=_keys(
            levels=_whole, down=_whole, pod=_whole, oversubscription=_number, core_oversubscription=_number
        ),
    ),
    "rail": _Kind(build=rail, keys=_keys(rails=_whole, down=_whole, oversubscription=_number)),
    "dragonfly": _Kind(
        build=dragonfly,
        keys=_keys(
            routers=_whole,
            hosts=("hosts_per_router", _whole),
            **{"global": ("global_links", _whole)},
            minimal=_number,
        ),
    ),
    "torus": _Kind(build=torus, keys=_keys(dims=_sides)),
}


def adapters_per_node(text: str) -> int:
    """Return how many hosts of the fabric make a node: the rails of a rail fabric, else one."""
    name, _, tail = text.strip().partition(":")
    if same_name(name.strip(), KINDS) != "rail":
        return 1
    given = dict(part.split("=", 1) for part in tail.replace(" ", "").split(",") if "=" in part)
    return _whole(given.get("rails", str(RAILS)), "rails")
