"""Networks on CuPy arrays: the same gradients as with NumPy, and steps that change the same weights."""

from importlib.util import find_spec
from typing import Any

import numpy as np
import pytest

from nearlinear.measure.training.networks import Network, NetworkSpec
from nearlinear.measure.training.optimiser import Momentum


def _has_gpu() -> bool:
    if find_spec("cupy") is None:
        return False
    import cupy

    return bool(cupy.cuda.is_available())


pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not _has_gpu(), reason="needs CuPy and a CUDA device"),
]


@pytest.mark.parametrize("name", ["mlp", "convnet"])
def test_cupy_computes_what_numpy_does(name: str) -> None:
    import cupy

    spec = NetworkSpec(name=name, input_shape=(16, 16, 3))
    random = np.random.default_rng(0)
    images = random.standard_normal((8, *spec.input_shape))
    labels = random.integers(10, size=8)
    weights = []
    for arrays in (np, cupy):
        network = Network(spec, seed=0, arrays=arrays, dtype="float64")
        optimiser = Momentum(network.parameter_count, 0.1, decay=0.01, arrays=arrays, dtype="float64")
        seen: list[Any] = []
        for _ in range(3):
            network.forward_backward(images, labels, lambda *span, seen=seen: seen.append(span))
            optimiser.step(network.weights, network.gradients)
        assert seen == 3 * list(reversed(network.bounds))
        assert 0 <= network.evaluate(images, labels)[1] <= 1
        weights.append(network.weights)
    assert cupy.asnumpy(weights[1]) == pytest.approx(weights[0], rel=1e-9, abs=1e-12)
