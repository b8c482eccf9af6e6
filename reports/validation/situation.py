"""Situations that users are in: what they know before they ask, and what is then judged.

*One device known*: the throughput at the smallest scale of the curve. *One node known*: that, and the
throughput of one full node; what is judged lies beyond the node. *No anchor*: nothing; judged is the
smallest scale, where compute is all.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np

from nearlinear.models.errors import SpecError, nearest
from nearlinear.models.scenario import Scenario
from nearlinear.models.throughput import Anchor
from nearlinear.reports.validation.curve import Curve

BoolArray = np.ndarray
S = TypeVar("S")


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """What is known of a curve.

    Attributes
    ----------
    name, title : str
        Key, and words.
    known : callable
        ``known(curve)`` returns the device counts whose throughput is known, or None where the situation
        cannot be had.
    judged : callable
        ``judged(curve, known)`` returns which scales are predicted, shape (scales,).
    """

    name: str
    title: str
    known: Callable[[Curve], tuple[int, ...] | None]
    judged: Callable[[Curve, tuple[int, ...]], BoolArray]

    def scenario(self, curve: Curve) -> Scenario:
        """Return the curve's scenario with what is known."""
        known = self.known(curve) or ()
        anchors = tuple(Anchor(devices, curve.rate(devices)) for devices in known)
        scenario = curve.scenario
        return replace(scenario, knowledge=replace(scenario.knowledge, anchor=anchors))

    def asked(self, curve: Curve) -> BoolArray:
        """Return which scales are predicted; none where the situation cannot be had."""
        known = self.known(curve)
        return np.zeros(len(curve.devices), dtype=bool) if known is None else self.judged(curve, known)

    def scored(self, curve: Curve) -> BoolArray:
        """Return which of them are verified, too."""
        return np.asarray(self.asked(curve) & ~np.isin(curve.devices, list(curve.remembered)))


def _smallest(curve: Curve) -> tuple[int, ...] | None:
    return (int(curve.devices[0]),) if len(curve.devices) > 1 else None


def _node(curve: Curve) -> tuple[int, ...] | None:
    smallest, per_node = int(curve.devices[0]), curve.per_node
    has = smallest < per_node < curve.devices[-1] and per_node in curve.devices
    return (smallest, per_node) if has else None


def _nothing(curve: Curve) -> tuple[int, ...] | None:
    return None if curve.anchored_only else ()


def _beyond(curve: Curve, known: tuple[int, ...]) -> BoolArray:
    return np.asarray(curve.devices > max(known))


def _first(curve: Curve, known: tuple[int, ...]) -> BoolArray:
    return np.asarray(curve.devices == curve.devices[0])


ONE_DEVICE = Situation(name="one-device", title="one device known", known=_smallest, judged=_beyond)
ONE_NODE = Situation(name="one-node", title="one node known", known=_node, judged=_beyond)
NO_ANCHOR = Situation(name="no-anchor", title="no anchor", known=_nothing, judged=_first)
SITUATIONS = {one.name: one for one in (ONE_DEVICE, ONE_NODE, NO_ANCHOR)}


def find_situation(name: str, known: Mapping[str, S], where: str = "--situation") -> S:
    """Return one of the known situations by name.

    Raises
    ------
    SpecError
        No such situation.
    """
    if name not in known:
        remedy = nearest(name, list(known)) or f"known are {', '.join(known)}"
        raise SpecError(where, "must be a situation", got=name, remedy=remedy)
    return known[name]
