"""Array libraries that kernels run on: NumPy or CuPy, and PyTorch where it is installed."""

from collections.abc import Callable
from importlib.util import find_spec
from typing import Any, Protocol

import numpy as np

from nearlinear.measure.operations.operation import Workspace

CONVOLUTION = 3  # rows and columns of the filter


class ArrayLibrary(Protocol):
    """What kernels need of a library; arrays are its own."""

    name: str
    dtypes: tuple[str, ...]

    def integers(
        self, space: Workspace, role: str, shape: tuple[int, ...], dtype: str, few: bool = False
    ) -> Any:
        """Return an array of integers 0 to 6 that is kept for a role; of 0 and few 1 where asked."""

    def multiply(self, a: Any, b: Any, out: Any) -> None:
        """Store the matrix product."""

    def convolve(self, images: Any, filters: Any) -> Any:
        """Return (n, h, w, k) from (n, h + 2, w + 2, c) and (3, 3, c, k)."""

    def copy(self, source: Any, out: Any) -> None:
        """Store a copy, converted to the type of ``out``."""

    def add(self, source: Any, out: Any) -> None:
        """Add to ``out`` in place."""

    def ready(self) -> None:
        """Wait until the device is done."""

    def numpy(self, array: Any) -> Any:
        """Return a NumPy array of 64-bit floats."""


class NumpyLike:
    """NumPy, or CuPy with the same functions."""

    def __init__(self, name: str, xp: Any) -> None:
        self.name, self._xp = name, xp
        narrow = ("float16",) if name == "cupy" else ()  # NumPy multiplies 16-bit floats one by one
        self.dtypes: tuple[str, ...] = ("float32", "float64", *narrow)

    def integers(
        self, space: Workspace, role: str, shape: tuple[int, ...], dtype: str, few: bool = False
    ) -> Any:
        """Return an array of integers that is kept for a role."""
        flat = space.take(
            f"{self.name} {role} {dtype} {few}",
            int(np.prod(shape)),
            lambda n: _digits(space, self._xp, n, few).astype(dtype),
        )
        return flat.reshape(shape)

    def multiply(self, a: Any, b: Any, out: Any) -> None:
        """Store the matrix product."""
        self._xp.matmul(a, b, out=out)

    def convolve(self, images: Any, filters: Any) -> Any:
        """Convolve as a matrix product of patches, as Caffe did."""
        windows = self._xp.lib.stride_tricks.sliding_window_view(
            images, (CONVOLUTION, CONVOLUTION), axis=(1, 2)
        )
        n, h, w = windows.shape[:3]
        patches = windows.transpose(0, 1, 2, 4, 5, 3).reshape(n * h * w, -1)
        return (patches @ filters.reshape(-1, filters.shape[-1])).reshape(n, h, w, -1)

    def copy(self, source: Any, out: Any) -> None:
        """Store a copy."""
        self._xp.copyto(out, source, casting="same_kind")

    def add(self, source: Any, out: Any) -> None:
        """Add in place."""
        self._xp.add(out, source, out=out)

    def ready(self) -> None:
        """Wait for the stream of CuPy."""
        if self.name == "cupy":
            self._xp.cuda.get_current_stream().synchronize()

    def numpy(self, array: Any) -> Any:
        """Return a NumPy array."""
        return (array.get() if self.name == "cupy" else array).astype(np.float64)


class Torch:
    """PyTorch on the device it would train on."""

    name = "torch"
    dtypes: tuple[str, ...] = ("float32", "float64", "float16", "bfloat16")

    def __init__(self, wants_device: bool) -> None:
        import torch

        self._torch = torch
        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False  # float32 is float32
        on_device = wants_device and torch.cuda.is_available()
        self._device = torch.device("cuda", torch.cuda.current_device()) if on_device else torch.device("cpu")

    def integers(
        self, space: Workspace, role: str, shape: tuple[int, ...], dtype: str, few: bool = False
    ) -> Any:
        """Return a tensor of integers that is kept for a role."""

        def fill(count: int) -> Any:
            values = _digits(space, np, count, few)
            return self._torch.from_numpy(values).to(self._device, getattr(self._torch, dtype))

        return space.take(f"torch {role} {dtype} {few}", int(np.prod(shape)), fill).reshape(shape)

    def multiply(self, a: Any, b: Any, out: Any) -> None:
        """Store the matrix product."""
        self._torch.matmul(a, b, out=out)

    def convolve(self, images: Any, filters: Any) -> Any:
        """Convolve with the library's own algorithm, on channels-last views."""
        kernel = filters.permute(3, 2, 0, 1)
        found = self._torch.nn.functional.conv2d(images.permute(0, 3, 1, 2), kernel)
        return found.permute(0, 2, 3, 1)

    def copy(self, source: Any, out: Any) -> None:
        """Store a copy."""
        out.copy_(source)

    def add(self, source: Any, out: Any) -> None:
        """Add in place."""
        out.add_(source)

    def ready(self) -> None:
        """Wait for the device."""
        if self._device.type == "cuda":
            self._torch.cuda.synchronize(self._device)

    def numpy(self, array: Any) -> Any:
        """Return a NumPy array."""
        return array.detach().to("cpu", self._torch.float64).numpy()


def libraries_here(device: bool) -> dict[str, Callable[[], ArrayLibrary]]:
    """Return how to make each library that is installed, on the device or on the host."""
    found: dict[str, Callable[[], ArrayLibrary]] = {"numpy": lambda: NumpyLike("numpy", np)}
    if device:
        found = {"cupy": _cupy}
    if find_spec("torch") is not None:
        found["torch"] = lambda: Torch(device)
    return found


def _digits(space: Workspace, xp: Any, count: int, few: bool) -> Any:
    """Return integers 0 to 6, or 1 for each 6 and 0 for all else, as 32-bit floats."""
    digits = space.pattern.own(xp, 0, count)
    return (digits == 6).astype("float32") if few else digits


def _cupy() -> ArrayLibrary:
    import cupy

    return NumpyLike("cupy", cupy)
