"""What other tools call collectives and element types, and what their sizes count."""

from nearlinear.models.errors import SpecError, nearest
from nearlinear.models.naming import same_name

COLLECTIVES = {
    "allreduce": "allreduce", "allgather": "allgather", "reducescatter": "reduce-scatter",
    "broadcast": "broadcast", "bcast": "broadcast", "reduce": "reduce", "alltoall": "alltoall",
    "sendrecv": "sendrecv", "gather": "gather", "scatter": "scatter", "alltoallv": "alltoallv",
    "hypercube": "hypercube", "barrier": "barrier", "allgatherv": "allgatherv", "gatherv": "gatherv",
    "scatterv": "scatterv",
}  # fmt: skip
GATHER_LIKE = ("allgather", "reduce-scatter", "alltoall", "gather", "scatter", "alltoallv")
CUT = (*GATHER_LIKE, "hypercube", "allgatherv", "gatherv", "scatterv")  # a vector has a part for each rank
ADDING = ("allreduce", "reduce", "reduce-scatter")
TYPES = {
    "float": "float32", "half": "float16", "double": "float64", "char": "int8", "int": "int32",
    "byte": "uint8", "float8": "float8_e4m3", "f8e4m3": "float8_e4m3", "fp8_e4m3": "float8_e4m3",
    "f8e5m2": "float8_e5m2", "fp8_e5m2": "float8_e5m2", "bf16": "bfloat16", "fp16": "float16",
    "fp32": "float32", "fp64": "float64", "unsignedchar": "uint8", "long": "int64",
}  # fmt: skip
ITEM_BYTES = {
    "float32": 4, "float16": 2, "float64": 8, "bfloat16": 2, "float8_e4m3": 1, "float8_e5m2": 1, "int8": 1,
    "uint8": 1, "int32": 4, "uint32": 4, "int64": 8, "uint64": 8,
}  # fmt: skip


def collective_named(name: str) -> str | None:
    """Return the collective that a tool, a program or a heading names, if it is one.

    Examples
    --------
    >>> collective_named("all_reduce_perf_mpi"), collective_named("Reduce_scatter"), collective_named("gemm")
    ('allreduce', 'reduce-scatter', None)
    """
    letters = "".join(c for c in name.lower().partition("_perf")[0] if c.isalnum())
    return COLLECTIVES.get(letters)


def asked_collective(name: str) -> str:
    """Return the collective of ``--collective``.

    Raises
    ------
    SpecError
        Unknown.
    """
    known = sorted(set(COLLECTIVES.values()))
    found = same_name(name, known) or collective_named(name)
    if found is None:
        remedy = nearest(name, known) or f"known are {', '.join(known)}"
        raise SpecError("--collective", "must be known", got=name, remedy=remedy)
    return found


def type_named(name: str) -> str | None:
    """Return the element type that a tool names, if it is one.

    Examples
    --------
    >>> type_named("half"), type_named("MPI_CHAR"), type_named("bfloat16"), type_named("flaot")
    ('float16', 'int8', 'bfloat16', None)
    """
    plain = name.lower().removeprefix("mpi_")
    found = TYPES.get(plain.replace("_", ""), TYPES.get(plain, plain))
    return found if found in ITEM_BYTES else None


def bus_factor(operation: str, ranks: int) -> float:
    """Return bus bandwidth over algorithm bandwidth (nccl-tests, doc/PERFORMANCE.md).

    2(n-1)/n for an allreduce, (n-1)/n for gather-like collectives, 1 for the rest; 0 for one rank of
    either.
    """
    if operation == "allreduce":
        return 2 * (ranks - 1) / ranks
    return (ranks - 1) / ranks if operation in GATHER_LIKE else 1.0


def larger_buffer(operation: str, message_bytes: int, ranks: int) -> int:
    """Return the larger of a rank's vectors where a tool's size is the part of one rank.

    So count the OSU and Intel benchmarks, except for reduce-scatter, whose size is the whole vector.
    """
    return message_bytes * (ranks if operation in CUT and operation != "reduce-scatter" else 1)
