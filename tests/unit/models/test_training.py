"""Roofline, buckets, step and memory on a network small enough to count by hand."""

import numpy as np
import pytest

from nearlinear.models.catalogue import find_device
from nearlinear.models.dnn.network import Network, Stack
from nearlinear.models.errors import CapacityError
from nearlinear.models.training.buckets import fill_buckets
from nearlinear.models.training.memory import check_fits, footprint
from nearlinear.models.training.roofline import layer_times
from nearlinear.models.training.step import StepTimes, exposed_and_hidden


@pytest.fixture
def two_layers() -> Network:
    """100 -> 200 -> 10, no rectifier: 20,200 and 2,010 parameters."""
    return Stack(100).fc("a", 200).fc("b", 10).build("two", "two", "here")


def test_counts(two_layers: Network) -> None:
    assert two_layers.parameters == 100 * 200 + 200 + 200 * 10 + 10
    assert two_layers.macs == 100 * 200 + 200 * 10
    assert two_layers.forward_flop == 2 * 22000 + 210
    # the first layer needs no gradient of its input: once its forward; the second twice
    assert two_layers.backward_flop == (2 * 20000 + 200) + 2 * (2 * 2000 + 10)
    assert two_layers.kept == 210
    assert two_layers.weighted_inputs == 300


def test_roofline_by_hand(two_layers: Network) -> None:
    device = find_device("k40")  # 4.29 TFLOP/s, 288 GB/s
    times = layer_times(two_layers, device, "fp32", batch=1000)
    flop = (2 * 20000 + 200) * 1000 / 4.29e12
    traffic = ((100 + 200) * 1000 + 20200) * 4 / 288e9
    assert times.forward_s[0] == pytest.approx(max(flop, traffic), rel=1e-12)
    second = max((2 * 2000 + 10) * 1000 / 4.29e12, ((200 + 10) * 1000 + 2010) * 4 / 288e9)
    assert times.forward_s[1] == pytest.approx(second, rel=1e-12)
    assert times.optimizer_s == pytest.approx(5 * 4 * 22210 / 288e9, rel=1e-12)
    assert times.total_s == pytest.approx(
        times.forward_s.sum() + times.backward_s.sum() + times.optimizer_s, rel=1e-12
    )


def test_half_precision_moves_half_the_bytes(two_layers: Network) -> None:
    full = layer_times(two_layers, find_device("v100"), "fp32", batch=1000)
    half = layer_times(two_layers, find_device("v100"), "fp16", batch=1000)
    assert half.forward_s[1] == pytest.approx(full.forward_s[1] / 2, rel=1e-12)


@pytest.mark.parametrize(
    ("wanted", "sizes", "layers"),
    [
        (0.0, [2010 * 4, 20200 * 4], [1, 0]),  # a bucket per layer, last layer first
        (1e4, [22210 * 4], [0]),
        (8000.0, [2010 * 4, 20200 * 4], [1, 0]),  # closes once it holds at least so much
        (1e9, [22210 * 4], [0]),
    ],
)
def test_buckets(two_layers: Network, wanted: float, sizes: list[float], layers: list[int]) -> None:
    buckets = fill_buckets(two_layers, wanted)
    assert buckets.size_bytes.tolist() == sizes
    assert buckets.last_layer.tolist() == layers


def test_buckets_are_ready_when_their_last_layer_is_through(two_layers: Network) -> None:
    ready = fill_buckets(two_layers, 0.0).ready_s(np.array([3.0, 1.0]))
    assert ready.tolist() == [1.0, 4.0]


def test_buckets_hold_all_gradients() -> None:
    from nearlinear.models.dnn import NETWORKS, network

    for name in NETWORKS:
        for wanted in (0.0, 1e6, 25 * 2.0**20):
            total = fill_buckets(network(name), wanted).size_bytes.sum()
            assert total == network(name).parameters * 4


def test_overlap_by_hand() -> None:
    """Backward takes 4; buckets ready at 1 and 4 need 2 and 3: the second starts at 4 and ends at 7."""
    backward, ready, exchange = np.array([4.0]), np.array([[1.0, 4.0]]), np.array([[2.0, 3.0]])
    exposed, hidden = exposed_and_hidden(backward, ready, exchange, overlap=True)
    assert (exposed.tolist(), hidden.tolist()) == ([3.0], [2.0])
    exposed, hidden = exposed_and_hidden(backward, ready, exchange, overlap=False)
    assert (exposed.tolist(), hidden.tolist()) == ([5.0], [0.0])


def test_a_long_first_bucket_delays_the_second() -> None:
    backward, ready, exchange = np.array([4.0]), np.array([[1.0, 2.0]]), np.array([[5.0, 1.0]])
    exposed, hidden = exposed_and_hidden(backward, ready, exchange, overlap=True)
    # 1 + 5 = 6, + 1 = 7: three after backward
    assert (exposed.tolist(), hidden.tolist()) == ([3.0], [3.0])


def test_step_parts_add_up() -> None:
    one = np.array([1.0])
    step = StepTimes.of(
        forward_s=one, backward_s=2 * one, optimizer_s=one, exposed_s=one, hidden_s=9 * one, loss_s=one,
        unexplained=np.array([0.5]),
    )  # fmt: skip
    assert step.unexplained_s.tolist() == [3.0]
    assert step.total_s.tolist() == [9.0]


def test_memory_by_hand(two_layers: Network) -> None:
    least = footprint(two_layers, "fp32", batch=10)
    assert least.weights_bytes == 3 * 22210 * 4
    assert least.activations_bytes == (210 + 100) * 10 * 4


def test_what_cannot_fit_names_the_largest_batch() -> None:
    from nearlinear.models.dnn import network

    vgg, device = network("vgg-16"), find_device("k20x")  # 6 GiB
    per_sample = (vgg.kept + vgg.sample_elements) * 4
    fits = int((6 * 2**30 - 3 * vgg.parameters * 4) // per_sample)
    check_fits(vgg, device, "fp32", fits)
    with pytest.raises(CapacityError, match=f"at most {fits} samples per device could fit") as caught:
        check_fits(vgg, device, "fp32", fits + 1)
    assert caught.value.exit_code == 4
