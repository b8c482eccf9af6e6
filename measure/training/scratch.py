"""Memory that layers keep from step to step."""

from math import prod
from typing import Any

Shape = tuple[int, ...]


class Scratch:
    """Arrays that are kept from call to call, because fresh memory costs more than what is done in it.

    Parameters
    ----------
    arrays : module
        NumPy, or CuPy with the same functions.
    dtype : str
        Of all arrays made here.
    """

    def __init__(self, arrays: Any, dtype: str) -> None:
        self._arrays, self._dtype = arrays, dtype
        self._kept: dict[str, Any] = {}

    def array(self, name: str, shape: Shape) -> Any:
        """Return the first elements of a kept array; zeros at first, then what was left in them."""
        size = prod(shape)
        if name not in self._kept or self._kept[name].size < size:
            self._kept[name] = self._arrays.zeros(size, self._dtype)
        return self._kept[name][:size].reshape(shape)
