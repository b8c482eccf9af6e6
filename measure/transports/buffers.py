"""Arrays that messages are made of: NumPy on the host, CuPy on the device."""

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True, slots=True)
class Buffers:
    """Where arrays live and when they are ready.

    Attributes
    ----------
    name : str
        ``host`` or ``cuda``.
    arrays : module
        NumPy, or CuPy with the same functions.
    number : int
        Of the device on its node.
    """

    name: str
    arrays: Any
    number: int = 0

    def use(self) -> None:
        """Make the device the one of this thread: every thread begins with the first."""
        if self.name == "cuda":
            self.arrays.cuda.Device(self.number).use()

    def own_stream(self) -> AbstractContextManager[Any]:
        """Return a stream of this thread's own, to work beside that of others; nothing on the host."""
        if self.name != "cuda":
            return nullcontext()
        self.use()
        stream: AbstractContextManager[Any] = self.arrays.cuda.Stream(non_blocking=True)
        return stream

    def mark(self) -> Any:
        """Return a point in this thread's stream that others can wait for; None on the host."""
        return self.arrays.cuda.get_current_stream().record() if self.name == "cuda" else None

    def after(self, mark: Any) -> None:
        """Let what follows on this thread's stream wait for a point in another one."""
        if mark is not None:
            self.arrays.cuda.get_current_stream().wait_event(mark)

    def ready(self) -> None:
        """Wait until everything asked of the device is done.

        MPI touches GPU memory outside of CuPy's stream, so this is called before every message.
        """
        if self.name == "cuda":
            self.arrays.cuda.get_current_stream().synchronize()

    def hold(self, array: Any) -> Any:
        """Return an array of the host where the buffers live; itself on the host."""
        return self.arrays.asarray(array)

    def device(self) -> str:
        """Return the name of the device, empty on the host."""
        if self.name != "cuda":
            return ""
        return str(self._properties()["name"].decode())

    def device_id(self) -> str:
        """Return what tells this device from all others, empty on the host."""
        if self.name != "cuda":
            return ""
        return bytes(self._properties()["uuid"]).hex()

    def _properties(self) -> Any:
        runtime = self.arrays.cuda.runtime
        return runtime.getDeviceProperties(runtime.getDevice())


HOST = Buffers("host", np)


def on_host(array: Any) -> Any:
    """Return an array of either kind on the host; itself where it is there."""
    return array.get() if hasattr(array, "get") else array


def missing_device() -> str | None:
    """Return what GPU buffers lack on this host, or None."""
    from importlib.util import find_spec

    if find_spec("cupy") is None:
        return "needs CuPy (pip install 'nearlinear[gpu]')"
    import cupy

    return None if cupy.cuda.is_available() else "needs a CUDA device and its driver"


def device_buffers(local_rank: int) -> Buffers:
    """Return buffers on the device of a rank, by its number on the node; ``missing_device`` comes first."""
    import cupy

    buffers = Buffers("cuda", cupy, local_rank % cupy.cuda.runtime.getDeviceCount())
    buffers.use()
    return buffers
