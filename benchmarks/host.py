"""Measure the numbers of this host's device in the catalogue: matrix product and memory copy in NumPy.

    python benchmarks/host.py

Links between ranks of a host are measured by ``nearlinear measure --launch 2`` and ``nearlinear calibrate``.
"""

import time

import numpy as np

ORDER = 3072
COPY_BYTES = 2**28
REPEATS = 7


def best_s(run: object) -> float:
    """Return the shortest of several runs."""
    times = []
    for _ in range(REPEATS):
        begin = time.perf_counter()
        run()  # type: ignore[operator]
        times.append(time.perf_counter() - begin)
    return min(times)


def main() -> None:
    """Print achieved rates."""
    rng = np.random.default_rng(0)
    a = rng.standard_normal((ORDER, ORDER), dtype=np.float32)
    b = rng.standard_normal((ORDER, ORDER), dtype=np.float32)
    c = np.empty_like(a)
    flop = 2 * ORDER**3
    print(f"fp32 matrix product  {flop / best_s(lambda: np.matmul(a, b, out=c)) / 1e12:.3f} TFLOP/s")
    source, target = np.zeros(COPY_BYTES // 8), np.ones(COPY_BYTES // 8)
    copied_bytes_per_s = 2 * COPY_BYTES / best_s(lambda: np.copyto(target, source))
    print(f"memory copy          {copied_bytes_per_s / 1e9:.1f} GB/s read + written")


if __name__ == "__main__":
    main()
