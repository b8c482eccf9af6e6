"""GPU code paths, where a GPU is: the same sums on CuPy arrays, device names, and MPI's own word."""

from importlib.util import find_spec

import numpy as np
import pytest

from nearlinear.measure.buffers import Buffers, choose_buffers, cuda_aware_mpi
from nearlinear.models.errors import AbsentError
from tests.threads import wrong_sums


def _has_gpu() -> bool:
    if find_spec("cupy") is None:
        return False
    import cupy

    return bool(cupy.cuda.is_available())


pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not _has_gpu(), reason="needs CuPy and a CUDA device"),
]


@pytest.fixture
def cuda() -> Buffers:
    import cupy

    return Buffers("cuda", cupy)


@pytest.mark.parametrize("ranks", [2, 3, 5])
@pytest.mark.parametrize("elements", [0, 1, 1001])
def test_sums_are_exact_on_the_device(cuda: Buffers, ranks: int, elements: int) -> None:
    assert wrong_sums(ranks, elements, cuda, "float32") == []


def test_the_device_has_a_name(cuda: Buffers) -> None:
    assert cuda.device()
    assert Buffers("host", np).device() == ""


@pytest.mark.skipif(find_spec("mpi4py") is None, reason="needs mpi4py")
def test_auto_follows_the_mpi_library() -> None:
    chosen = choose_buffers("auto", 0)
    assert chosen.name == ("cuda" if cuda_aware_mpi() else "host")
    if not cuda_aware_mpi():
        with pytest.raises(AbsentError, match="needs a CUDA-aware MPI"):
            choose_buffers("cuda", 0)
