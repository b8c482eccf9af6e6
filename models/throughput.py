"""Measured throughputs, as options and files give them: at scales, and of one device at batch sizes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nearlinear.models.errors import SpecError
from nearlinear.models.option import count

KEYS = ("batch", "samples-per-s")


@dataclass(frozen=True, slots=True)
class Anchor:
    """A measured throughput: so many devices train so many samples per second."""

    devices: int
    samples_per_s: float

    def __str__(self) -> str:
        return f"{self.devices}:{self.samples_per_s:g}"


@dataclass(frozen=True, slots=True)
class Throughput:
    """A measured throughput of one device: samples per second at a batch size."""

    batch: int
    samples_per_s: float

    def __str__(self) -> str:
        return f"{self.batch}:{self.samples_per_s:g}"


def anchors(raw: Any, where: str) -> tuple[Anchor, ...]:
    """Return the anchors of ``1:118.0,8:900`` or of a list of such texts."""
    texts = _texts(raw, where)
    found = tuple(Anchor(*_pair(text, where, "DEVICES:SAMPLES_PER_S, as in 1:118.0")) for text in texts)
    if len({anchor.devices for anchor in found}) != len(found):
        raise SpecError(where, "must give each device count once", got=",".join(texts))
    return tuple(sorted(found, key=lambda anchor: anchor.devices))


def throughputs(raw: Any, where: str) -> tuple[Throughput, ...]:
    """Return the throughputs of ``32:118,64:131``, of a list of such texts, or of a list of tables.

    Raises
    ------
    SpecError
        Not a throughput, or a batch size given twice.
    """
    texts = _texts(raw, where)
    found = tuple(Throughput(*_pair(text, where, "BATCH:SAMPLES_PER_S, as in 32:118.0")) for text in texts)
    if len({one.batch for one in found}) != len(found):
        raise SpecError(where, "must give each batch size once", got=",".join(texts))
    return tuple(sorted(found, key=lambda one: one.batch))


def _texts(raw: Any, where: str) -> list[str]:
    """Return the pairs that were given, as texts."""
    items = raw if isinstance(raw, list | tuple) else [raw]
    texts = [_table(item, where) if isinstance(item, Mapping) else str(item) for item in items]
    return [part for text in texts for part in text.split(",") if part.strip()]


def _table(item: Mapping[str, Any], where: str) -> str:
    """Return a table of TOML as text."""
    if sorted(item) != sorted(KEYS):
        raise SpecError(where, f"must have the keys {' and '.join(KEYS)}", got=", ".join(item))
    return ":".join(str(item[key]) for key in KEYS)


def _pair(raw: str, where: str, form: str) -> tuple[int, float]:
    whole, colon, rate = raw.partition(":")
    try:
        value = float(rate)
    except ValueError:
        value = 0.0
    if not colon or not 0 < value < float("inf"):
        raise SpecError(where, "must be a measured throughput", got=raw, remedy=f"write {form}")
    return count(whole, where), value


def fixing(
    anchors: Sequence[Anchor], alone: bool, per_node: int
) -> tuple[Anchor | None, Anchor | None, Anchor | None]:
    """Return which anchors fix compute, the loss in a node, and the loss beyond; all others check.

    Parameters
    ----------
    anchors : sequence of Anchor
        Devices rising.
    alone : bool
        Whether throughputs of one device fix compute, so that anchors beyond it show losses only.
    per_node : int
        Devices of a full node.
    """
    if not anchors:
        return None, None, None
    losses_only = alone and anchors[0].devices > 1
    others = anchors if losses_only else anchors[1:]
    node = next((anchor for anchor in others if anchor.devices == per_node), None)
    beyond = [anchor for anchor in others if node is None or anchor.devices > per_node]
    return None if losses_only else anchors[0], node, beyond[-1] if beyond else None
