"""Each layer against values by hand and against finite differences."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from nearlinear.measure.training.cross_entropy import cross_entropy
from nearlinear.measure.training.layers import AveragePool, Conv, Dense, Flatten, Layer, ReLU
from tests.unit.measure.training.gradients import numerical_slopes, some


def bound(layer: Layer, weights: Sequence[float] | None = None) -> tuple[Layer, Any, Any]:
    """Return a layer with vectors of its own, in double precision."""
    held, gradients = np.zeros(layer.parameter_count), np.full(layer.parameter_count, np.nan)
    layer.bind(held, gradients, np)
    layer.initialise(np.random.default_rng(1))
    if weights is not None:
        held[:] = weights
    return layer, held, gradients


def test_dense_by_hand() -> None:
    # W = [[1, 2], [3, 4], [5, 6]], b = [10, 20], x = [1, 0, 2]: y = [1 + 10 + 10, 2 + 12 + 20].
    layer, _, gradients = bound(Dense(3, 2), [1, 2, 3, 4, 5, 6, 10, 20])
    assert layer.forward(np.array([[1.0, 0.0, 2.0]])).tolist() == [[21.0, 34.0]]
    slopes = np.array([[1.0, -1.0]])
    layer.differentiate(slopes)
    assert gradients.tolist() == [1, -1, 0, 0, 2, -2, 1, -1]
    assert layer.backward(slopes).tolist() == [[-1.0, -1.0, -1.0]]  # 1 - 2, 3 - 4, 5 - 6


def test_convolution_by_hand() -> None:
    # Kernel 1..9 on an image of 3 x 3 with a one in a corner: the corner meets the kernel's middle (5),
    # its neighbours meet it further to the upper left.
    layer, _, gradients = bound(Conv((3, 3, 1), 1), [1, 2, 3, 4, 5, 6, 7, 8, 9, 0.5])
    image = np.zeros((1, 3, 3, 1))
    image[0, 0, 0, 0] = 1
    expected = np.array([[5, 4, 0], [2, 1, 0], [0, 0, 0]]) + 0.5
    assert layer.forward(image)[0, :, :, 0].tolist() == expected.tolist()
    slopes = np.zeros((1, 3, 3, 1))
    slopes[0, 1, 1, 0] = 2  # the middle sees the whole image, in which only the corner is not zero
    layer.differentiate(slopes)
    assert gradients.tolist() == [2, 0, 0, 0, 0, 0, 0, 0, 0, 2]
    assert layer.backward(slopes)[0, :, :, 0].tolist() == [[2, 4, 6], [8, 10, 12], [14, 16, 18]]


def test_convolution_sums_all_channels() -> None:
    # All ones: a pixel in a corner has 4 neighbours, on an edge 6, in the middle 9; two channels.
    layer, _, _ = bound(Conv((3, 3, 2), 1), [1] * 18 + [0])
    outputs = layer.forward(np.ones((1, 3, 3, 2)))
    assert outputs[0, :, :, 0].tolist() == [[8, 12, 8], [12, 18, 12], [8, 12, 8]]


def test_average_pool_by_hand() -> None:
    layer, _, _ = bound(AveragePool((2, 4, 1)))
    outputs = layer.forward(np.array([[1.0, 2, 10, 10], [3, 6, 10, 30]]).reshape(1, 2, 4, 1))
    assert outputs.ravel().tolist() == [3.0, 15.0]
    slopes = layer.backward(np.array([4.0, 8.0]).reshape(1, 1, 2, 1))
    assert slopes[0, :, :, 0].tolist() == [[1, 1, 2, 2], [1, 1, 2, 2]]


def test_relu_by_hand() -> None:
    layer, _, _ = bound(ReLU((3,)))
    assert layer.forward(np.array([[-1.0, 0.0, 2.0]])).tolist() == [[0.0, 0.0, 2.0]]
    assert layer.backward(np.array([[5.0, 5.0, 5.0]])).tolist() == [[0.0, 0.0, 5.0]]


def test_cross_entropy_by_hand() -> None:
    # Softmax of [0, log 3] is [1/4, 3/4]; a huge logit must not overflow.
    logits = np.array([[0.0, np.log(3)], [1000.0, 1000.0]])
    loss, slopes = cross_entropy(logits, np.array([1, 0]), np)
    assert float(loss) == pytest.approx((np.log(4 / 3) + np.log(2)) / 2, rel=1e-12)
    assert slopes == pytest.approx(np.array([[0.125, -0.125], [-0.25, 0.25]]), rel=1e-12)


CASES: dict[str, tuple[Callable[[], Layer], tuple[int, ...]]] = {
    "dense": (lambda: Dense(5, 4), (5,)),
    "convolution": (lambda: Conv((4, 6, 3), 2), (4, 6, 3)),
    "average pool": (lambda: AveragePool((4, 6, 3)), (4, 6, 3)),
    "relu": (lambda: ReLU((7,)), (7,)),
    "flatten": (lambda: Flatten((2, 3, 2)), (2, 3, 2)),
}


@pytest.mark.parametrize("name", CASES)
def test_slopes_are_those_of_finite_differences(name: str) -> None:
    make, shape = CASES[name]
    layer, weights, gradients = bound(make())
    random = np.random.default_rng(2)
    inputs = random.standard_normal((3, *shape))
    factors = random.standard_normal((3, *layer.output_shape))

    def loss() -> float:
        return float((layer.forward(inputs) * factors).sum())

    loss()
    layer.differentiate(factors)
    slopes = layer.backward(factors).copy()
    where = some(inputs.size)
    assert slopes.reshape(-1)[where] == pytest.approx(numerical_slopes(loss, inputs, where), abs=1e-7)
    if layer.parameter_count:
        where = some(weights.size)
        assert gradients[where] == pytest.approx(numerical_slopes(loss, weights, where), abs=1e-7)


@pytest.mark.parametrize("name", CASES)
def test_a_small_batch_after_a_large_one_sees_nothing_of_it(name: str) -> None:
    make, shape = CASES[name]
    random = np.random.default_rng(3)
    large, small = random.standard_normal((5, *shape)), random.standard_normal((2, *shape))
    used, fresh = bound(make())[0], bound(make())[0]
    slopes = random.standard_normal((2, *used.output_shape))
    used.backward(used.forward(large).copy())
    assert used.forward(small).tolist() == fresh.forward(small).tolist()
    assert used.backward(slopes).tolist() == fresh.backward(slopes).tolist()
