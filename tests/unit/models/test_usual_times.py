"""Usual times of a step: counted by hand, and as they must move with device, batch and layers."""

from dataclasses import replace

import numpy as np
import pytest

from nearlinear.models.catalogue import find_device
from nearlinear.models.dnn import network
from nearlinear.models.dnn.counted import BLOCKS, counted
from nearlinear.models.dnn.layer import Layer
from nearlinear.models.dnn.network import Network, Stack
from nearlinear.models.hardware.device import Device
from nearlinear.models.prior import compute_spread
from nearlinear.models.training.usual_times import Habits, ordinary_peak, table, usual_times

HABITS = Habits(floor_s=2e-5, ramp_s=4e-5, passes=1.5)


@pytest.fixture
def two_layers() -> Network:
    """100 -> 200, a rectifier, 200 -> 10."""
    return Stack(100).fc("a", 200, relu=True).fc("b", 10).build("two", "two", "here")


def _faster(device: Device, **factors: float) -> Device:
    """Return the device with facts times factors, ``peak`` for all peaks."""
    peaks = {
        key: replace(fact, value=fact.value * factors.get("peak", 1.0))
        for key, fact in device.peak_flop_per_s.items()
    }
    memory = device.memory_bandwidth_bytes_per_s
    memory = replace(memory, value=memory.value * factors.get("bandwidth", 1.0))
    return replace(device, peak_flop_per_s=peaks, memory_bandwidth_bytes_per_s=memory)


def test_by_hand_in_fp32(two_layers: Network) -> None:
    times = usual_times(two_layers, find_device("k40"), "fp32", 1000, HABITS)  # 4.29 TFLOP/s, 288 GB/s
    work = (2 * 20000 + 200) * 1000 / 4.29e12
    moved = ((100 + 200) * 1000 + 20200) * 4 * 1.5 / 288e9
    first = 2e-5 + work + (4e-5 * work) ** 0.5
    assert times.forward_s[0] == pytest.approx(first + moved, rel=1e-12)
    assert times.backward_s[0] == pytest.approx(first + 2 * moved, rel=1e-12)  # of the weights only
    rectified = 400 * 1000 * 4 * 1.5 / 288e9
    assert times.forward_s[1] == pytest.approx(2e-5 + rectified, rel=1e-12)
    assert times.backward_s[1] == pytest.approx(2e-5 + 2 * rectified, rel=1e-12)
    work = (2 * 2000 + 10) * 1000 / 4.29e12
    moved = ((200 + 10) * 1000 + 2010) * 4 * 1.5 / 288e9
    last = 2e-5 + work + (4e-5 * work) ** 0.5
    assert times.backward_s[2] == pytest.approx(2 * last + 2 * moved, rel=1e-12)
    assert times.optimizer_s == pytest.approx(2e-5 + 5 * 4 * 22210 * 1.5 / 288e9, rel=1e-12)


def test_by_hand_on_matrix_units(two_layers: Network) -> None:
    """V100: 125 TFLOP/s in fp16, 15.7 in fp32, 900 GB/s; two bytes an element."""
    times = usual_times(two_layers, find_device("v100"), "fp16", 1000, HABITS)
    flop = (2 * 20000 + 200) * 1000
    moved = ((100 + 200) * 1000 + 20200) * 2 * 1.5 / 900e9
    expected = 2e-5 + flop / 125e12 + (4e-5 * flop / 15.7e12) ** 0.5 + moved
    assert times.forward_s[0] == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(
    ("kernel", "stride", "pad", "groups", "uses"),
    [(3, 1, 1, 1, 9), (1, 1, 0, 1, 1), (3, 2, 1, 1, 2.25), (5, 1, 2, 1, 25), (3, 1, 1, 4, 2.25)],
)
def test_how_often_a_filter_uses_an_input(
    kernel: int, stride: int, pad: int, groups: int, uses: float
) -> None:
    net = Stack(8, 16, 16).conv("a", 12, kernel, stride, pad, groups, relu=False).build("a", "a", "here")
    assert net.layers[0].reuse == pytest.approx(uses)
    assert Stack(8).fc("a", 2).build("a", "a", "here").layers[0].reuse == 0


def test_wide_windows_need_fewer_operations_in_fp32_only() -> None:
    work = Habits(floor_s=0.0, ramp_s=0.0, passes=0.0)
    net = Stack(8, 16, 16).conv("a", 12, 3, pad=1, bias=False, relu=False).build("a", "a", "here")
    device = find_device("v100")
    flop = 2 * 12 * 8 * 9 * 16 * 16
    assert usual_times(net, device, "fp32", 1, work).forward_s[0] == pytest.approx(flop / 2.25 / 15.7e12)
    assert usual_times(net, device, "fp16", 1, work).forward_s[0] == pytest.approx(flop / 125e12)


def test_half_of_the_peak_at_the_ramp() -> None:
    """A product of 172 MFLOP takes 40 us at the peak of a K40, and as long again."""
    layer = Layer(name="a", kind="fc", inputs=0, outputs=0, tensors=(1,), macs=0, elementwise=0)
    flop = round(4e-5 * 4.29e12)
    wide = Network(
        name="a", title="a", source="here", layers=(replace(layer, macs=flop // 2),), sample_elements=1
    )
    only = Habits(floor_s=0.0, ramp_s=4e-5, passes=0.0)
    assert usual_times(wide, find_device("k40"), "fp32", 1, only).forward_s[0] == pytest.approx(8e-5)


def test_steps_of_a_recurrent_layer_divide_its_work() -> None:
    layer = Layer(name="a", kind="fc", inputs=1, outputs=1, tensors=(1,), macs=10**9)
    of = Network(name="a", title="a", source="here", layers=(layer,), sample_elements=1)
    stepwise = replace(of, layers=(replace(layer, launches=25),))
    device = find_device("v100")
    ramp = Habits(floor_s=0.0, ramp_s=4e-5, passes=0.0)
    once, often = (usual_times(net, device, "fp32", 1, ramp).forward_s[0] for net in (of, stepwise))
    work = 2e9 / 15.7e12
    assert once - work == pytest.approx((4e-5 * work) ** 0.5)
    assert often - work == pytest.approx(25 * (4e-5 * work / 25) ** 0.5)
    floor = Habits(floor_s=1e-5, ramp_s=0.0, passes=0.0)
    launched = usual_times(stepwise, device, "fp32", 1, floor)
    assert launched.forward_s[0] == pytest.approx(work + 25e-5)
    assert launched.backward_s[0] == pytest.approx(2 * (work + 25e-5))


@pytest.mark.parametrize("precision", ["fp32", "tf32", "fp16"])
@pytest.mark.parametrize("name", ["resnet-50", "bert-base", "counted-25M-4G-11M"])
def test_better_devices_and_smaller_batches_are_faster(name: str, precision: str) -> None:
    device, net = find_device("a100"), network(name)

    def step_s(batch: float, **factors: float) -> float:
        return usual_times(net, _faster(device, **factors), precision, batch).total_s

    batches = [step_s(batch) for batch in (1, 2, 8, 32, 128, 512)]
    assert (np.diff(batches) > 0).all()
    assert (
        np.diff([time / batch for time, batch in zip(batches, (1, 2, 8, 32, 128, 512), strict=True)]) < 0
    ).all()
    assert step_s(32, bandwidth=1.1) < step_s(32)
    assert step_s(32, peak=1.1) < step_s(32)
    assert step_s(1, bandwidth=1e9, peak=1e9) > 1e-5 * len(net.layers)  # launches remain


def test_ordinary_units_where_nobody_says_how_fast_they_are() -> None:
    assert ordinary_peak(find_device("a100")) == 19.5e12
    assert ordinary_peak(find_device("gaudi2")) == pytest.approx(table()["ordinary"]["share"] * 432e12)
    assert usual_times(network("resnet-50"), find_device("tpu-v4"), "bf16", 32).total_s > 0


def test_generations_with_a_prior_of_their_own() -> None:
    """The fit is of Maxwell and later; what came before, and processors, are slower in its terms."""
    usual = compute_spread(find_device("p100"), "fp32")
    kepler, processor = (compute_spread(find_device(name), "fp32") for name in ("k80", "laptop-cpu"))
    assert usual.median > kepler.median > processor.median
    assert usual.log_sd < kepler.log_sd < processor.log_sd
    assert compute_spread(find_device("v100"), "fp16") != compute_spread(find_device("v100"), "fp32")


def test_totals_add_up() -> None:
    net = counted(25_557_032, 4_089_184_256, 11_113_576)
    assert (net.parameters, net.macs) == (25_557_032, 4_089_184_256)
    put_out = [layer.outputs for layer in net.layers if layer.macs]
    assert (len(put_out), sum(put_out)) == (BLOCKS, 11_113_576)
    assert net.kept == 11_113_576
    # a product and three layers after it, in and out
    assert sum(layer.inputs + layer.outputs for layer in net.layers) == 8 * 11_113_576


def test_totals_of_a_residual_network_take_about_as_long() -> None:
    """Both are predicted within the band of the other."""
    device = find_device("a100")
    alike = usual_times(network("counted-25.6M-4.09G-11.1M"), device, "fp16", 128).total_s
    layers = usual_times(network("resnet-50"), device, "fp16", 128).total_s
    assert alike == pytest.approx(layers, rel=0.25)
