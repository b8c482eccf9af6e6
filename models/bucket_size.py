"""At which size a gradient bucket closes, as an option: a size, or a word for what travels alone."""

from typing import Any

from nearlinear.models.errors import SpecError
from nearlinear.models.units import format_size, parse_size

EACH = {"layer": 0.0, "tensor": -1.0}  # buckets that hold one thing, as the sizes that stand for it


def bucket(raw: Any, where: str) -> float:
    """Return the size at which a bucket closes; 0 for each layer alone, below it for each tensor.

    Raises
    ------
    SpecError
        Neither a size nor one of the two words.
    """
    if isinstance(raw, str) and raw in EACH:
        return EACH[raw]
    try:
        return parse_size(raw, where)
    except SpecError as error:
        remedy = "write 25MiB, layer or tensor"
        raise SpecError(error.where, error.rule, field=error.field, got=raw, remedy=remedy) from None


def bucket_text(size_bytes: float) -> str | float:
    """Return what :func:`bucket` reads as this size."""
    for word, size in EACH.items():
        if size == size_bytes:
            return word
    exact = format_size(size_bytes).replace(" ", "").replace(",", "")
    return exact if parse_size(exact) == size_bytes else size_bytes
