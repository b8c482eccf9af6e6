"""Kernels: plain functions over arrays that numba compiles where the extra ``[fast]`` is installed.

Nothing is compiled, and numba is not even loaded, before work that is worth it; compiled code is cached
on disk. Without numba the same source runs, with equal results. The cache notices a change of the file of
a kernel, not of its helpers: after one, remove ``__pycache__``.
"""

import sys
from collections.abc import Callable
from functools import cache
from importlib.util import find_spec
from typing import Any

Kernel = Callable[..., Any]


@cache
def available() -> bool:
    """Return whether numba is installed."""
    return find_spec("numba") is not None


def loaded() -> bool:
    """Return whether numba is loaded already, so that a small kernel costs nothing to use."""
    return "numba" in sys.modules and available()


@cache
def compiled(kernel: Kernel, *helpers: Kernel) -> Kernel:
    """Return the kernel compiled, with the helpers that it calls; itself where numba is missing."""
    if not available():
        return kernel
    from numba import njit
    from numba.extending import register_jitable

    for helper in helpers:
        register_jitable(helper)
    fast: Kernel = njit(cache=True)(kernel)
    return fast
