"""Element types of vectors and messages: how they are stored, added, and converted for the wire.

``bfloat16`` has no type in NumPy or CuPy; it is kept as the upper 16 bits of a 32-bit float, rounded to
nearest even, and added in 32 bits.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from nearlinear.models.errors import SpecError, nearest

BFLOAT16 = "bfloat16"


@dataclass(frozen=True, slots=True)
class ElementType:
    """A type of elements.

    Attributes
    ----------
    name : str
        ``float16``, ``bfloat16``, ``float32`` or ``float64``.
    storage : str
        NumPy type of the arrays that hold it.
    exact : int
        Largest integer up to which all integers are represented.
    """

    name: str
    storage: str
    exact: int

    @property
    def item_bytes(self) -> int:
        """Bytes of one element."""
        return int(np.dtype(self.storage).itemsize)

    @property
    def is_native(self) -> bool:
        """Whether arrays can compute with it as it is stored."""
        return self.name != BFLOAT16

    def of_float(self, xp: Any, values: Any) -> Any:
        """Return floating-point numbers as elements."""
        if self.is_native:
            return values.astype(self.storage)
        bits = xp.ascontiguousarray(values, dtype="float32").view("uint32")
        return ((bits + (0x7FFF + ((bits >> 16) & 1)).astype("uint32")) >> 16).astype("uint16")

    def to_float(self, elements: Any) -> Any:
        """Return elements as floating-point numbers."""
        if self.is_native:
            return elements
        return (elements.astype("uint32") << 16).view("float32")

    def add(self, xp: Any, target: Any, landed: Any, wire: "ElementType") -> None:
        """Add what arrived as ``wire`` to ``target``, in the type of the target."""
        if self.is_native:
            target += wire.to_float(landed)
        else:
            target[:] = self.of_float(xp, self.to_float(target) + wire.to_float(landed))

    def put(self, xp: Any, target: Any, landed: Any, wire: "ElementType") -> None:
        """Store what arrived as ``wire`` in ``target``."""
        same = self.storage == wire.storage and self.is_native == wire.is_native
        target[:] = landed if same else self.of_float(xp, wire.to_float(landed))

    def adding(self, xp: Any, target: Any, landed: Any, wire: "ElementType") -> Callable[[], Any]:
        """Return ``add`` on these arrays as one quick call."""
        if self.is_native and wire.is_native:
            return partial(xp.add, target, landed, target)
        return partial(self.add, xp, target, landed, wire)

    def putting(self, xp: Any, target: Any, landed: Any, wire: "ElementType") -> Callable[[], Any]:
        """Return ``put`` on these arrays as one quick call."""
        if self.name == wire.name:
            return partial(xp.copyto, target, landed)
        return partial(self.put, xp, target, landed, wire)


ELEMENTS = {
    e.name: e
    for e in (
        ElementType("float16", "float16", 2**11),
        ElementType(BFLOAT16, "uint16", 2**8),
        ElementType("float32", "float32", 2**24),
        ElementType("float64", "float64", 2**53),
    )
}


def element_type(name: str, where: str = "--dtype") -> ElementType:
    """Return the type called ``name``.

    Raises
    ------
    SpecError
        There is none; the message has the nearest names.
    """
    if name not in ELEMENTS:
        remedy = nearest(name, list(ELEMENTS)) or f"known are {', '.join(ELEMENTS)}"
        raise SpecError(where, "must be a known element type", got=name, remedy=remedy)
    return ELEMENTS[name]
