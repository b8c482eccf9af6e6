"""Kernels: their results, their work by hand, and that a wrong result is seen."""

from importlib.util import find_spec

import numpy as np
import pytest

from nearlinear.measure.compute.kernels import COPIES, KERNELS, kernel_rows
from nearlinear.measure.compute.libraries import NumpyLike
from nearlinear.measure.elements import element_type
from nearlinear.measure.operations.operation import Operation, Prepared, Workspace
from nearlinear.measure.pattern import Pattern
from nearlinear.measure.transports.alone import LoneTransport
from nearlinear.measure.transports.buffers import HOST

ON_HOST = [name for name in KERNELS if name not in COPIES]
LIBRARIES = {"numpy"} | ({"torch"} if find_spec("torch") else set())


def _rows(name: str) -> list[Operation]:
    return kernel_rows(name, 1, "none", [])


def _prepared(row: Operation, size: int, dtype: str = "float32") -> Prepared:
    space = Workspace(HOST, element_type(dtype), Pattern(7))
    return row.prepare(space, LoneTransport(HOST), size)


@pytest.mark.parametrize("name", ON_HOST)
@pytest.mark.parametrize("dtype", ["float32", "float64", "float16", "bfloat16"])
@pytest.mark.parametrize("size", [4, 100, 70_000])
def test_results_are_exact(name: str, dtype: str, size: int) -> None:
    rows = _rows(name)
    assert {row.algorithm for row in rows} == LIBRARIES
    for row in rows:
        prepared = _prepared(row, size, dtype)
        prepared.reset()
        prepared.run()
        assert prepared.wrong() == 0


@pytest.mark.parametrize("name", [name for name in ON_HOST if name != "conv3x3"])
def test_a_kernel_that_did_not_run_is_seen(name: str) -> None:
    prepared = _prepared(_rows(name)[0], 4096)
    prepared.reset()
    assert prepared.wrong() > 0


def test_a_wrong_convolution_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    convolve = NumpyLike.convolve
    monkeypatch.setattr(
        NumpyLike, "convolve", lambda self, images, filters: convolve(self, images, filters) + 1
    )
    prepared = _prepared(_rows("conv3x3")[0], 4096)
    prepared.run()
    assert prepared.wrong() == 64


@pytest.mark.parametrize(
    ("name", "size", "flop", "moved", "actual"),
    [
        ("gemm", 3 * 100 * 4, 2 * 10**3, 3 * 10**2 * 4, 3 * 10**2 * 4),  # 10 x 10
        ("conv3x3", 2 * 25 * 64 * 4, 2 * 25 * 64**2 * 9, (2 * 25 * 64 + 9 * 64**2) * 4, None),  # 5 x 5
        ("copy", 4000, 0, 8000, 4000),
        ("add", 4000, 1000, 12000, 4000),
        ("narrow", 4000, 0, 6000, 4000),
        ("widen", 4000, 0, 6000, 4000),
    ],
)
def test_work_by_hand(name: str, size: int, flop: float, moved: float, actual: int | None) -> None:
    prepared = _prepared(_rows(name)[0], size)
    assert (prepared.flop, prepared.moved_bytes) == (flop, moved)
    assert prepared.size_bytes == (actual or moved)


def test_a_type_that_a_library_lacks_falls_back_and_says_so() -> None:
    assert _prepared(_rows("gemm")[0], 1200, "bfloat16").dtype == "float32"
    assert _prepared(_rows("gemm")[0], 1200, "float64").dtype == "float64"
    assert _prepared(_rows("widen")[0], 1200).dtype == "float16"


def test_copies_need_a_device() -> None:
    notes: list[str] = []
    assert kernel_rows("h2d", 1, "mpi-host", notes) == []
    assert notes == ["h2d is left out: needs a CUDA device (--transport staged or cuda)"]


def test_sums_of_a_convolution_by_hand() -> None:
    """Ones everywhere: each of 9 places in each of 2 channels adds 1."""
    library = NumpyLike("numpy", np)
    found = library.convolve(np.ones((1, 4, 5, 2), np.float32), np.ones((3, 3, 2, 3), np.float32))
    assert found.shape == (1, 2, 3, 3)
    assert (found == 18).all()
