"""GPU code paths, where a GPU is: exact results on CuPy arrays, kernels, transports, and MPI's own word."""

from importlib.util import find_spec
from typing import Any

import pytest

from nearlinear.measure.compute.kernels import KERNELS, kernel_rows
from nearlinear.measure.elements import element_type
from nearlinear.measure.operations.operation import Workspace
from nearlinear.measure.pattern import Pattern
from nearlinear.measure.transports.alone import LoneTransport
from nearlinear.measure.transports.buffers import HOST, Buffers, missing_device
from nearlinear.measure.transports.transport import as_bytes
from tests.threads import wrong_results

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(missing_device() is not None, reason="needs CuPy and a CUDA device"),
]
MPI4PY = pytest.mark.skipif(find_spec("mpi4py") is None, reason="needs mpi4py")


@pytest.fixture
def cuda() -> Buffers:
    import cupy

    return Buffers("cuda", cupy)


@pytest.mark.parametrize("ranks", [2, 3, 5])
@pytest.mark.parametrize("elements", [0, 1, 1001])
@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32"])
def test_results_are_exact_on_the_device(cuda: Buffers, ranks: int, elements: int, dtype: str) -> None:
    assert wrong_results(ranks, elements, cuda, dtype) == []


def test_narrow_wires_on_the_device(cuda: Buffers) -> None:
    assert wrong_results(4, 1001, cuda, "float32", ("", "float16", "bfloat16")) == []


def test_the_device_has_a_name_and_an_id(cuda: Buffers) -> None:
    assert cuda.device()
    assert len(cuda.device_id()) == 32
    assert HOST.device() == HOST.device_id() == ""


@pytest.mark.parametrize("name", KERNELS)
@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_kernels_on_the_device(cuda: Buffers, name: str, dtype: str) -> None:
    space = Workspace(cuda, element_type(dtype), Pattern(7))
    rows = kernel_rows(name, 1, "device", [])
    assert "cupy" in {row.algorithm for row in rows}
    for row in rows:
        for size in (64, 1 << 20):
            prepared = row.prepare(space, LoneTransport(cuda), size)
            prepared.reset()
            prepared.run()
            assert prepared.wrong() == 0, (name, row.algorithm, size)


@MPI4PY
@pytest.mark.parametrize("kind", ["staged", "nccl", "cuda"])
def test_transports_of_one_rank(cuda: Buffers, kind: str) -> None:
    transport = _transport(kind, cuda)
    send, receive = cuda.arrays.arange(1000, dtype="float32"), cuda.arrays.zeros(1000, dtype="float32")
    for operation in ("allreduce", "reduce-scatter", "allgather", "alltoall", "broadcast", "reduce"):
        if operation == "broadcast":
            receive[:] = send
            transport.collective(operation, None, receive)
        else:
            receive[:] = 0
            transport.collective(operation, send, receive)
        assert (receive == send).all(), operation
    receive[:] = 0
    transport.exchange([(as_bytes(send), 0)], [(as_bytes(receive), 0)])
    assert (receive == send).all()


def _transport(kind: str, cuda: Buffers) -> Any:
    from mpi4py import MPI

    from nearlinear.measure.transports import cuda_probe
    from nearlinear.measure.transports.mpi import MpiTransport
    from nearlinear.measure.transports.nccl import NcclTransport, version
    from nearlinear.measure.transports.staged import StagedTransport

    if kind == "nccl":
        if version() is None:
            pytest.skip("needs NCCL")
        return NcclTransport(MPI.COMM_SELF, cuda)
    if kind == "cuda":
        if not cuda_probe.says_yes() or cuda_probe.works() is not None:
            pytest.skip("needs a CUDA-aware MPI")
        return MpiTransport(MPI.COMM_SELF, cuda)
    return StagedTransport(MPI.COMM_SELF, cuda)


@MPI4PY
def test_nccl_has_one_rank_per_device_and_a_version() -> None:
    from nearlinear.measure.transports.nccl import version

    told = version()
    assert told is None or int(told.split(".")[0]) >= 2
