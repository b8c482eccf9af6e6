"""Kernels over sizes: what a roofline is drawn from, and what it costs to add and to convert messages.

=========  ==========================================  =====================  ======================
kernel     does                                        operations             bytes moved, at least
=========  ==========================================  =====================  ======================
gemm       C = A B of n x n                            2 n^3                  3 n^2 items
conv3x3    64 channels to 64, picture of h x h         2 h^2 64^2 9           all operands once
copy       b = a                                       0                      2 x size
add        a = a + b: what a reduction costs           items                  3 x size
narrow     16-bit floats of 32-bit ones                0                      1.5 x size
widen      32-bit floats of 16-bit ones                0                      1.5 x size
h2d, d2h   page-locked host memory to device, back     0                      size
=========  ==========================================  =====================  ======================

Sizes are those of all matrices together for gemm and conv3x3, of one vector (of 32-bit floats for narrow
and widen) otherwise.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from nearlinear.measure.compute.libraries import ArrayLibrary, libraries_here
from nearlinear.measure.elements import ELEMENTS
from nearlinear.measure.operations.operation import Operation, Prepared, Workspace
from nearlinear.measure.transports.transport import Transport

CHANNELS, TAPS = 64, 9
TOLERANCE = {"float16": 4e-3, "bfloat16": 3e-2}  # of sums rounded once to so few digits; others are exact
COPIES = ("h2d", "d2h")

Make = Callable[[ArrayLibrary, Workspace, int], Prepared]


def kernel_rows(name: str, ranks: int, transport_name: str, notes: list[str]) -> list[Operation]:
    """Return a row for each array library that is here; all ranks run it at once."""
    device = transport_name in ("mpi-cuda", "mpi-staged", "nccl", "device")
    if name in COPIES and not device:
        notes.append(f"{name} is left out: needs a CUDA device (--transport staged or cuda)")
        return []
    made = libraries_here(device)
    if name in COPIES:
        made = {"cupy": made["cupy"]}
    return [
        Operation(operation=name, algorithm=library, placement="out", workers=ranks,
                  participants=range(ranks), prepare=partial(_prepare, name, make))
        for library, make in made.items()
    ]  # fmt: skip


def _prepare(
    name: str, make: Callable[[], ArrayLibrary], space: Workspace, transport: Transport, size_bytes: int
) -> Prepared:
    return _MAKERS[name](make(), space, size_bytes)


def _gemm(library: ArrayLibrary, space: Workspace, size_bytes: int) -> Prepared:
    dtype = _dtype(library, space)
    item = ELEMENTS[dtype].item_bytes
    n = max(int(np.sqrt(size_bytes / (3 * item))), 1)
    few = dtype in TOLERANCE  # sums of n products must stay within 16 bits
    a, b, c = (library.integers(space, role, (n, n), dtype, few) for role in ("a", "b", "c"))

    def wrong() -> int:
        """Compare C x with A (B x): as good as comparing C, and an order cheaper (Freivalds 1977)."""
        left, right, product = library.numpy(a), library.numpy(b), library.numpy(c)
        x = np.arange(n, dtype=float) % 5 + 1
        return _differ(product @ x, left @ (right @ x), dtype)

    return Prepared(
        reset=lambda: _clear(c), run=lambda: library.multiply(a, b, c), finish=library.ready, wrong=wrong,
        size_bytes=3 * n * n * item, dtype=dtype, flop=2.0 * n**3,
        moved_bytes=3.0 * n * n * item,
    )  # fmt: skip


def _conv3x3(library: ArrayLibrary, space: Workspace, size_bytes: int) -> Prepared:
    dtype = _dtype(library, space)
    item = ELEMENTS[dtype].item_bytes
    side = max(int(np.sqrt(size_bytes / (2 * CHANNELS * item))), 1)
    images = library.integers(space, "a", (1, side + 2, side + 2, CHANNELS), dtype)
    filters = library.integers(space, "b", (3, 3, CHANNELS, CHANNELS), dtype)
    held: list[Any] = [None]

    def run() -> None:
        held[0] = library.convolve(images, filters)

    def wrong() -> int:
        """Compare the pixel in the middle with its sum written out."""
        middle = side // 2
        window = library.numpy(images[0, middle : middle + 3, middle : middle + 3])
        right = np.einsum("ijc,ijck->k", window, library.numpy(filters))
        return _differ(library.numpy(held[0][0, middle, middle]), right, dtype)

    size = (2 * side * side * CHANNELS + TAPS * CHANNELS**2) * item
    return Prepared(
        reset=lambda: held.__setitem__(0, None), run=run, finish=library.ready, wrong=wrong, size_bytes=size,
        dtype=dtype, flop=2.0 * side**2 * CHANNELS**2 * TAPS, moved_bytes=float(size),
    )  # fmt: skip


def _copy(library: ArrayLibrary, space: Workspace, size_bytes: int) -> Prepared:
    dtype = _dtype(library, space)
    return _converting(library, space, size_bytes, dtype, dtype)


def _narrow(library: ArrayLibrary, space: Workspace, size_bytes: int) -> Prepared:
    return _converting(library, space, size_bytes, "float32", "float16")


def _widen(library: ArrayLibrary, space: Workspace, size_bytes: int) -> Prepared:
    return _converting(library, space, size_bytes, "float16", "float32")


def _converting(
    library: ArrayLibrary, space: Workspace, size_bytes: int, source_dtype: str, dtype: str
) -> Prepared:
    items = [ELEMENTS[name].item_bytes for name in (source_dtype, dtype)]
    elements = max(size_bytes // max(items), 1)
    source = library.integers(space, "a", (elements,), source_dtype)
    out = library.integers(space, "b" if source_dtype == dtype else "c", (elements,), dtype)
    return Prepared(
        reset=lambda: _clear(out), run=lambda: library.copy(source, out), finish=library.ready,
        wrong=lambda: int((library.numpy(out) != library.numpy(source)).sum()),
        size_bytes=elements * max(items), dtype=source_dtype, flop=0.0,
        moved_bytes=float(elements * sum(items)),
    )  # fmt: skip


def _add(library: ArrayLibrary, space: Workspace, size_bytes: int) -> Prepared:
    dtype = _dtype(library, space)
    item = ELEMENTS[dtype].item_bytes
    elements = max(size_bytes // item, 1)
    source, total = (library.integers(space, role, (elements,), dtype) for role in ("a", "c"))
    return Prepared(
        reset=lambda: library.copy(source, total), run=lambda: library.add(source, total),
        finish=library.ready,
        wrong=lambda: int((library.numpy(total) != 2 * library.numpy(source)).sum()),
        size_bytes=elements * item, dtype=dtype, flop=float(elements), moved_bytes=3.0 * elements * item,
    )  # fmt: skip


def _between(to_device: bool, library: ArrayLibrary, space: Workspace, size_bytes: int) -> Prepared:
    """Return a copy between page-locked host memory and the device."""
    elements = max(size_bytes // 4, 1)
    device = library.integers(space, "c", (elements,), "float32")
    pinned = space.xp.cuda.alloc_pinned_memory(elements * 4)
    host = np.frombuffer(pinned, dtype=np.float32, count=elements)
    digits = space.pattern.own(np, 0, elements)

    def reset() -> None:
        host[:] = digits if to_device else 0
        device.fill(0) if to_device else device.set(digits)

    def run() -> None:
        device.set(host) if to_device else device.get(out=host)

    def wrong() -> int:
        return int(((library.numpy(device) if to_device else host) != digits).sum())

    return Prepared(
        reset=reset, run=run, finish=library.ready, wrong=wrong, size_bytes=elements * 4, dtype="float32",
        flop=0.0, moved_bytes=elements * 4.0,
    )  # fmt: skip


_MAKERS: dict[str, Make] = {
    "gemm": _gemm,
    "conv3x3": _conv3x3,
    "copy": _copy,
    "add": _add,
    "narrow": _narrow,
    "widen": _widen,
    "h2d": partial(_between, True),
    "d2h": partial(_between, False),
}
KERNELS = tuple(_MAKERS)


def _dtype(library: ArrayLibrary, space: Workspace) -> str:
    """Return the vector's type where the library computes in it, else 32-bit floats."""
    return space.element.name if space.element.name in library.dtypes else "float32"


def _clear(array: Any) -> None:
    array[:] = 0


def _differ(found: Any, right: Any, dtype: str) -> int:
    tolerance = TOLERANCE.get(dtype, 0.0) * np.abs(right)
    return int((np.abs(found - right) > tolerance).sum())
