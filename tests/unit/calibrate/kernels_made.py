"""Made-up kernels whose floor, rate and bandwidth are known: what a fit must find again."""

import numpy as np

from nearlinear.measure.records import Sample

SIZES: tuple[int, ...] = tuple(2**n for n in range(10, 27))
FLOAT32 = 4


def work(operation: str, size_bytes: int) -> tuple[float, float]:
    """Return (operations, bytes) of a kernel, as ``measure`` counts them."""
    if operation == "gemm":
        n = int(np.sqrt(size_bytes / (3 * FLOAT32)))
        return 2.0 * n**3, 3.0 * n * n * FLOAT32
    if operation == "conv3x3":
        side = int(np.sqrt(size_bytes / (2 * 64 * FLOAT32)))
        return 2.0 * side**2 * 64**2 * 9, (2.0 * side * side * 64 + 9 * 64**2) * FLOAT32
    return (0.0, 2.0 * size_bytes) if operation == "copy" else (size_bytes / FLOAT32, 3.0 * size_bytes)


def kernels(
    operation: str,
    *,
    floor_s: float = 5e-6,
    rate: float = 1e13,
    bandwidth: float = 1e12,
    cache: tuple[float, float] = (0.0, 1e12),
    sizes: tuple[int, ...] = SIZES,
    noise: float = 0.0,
    repeats: int = 1,
    seed: int = 0,
    ranks: int = 1,
    mode: str = "individual",
    dtype: str = "float32",
    library: str = "torch",
    transport: str = "device",
) -> list[Sample]:
    """Return samples that take floor + max(flop / rate, bytes / bandwidth), times log-normal noise.

    ``cache`` is up to how many moved bytes another bandwidth holds.
    """
    rng = np.random.default_rng(seed)
    found = []
    for repetition in range(repeats):
        for size in sizes:
            flop, moved = work(operation, size)
            bytes_s = moved / (cache[1] if moved <= cache[0] else bandwidth)
            time_s = (floor_s + max(flop / rate, bytes_s)) * float(np.exp(noise * rng.standard_normal()))
            found.append(
                Sample(
                    operation=operation, algorithm=library, transport=transport, dtype=dtype,
                    placement="out", size_bytes=size, ranks=ranks, nodes=1, repetition=repetition,
                    mode=mode, statistic="max", time_s=time_s, correct=True, flop=flop, moved_bytes=moved,
                )
            )  # fmt: skip
    return found
