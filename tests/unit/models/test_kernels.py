"""Measured kernels in a prediction: times by hand, samples, and when they do not apply."""

from pathlib import Path

import numpy as np
import pytest

from nearlinear.calibrate.profile_file import write_profile
from nearlinear.models.case import Case
from nearlinear.models.catalogue import find_device
from nearlinear.models.closed_form import predict
from nearlinear.models.compute_profile import ComputeProfile
from nearlinear.models.dnn.network import Network, Stack
from nearlinear.models.kernels import Kernels, candidates
from nearlinear.models.parameters import central, draw
from nearlinear.models.prediction import Prediction
from nearlinear.models.prior import kernel_spread
from nearlinear.models.scenario import Scenario
from nearlinear.models.training.anchor import apply_anchors
from nearlinear.models.training.kernel_times import kernel_times
from nearlinear.models.training.model import StepModel
from nearlinear.simulator.simulation import simulate
from tests.unit.models.kernels_known import (
    BANDWIDTH,
    FLOOR_S,
    RATE,
    all_families,
    family,
    in_one_run,
    profile_of,
)

V100 = find_device("v100-sxm2-16gb")


@pytest.fixture
def two_layers() -> Network:
    """100 -> 200 with rectifier -> 10: 20,200 and 2,010 parameters."""
    return Stack(100).fc("a", 200, relu=True).fc("b", 10).build("two", "two", "here")


def _kernels(*families: ComputeProfile) -> Kernels:
    return Kernels(library="torch", families={one.family: one for one in families})


def _scenario(tmp_path: Path, *families: ComputeProfile, **options: object) -> Scenario:
    path = tmp_path / "p.toml"
    write_profile(profile_of(*families), path)
    usual = {"model": "mlp", "device": "v100", "devices": "1", "batch_per_device": 64, "profile": str(path)}
    return Scenario.of(**(usual | options))


def _predict(tmp_path: Path, *families: ComputeProfile, **options: object) -> Prediction:
    return predict(_scenario(tmp_path, *families, **options))


def _said(prediction: Prediction, text: str) -> bool:
    return any(text in warning for warning in prediction.warnings)


def test_layers_by_hand(two_layers: Network) -> None:
    times = kernel_times(two_layers, _kernels(*all_families()), "fp32", batch=1000).best
    flop = (2 * 100 * 200 + 200) * 1000  # multiply-adds count two, the bias one
    traffic = ((100 + 200) * 1000 + 20_200) * 4
    assert flop / RATE > traffic / BANDWIDTH
    assert times.forward_s[0] == pytest.approx(FLOOR_S + flop / RATE, rel=1e-12)
    # the rectifier reads and writes 200 elements a sample, whatever it computes
    assert times.forward_s[1] == pytest.approx(FLOOR_S + 400 * 1000 * 4 / BANDWIDTH, rel=1e-12)
    assert times.backward_s[1] == pytest.approx(FLOOR_S + 2 * 400 * 1000 * 4 / BANDWIDTH, rel=1e-12)
    # the first layer needs the gradient of its weights alone, the last one both: one kernel and two
    assert times.backward_s[0] == pytest.approx(
        FLOOR_S + max(flop / RATE, 2 * traffic / BANDWIDTH), rel=1e-12
    )
    last_flop, last_traffic = 2 * (2 * 200 * 10 + 10) * 1000, (210 * 1000 + 2010) * 4
    last = max(last_flop / RATE, 2 * last_traffic / BANDWIDTH)
    assert times.backward_s[2] == pytest.approx(2 * FLOOR_S + last, rel=1e-12)
    assert times.optimizer_s == pytest.approx(FLOOR_S + 5 * 4 * 22_210 / BANDWIDTH, rel=1e-12)


def test_samples_move_the_step(two_layers: Network) -> None:
    # twice the floor of everything: 3 forward, 1 + 1 + 2 backward and 1 optimiser kernels more
    kernels = _kernels(
        *all_families(floor_s=(FLOOR_S, 2 * FLOOR_S), rate=(RATE, RATE), bandwidth=(1e11, 1e11))
    )
    times = kernel_times(two_layers, kernels, "fp32", batch=10)
    assert times.relative == pytest.approx([1.0, 1.0 + 8 * FLOOR_S / times.best.total_s], rel=1e-12)


def test_what_fits_leave_out_is_weighed_by_time(two_layers: Network) -> None:
    slow = _kernels(family("dense", rate=(1.0,), spread=0.3), family("memory", spread=0.1))
    assert kernel_times(two_layers, slow, "fp32", batch=10).spread == pytest.approx(0.3, rel=1e-6)
    same = _kernels(family("dense", spread=0.2), family("memory", spread=0.2))
    assert kernel_times(two_layers, same, "fp32", batch=10).spread == pytest.approx(0.2, rel=1e-12)


def test_a_prediction_is_kernels_times_the_prior(tmp_path: Path) -> None:
    scenario = _scenario(tmp_path, *all_families())
    case = Case.of(scenario)
    assert case.kernels is not None
    by_hand = kernel_times(case.network, case.kernels, "fp32", 64).best.total_s / kernel_spread("fp32").median
    model = StepModel(case, central(case))
    middle = model.step(central(case), 1, np.zeros((1, len(model.buckets.size_bytes))))
    assert middle.total_s[0] == pytest.approx(by_hand, rel=1e-12)
    prediction = predict(scenario)
    assert prediction.points[0].step_time_s.median == pytest.approx(by_hand, rel=0.1)
    assert _said(
        prediction, "compute comes from kernels measured alone (torch float32 on Tesla V100-SXM2-16GB)"
    )
    assert not _said(prediction, "compute speed is a prior")


def test_bands_hold_what_kernels_leave_out(tmp_path: Path) -> None:
    def width(spread: float) -> float:
        case = Case.of(_scenario(tmp_path, *all_families(spread=spread)))
        parameters = draw(case, 4001, 0)
        return float(np.log(StepModel(case, central(case)).slowness(parameters, 1)).std())

    prior = kernel_spread("fp32").log_sd
    assert width(0.0) == pytest.approx(prior, rel=0.03)
    assert width(1.0) == pytest.approx(np.hypot(prior, 1.0), rel=0.03)


def test_an_anchor_still_scales_compute(tmp_path: Path) -> None:
    options = {"devices": "1,2", "per_node": 2, "global_batch": 256, "batch_per_device": None}
    anchored = _predict(tmp_path, *all_families(), anchor="1:5000", **options)
    assert anchored.points[0].throughput_per_s.low == pytest.approx(5000, rel=1e-9)
    assert _said(anchored, "scaled to --anchor")
    # what half a batch takes is shaped by the kernels: floors do not halve
    case = Case.of(_scenario(tmp_path, *all_families(), anchor="1:5000", **options))
    assert case.kernels is not None
    whole, half = (
        kernel_times(case.network, case.kernels, "fp32", batch).best.total_s for batch in (256, 128)
    )
    model = StepModel(case, central(case))
    parameters = in_one_run(apply_anchors(model, draw(case, 11, 0)).parameters)
    compute = model.slowness(parameters, 2) * model.layers(2).total_s
    assert compute == pytest.approx(256 / 5000 * half / whole, rel=1e-9)


def test_engines_take_the_same_compute(tmp_path: Path) -> None:
    scenario = _scenario(tmp_path, *all_families(spread=0.2), devices="1,4", per_node=4, samples=21)
    simulated = simulate(scenario)
    for one, other in zip(predict(scenario).points, simulated.points, strict=True):
        assert one.breakdown_s.forward_s == pytest.approx(other.breakdown_s.forward_s, rel=1e-6)


@pytest.mark.parametrize(
    ("families", "options", "message"),
    [
        (
            all_families(devices=("NVIDIA A100-SXM4-80GB",)),
            {},
            "measured on NVIDIA A100-SXM4-80GB, the scenario",
        ),
        (all_families(on_host=True), {}, "kernels were measured on Tesla V100"),
        (
            all_families(dtype="float16"),
            {},
            "kernels were measured in float16, the scenario computes in fp32",
        ),
        (all_families(), {"precision": "fp16"}, "measured in float32, the scenario computes in fp16"),
        ((family("dense"),), {}, "kernels of the memory family (copy, add) and of products"),
        ((family("memory"),), {}, "kernels of the memory family (copy, add) and of products"),
    ],
)
def test_what_does_not_fit_falls_back_to_the_prior(
    tmp_path: Path, families: tuple[ComputeProfile, ...], options: dict[str, object], message: str
) -> None:
    prediction = _predict(tmp_path, *families, **options)
    (said,) = (warning for warning in prediction.warnings if message in warning)
    assert said.endswith(": compute speed is a prior")
    plain = predict(Scenario.of(model="mlp", device="v100", devices="1", batch_per_device=64, **options))
    assert prediction.points[0].step_time_s == plain.points[0].step_time_s


def test_arithmetic_that_no_kernel_was_measured_in(tmp_path: Path) -> None:
    ampere = all_families(devices=("NVIDIA A100-SXM4-80GB",))
    assert _said(
        _predict(tmp_path, *ampere, device="a100", precision="tf32"),
        "measured in float32, the scenario computes in tf32",
    )


def test_a_processor_without_a_model_stands_for_any(two_layers: Network) -> None:
    host = all_families(on_host=True, devices=("AMD EPYC",))
    found, why = candidates(host, find_device("laptop-cpu"), True, "fp32", two_layers)
    assert (len(found), why) == (1, "")
    found, why = candidates(host, find_device("i7-5930k"), True, "fp32", two_layers)
    assert found == []
    assert why.startswith("kernels were measured on AMD EPYC")


def test_the_fastest_library_is_taken(tmp_path: Path) -> None:
    slow = all_families(library="numpy", rate=(RATE / 10,))
    case = Case.of(_scenario(tmp_path, *slow, *all_families(library="torch")))
    assert case.kernels is not None
    assert case.kernels.library == "torch"


def test_products_stand_for_convolutions_and_say_so(tmp_path: Path) -> None:
    prediction = _predict(tmp_path, family("dense"), family("memory"), model="lenet")
    assert _said(prediction, "no kernels of the convolution family: priced as dense")


def test_layers_larger_than_the_measured_kernels_are_told(tmp_path: Path) -> None:
    """Kernels reach 100 MB; a layer of alexnet moves more than that at a batch of 256, none of mlp at 64."""
    told = "extrapolating: layers of the convolution family move up to"
    assert not _said(_predict(tmp_path, *all_families()), "extrapolating: layers")
    large = _predict(tmp_path, *all_families(), model="alexnet", batch_per_device=256)
    assert _said(large, told)
    assert _said(large, "kernels were measured up to 95.4 MiB")
