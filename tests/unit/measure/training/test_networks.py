"""Whole networks: gradients, ranges, equal starts, shards that add up, and that they learn."""

from typing import Any

import numpy as np
import pytest

from nearlinear.measure.training.data import Dataset, Digits, Synthetic
from nearlinear.measure.training.networks import Network, NetworkSpec
from nearlinear.measure.training.optimiser import Momentum
from nearlinear.models.dnn import network
from nearlinear.models.errors import SpecError
from tests.unit.measure.training.gradients import numerical_slopes, some

SPECS = [
    NetworkSpec(name="mlp", input_shape=(8, 8, 1)),
    NetworkSpec(name="convnet", input_shape=(8, 8, 1)),
    NetworkSpec(name="convnet", input_shape=(16, 32, 3), classes=4, width=5),
]
ANY_SPEC = pytest.mark.parametrize("spec", SPECS, ids=lambda spec: f"{spec.name}-{spec.input_shape[1]}")


def batch(spec: NetworkSpec, samples: int) -> tuple[Any, Any]:
    random = np.random.default_rng(5)
    images = random.standard_normal((samples, *spec.input_shape), np.float32)
    return images, random.integers(spec.classes, size=samples)


@ANY_SPEC
def test_gradients_are_those_of_finite_differences(spec: NetworkSpec) -> None:
    network = Network(spec, seed=1, dtype="float64")
    images, labels = batch(spec, 4)
    network.forward_backward(images, labels)
    gradients = network.gradients.copy()
    for start, stop in network.bounds:
        where = [start + i for i in some(stop - start, 8)]
        found = numerical_slopes(lambda: network.evaluate(images, labels)[0], network.weights, where)
        assert gradients[where] == pytest.approx(found, rel=1e-5, abs=1e-8)
        assert np.any(gradients[where] != 0)


@ANY_SPEC
def test_layers_are_announced_once_and_last_first_with_their_final_gradients(spec: NetworkSpec) -> None:
    network = Network(spec, seed=1)
    images, labels = batch(spec, 4)
    network.gradients[:] = np.nan
    seen: list[tuple[int, int, Any]] = []

    def keep(start: int, stop: int) -> None:
        assert np.isnan(network.gradients[:start]).all()  # what comes later has not begun
        seen.append((start, stop, network.gradients[start:stop].copy()))

    network.forward_backward(images, labels, keep)
    assert [(start, stop) for start, stop, _ in seen] == list(reversed(network.bounds))
    assert sorted(i for start, stop, _ in seen for i in range(start, stop)) == list(
        range(network.parameter_count)
    )
    for start, stop, gradients in seen:
        assert (network.gradients[start:stop] == gradients).all()


@ANY_SPEC
def test_the_same_seed_gives_the_same_weights(spec: NetworkSpec) -> None:
    assert (Network(spec, seed=3).weights == Network(spec, seed=3).weights).all()
    assert (Network(spec, seed=3).weights != Network(spec, seed=4).weights).any()


def test_weights_have_the_variance_that_keeps_activations() -> None:
    network = Network(NetworkSpec(name="mlp", input_shape=(8, 8, 1), width=300), seed=0)
    (start, stop), *_ = network.bounds
    kernel, bias = network.weights[start : stop - 300], network.weights[stop - 300 : stop]
    # 19200 draws: the standard error of the variance is 1 % of it.
    assert float(kernel.var()) == pytest.approx(2 / 64, rel=0.05)
    assert not bias.any()


@pytest.mark.parametrize(
    ("spec", "parameters", "flop"),
    [
        # 64 x 256 + 256, 256 x 256 + 256, 256 x 10 + 10; 6 x (16384 + 65536 + 2560) - 2 x 16384.
        (SPECS[0], 16640 + 65792 + 2570, 474112),
        # 9 x 16 + 16, 144 x 32 + 32, 2 x 2 x 32 x 10 + 10; 64 pixels, then 16:
        # 6 x (64 x 144 + 16 x 4608 + 1280) - 2 x 64 x 144.
        (SPECS[1], 160 + 4640 + 1290, 486912),
    ],
)
def test_parameters_and_work_by_hand(spec: NetworkSpec, parameters: int, flop: int) -> None:
    network = Network(spec, seed=0)
    assert (network.parameter_count, network.flop_per_sample) == (parameters, flop)
    assert network.bounds[-1][1] == parameters


@ANY_SPEC
def test_the_mean_over_shards_is_the_gradient_of_the_whole(spec: NetworkSpec) -> None:
    network = Network(spec, seed=1, dtype="float64")
    images, labels = batch(spec, 12)
    loss = network.forward_backward(images, labels)
    whole, shards, losses = network.gradients.copy(), np.zeros_like(network.gradients), []
    for rank in range(3):
        losses.append(network.forward_backward(images[rank::3], labels[rank::3]))
        shards += network.gradients / 3
    assert shards == pytest.approx(whole, rel=1e-9, abs=1e-15)
    assert np.mean(losses) == pytest.approx(loss, rel=1e-12)


def test_evaluation_in_parts_is_that_of_the_whole() -> None:
    network = Network(SPECS[0], seed=1, dtype="float64")
    images, labels = batch(SPECS[0], 300)  # more than are evaluated at once
    each = [network.evaluate(images[i : i + 1], labels[i : i + 1]) for i in range(300)]
    assert network.evaluate(images, labels) == pytest.approx(tuple(np.mean(each, axis=0)), rel=1e-12)


def train(network: Network, dataset: Dataset, size: int, epochs: int, rate: float) -> tuple[float, float]:
    """Return test loss and accuracy after so many epochs of plain training."""
    optimiser = Momentum(network.parameter_count, rate)
    images, labels = dataset.train.images - dataset.mean_image, dataset.train.labels
    for epoch in range(epochs):
        for samples in np.array_split(dataset.shard(0, 1, seed=0, epoch=epoch), len(labels) // size):
            network.forward_backward(images[samples], labels[samples])
            optimiser.step(network.weights, network.gradients)
    test = dataset.prepared_test()
    return network.evaluate(test.images, test.labels)


@pytest.mark.parametrize("name", ["mlp", "convnet"])
def test_synthetic_images_are_learnt(name: str) -> None:
    data = Synthetic(samples=512, held_out=256, height=8, width=8, channels=1, classes=4)
    network = Network(NetworkSpec(name=name, input_shape=data.shape, classes=4), seed=0)
    dataset = data.build()
    before = network.evaluate(dataset.prepared_test().images, dataset.test.labels)
    after = train(network, dataset, size=32, epochs=3, rate=0.02)
    assert after[0] < before[0] / 2
    assert after[1] > 0.9


@pytest.mark.parametrize("name", ["mlp", "convnet"])
def test_digits_are_learnt(name: str) -> None:
    pytest.importorskip("sklearn")
    network = Network(NetworkSpec(name=name, input_shape=Digits.shape), seed=0)
    _, accuracy = train(network, Digits().build(), size=32, epochs=8, rate=0.05)
    assert accuracy > 0.94


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"name": "convnett"}, "network: must be known, got 'convnett'; did you mean convnet?"),
        ({"name": "mlp", "width": 0}, "shape, classes and width must be > 0"),
        ({"name": "convnet", "input_shape": (8, 6, 1)}, "multiples of 4 for two poolings, got (8, 6, 1)"),
    ],
)
def test_mistakes(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(SpecError) as caught:
        NetworkSpec(**{"input_shape": (8, 8, 1)} | fields)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    "spec",
    [
        NetworkSpec(name="mlp", input_shape=(28, 28, 1), width=800),
        NetworkSpec(name="mlp", input_shape=(8, 8, 1), classes=7),
        NetworkSpec(name="convnet", input_shape=(32, 32, 3)),
        NetworkSpec(name="convnet", input_shape=(8, 12, 2), width=5, classes=7),
    ],
)
def test_what_is_predicted_is_what_is_trained(spec: NetworkSpec) -> None:
    """Weights and multiplications of the zoo's network of that name."""
    trained, predicted = Network(spec, seed=0), network(spec.model)
    assert predicted.parameters == trained.parameter_count
    products = [2 * layer.macs * (1 + layer.gradients) for layer in predicted.layers]
    assert sum(products) == trained.flop_per_sample
    assert predicted.layers[-1].outputs == spec.classes


def test_the_usual_ones_have_a_name_of_their_own() -> None:
    assert network("mlp-784-800-800-10").name == "mlp"
    assert network(NetworkSpec(name="convnet", input_shape=(32, 32, 3)).model).name == "convnet"


@pytest.mark.parametrize(
    "name", ["mlp-64", "mlp-0-8-2", "mlp-a-b-c", "convnet-8x8-16-10", "convnet-6x8x1-16-10"]
)
def test_sizes_that_are_none(name: str) -> None:
    with pytest.raises(SpecError, match="MODEL: "):
        network(name)
