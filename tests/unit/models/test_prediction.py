"""Predictions: bands, anchors, the four lines, cautions, and the JSON document."""

import json
from pathlib import Path

import numpy as np
import pytest

from nearlinear.models.answer import answer
from nearlinear.models.case import Case
from nearlinear.models.closed_form import predict
from nearlinear.models.document import answer_lines, read_document, to_document
from nearlinear.models.errors import CapacityError, ContentError, SpecError
from nearlinear.models.parameters import central, draw
from nearlinear.models.prediction import Band, Prediction
from nearlinear.models.scenario import Scenario
from nearlinear.models.training.model import StepModel


def _predict(**options: object) -> Prediction:
    return predict(
        Scenario.of(**{"model": "googlenet", "cluster": "titan", "devices": "1,2,4..64", **options})
    )


@pytest.fixture(scope="module")
def prediction() -> Prediction:
    """GoogLeNet on Titan, anchored on one device."""
    return _predict(anchor="1:45")


def test_a_band_holds_its_percentiles() -> None:
    band = Band.of(np.arange(101.0))
    assert (band.low, band.median, band.high) == (5.0, 50.0, 95.0)


def test_the_anchor_holds_exactly(prediction: Prediction) -> None:
    first = prediction.points[0]
    assert first.throughput_per_s.median == pytest.approx(45.0, rel=1e-9)
    assert first.throughput_per_s.low == pytest.approx(45.0, rel=1e-9)
    assert first.measured_per_s == 45


def test_breakdowns_add_up_to_the_median_step(prediction: Prediction) -> None:
    for point in prediction.points:
        assert point.breakdown_s.total_s == pytest.approx(point.step_time_s.median, rel=1e-12)


def test_efficiency_refers_to_the_smallest_scale(prediction: Prediction) -> None:
    first, last = prediction.points[0], prediction.points[-1]
    assert first.efficiency == Band(median=1.0, low=1.0, high=1.0)
    # anchored on one device, so efficiency is throughput over 64 times 45
    assert last.efficiency.median == pytest.approx(last.throughput_per_s.median / (64 * 45), rel=1e-9)


def test_bands_widen_with_scale(prediction: Prediction) -> None:
    widths = [point.efficiency.high - point.efficiency.low for point in prediction.points]
    assert widths == sorted(widths)
    assert all(
        p.efficiency.low <= p.efficiency.median <= min(p.efficiency.high, 1 + 1e-9) for p in prediction.points
    )


def test_the_same_seed_gives_the_same_numbers_and_another_others() -> None:
    assert _predict(seed=1) == _predict(seed=1)
    assert _predict(seed=1) != _predict(seed=2)


def test_an_anchor_at_scale_includes_its_exchange() -> None:
    anchored = _predict(anchor="8:300", devices="1,8")
    assert anchored.points[1].throughput_per_s.median == pytest.approx(300.0, rel=1e-9)
    assert anchored.points[0].throughput_per_s.median > 300 / 8


def test_a_second_anchor_at_one_node_fixes_a_loss_inside_it() -> None:
    machine = {"cluster": "dgx-1v", "model": "resnet-50", "batch_per_device": 128, "devices": "1,2,4,8,16"}
    both = _predict(**machine, anchor="1:392,8:2800")
    node = both.points[3]
    assert node.throughput_per_s.median == pytest.approx(2800.0, rel=1e-6)
    assert node.breakdown_s.in_node_loss_s > 0
    assert both.points[0].breakdown_s.in_node_loss_s == 0
    # half of the other devices of a node show less of it than all
    assert 0 < both.points[1].breakdown_s.in_node_loss_s < node.breakdown_s.in_node_loss_s
    # and what is known makes the band beyond the node narrower
    alone = _predict(**machine, anchor="1:392")
    assert _width(both.points[4].efficiency) < _width(alone.points[4].efficiency)


def _width(band: Band) -> float:
    return band.high - band.low


def test_an_anchor_faster_than_the_model_says_so() -> None:
    machine = {"cluster": "dgx-1v", "model": "resnet-50", "batch_per_device": 128, "devices": "1,8"}
    fast = _predict(**machine, anchor="1:392,8:4000")
    assert any("--anchor 8:4000 is" in warning and "faster" in warning for warning in fast.warnings)


def test_an_anchor_that_leaves_no_time_for_the_exchange_is_refused() -> None:
    with pytest.raises(SpecError, match="--anchor: must leave time for the exchange"):
        _predict(model="vgg-16", anchor="16:1e6", devices="1,16", batch_per_device=8)


def test_the_four_lines(prediction: Prediction) -> None:
    lines = answer_lines(prediction)
    assert [line.split(":")[0] for line in lines] == [
        "Efficiency at 64 devices", "Knee", "What binds", "Worth measuring",
    ]  # fmt: skip


@pytest.mark.parametrize(("last", "knee"), [(0.80, 8), (0.79, 4), (0.71, 4)])
def test_the_knee_by_hand(last: float, knee: int) -> None:
    efficiency = np.array([[1.0, 0.9, last]] * 3)
    steps = np.exp(np.random.default_rng(0).normal(size=(3, 3)))
    assert answer((1, 4, 8), steps, efficiency, ("compute", 0.5), 0.0, ()).knee_devices == knee


def test_the_knee_is_the_largest_scale_above_80_percent(prediction: Prediction) -> None:
    above = [p.devices for p in prediction.points if p.efficiency.median >= 0.8]
    assert prediction.answer.knee_devices == max(above)


def test_what_binds_is_what_helps_most_to_remove() -> None:
    slow = _predict(model="vgg-16", net="1Gb", batch_per_device=8, anchor="1:30")
    assert slow.answer.binding.startswith("bandwidth between nodes")
    assert slow.answer.binding_share > 0.5
    assert _predict(devices="1").answer.binding == "compute"


def test_no_scale_above_the_knee() -> None:
    slow = _predict(model="vgg-16", net="1Gb", batch_per_device=8, anchor="1:30", devices="2,64")
    assert slow.points[-1].efficiency.median < 0.8
    assert slow.answer.knee_devices == 2


def test_worth_measuring_leaves_out_what_is_measured(prediction: Prediction) -> None:
    assert 1 not in prediction.answer.worth_measuring
    assert len(prediction.answer.worth_measuring) == 3


def test_cautions() -> None:
    warnings = " | ".join(_predict(net="eth-25g", global_batch=100, devices="1,3").warnings)
    assert "no profile" in warnings
    assert "no --anchor" in warnings
    assert "unverified numbers in use: eth-25g latency" in warnings
    assert "global batch 100 does not divide by 3" in warnings


def test_memory_that_is_nearly_full_is_said() -> None:
    warnings = _predict(model="vgg-16", batch_per_device=60, devices="1").warnings
    assert any(warning.startswith("memory: at least") for warning in warnings)


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(CapacityError):
        _predict(model="vgg-16", batch_per_device=500)


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("precision", "fp16"), ("device", "v100"), ("net", "1Gb"), ("per_node", 4), ("batch_per_device", 64),
        ("global_batch", 64), ("algorithm", "ps"), ("bucket", "0"), ("overlap", False), ("wire", "float16"),
        ("anchor", "1:45"), ("samples", 51), ("seed", 7),
        ("node_link", "pcie5"), ("nics", 1), ("devices", "1,2"), ("model", "nin"), ("cluster", "dgx-1v"),
    ],
)  # fmt: skip
def test_every_option_changes_the_result(option: str, value: object) -> None:
    base: dict[str, object] = {
        "model": "vgg-16",
        "devices": "1,4,16",
        "cluster": "dgx-1p",
        "batch_per_device": 16,
    }
    if option == "global_batch":
        base.pop("batch_per_device")
    changed = _predict(**base | {option: value})
    assert changed.points != _predict(**base).points


@pytest.mark.parametrize(("option", "value"), [("servers", 4), ("outer", "tree")])
def test_options_of_one_algorithm_change_its_result(option: str, value: object) -> None:
    algorithm = "ps" if option == "servers" else "hierarchical"
    base = {"model": "vgg-16", "devices": "1,16,64", "cluster": "dgx-1p", "algorithm": algorithm}
    assert _predict(**base, **{option: value}).points != _predict(**base).points


def test_the_document_adds_up_and_comes_back(prediction: Prediction, tmp_path: Path) -> None:
    document = to_document(prediction)
    assert list(document) == ["schema", "version", "inputs", "result", "warnings", "provenance"]
    path = tmp_path / "p.json"
    path.write_text(json.dumps(document))
    assert to_document(read_document(path)) == document


@pytest.mark.parametrize(
    "content", ["", "[]", "{}", '{"schema": "nearlinear/prediction", "version": 1}', "{"]
)
def test_documents_that_are_none(tmp_path: Path, content: str) -> None:
    path = tmp_path / "p.json"
    path.write_text(content)
    with pytest.raises(ContentError):
        read_document(path)


def test_a_document_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(SpecError):
        read_document(tmp_path / "p.json")


def test_provenance_cites_every_number_in_use(prediction: Prediction) -> None:
    facts = {fact["name"]: fact for fact in prediction.provenance["facts"]}
    assert facts["gemini.bandwidth_bytes_per_s"]["status"] == "measured"
    assert "caffe_benchmarking" in facts["gemini.bandwidth_bytes_per_s"]["source"]
    assert facts["k20x.peak_flop_per_s"]["value"] == pytest.approx(3.935e12, rel=1e-12)


def _step_s(prediction: Prediction, devices: int) -> Band:
    return next(point.step_time_s for point in prediction.points if point.devices == devices)


def test_an_anchor_at_scale_leaves_open_what_was_compute_and_what_was_loss() -> None:
    anchored = _predict(anchor="64:2000", devices="1,64")
    assert _step_s(anchored, 64).low == pytest.approx(_step_s(anchored, 64).high, rel=1e-6)
    alone = _step_s(anchored, 1)
    assert alone.high / alone.low > 1.2
    assert anchored.points[1].efficiency.median < 0.95


def test_the_largest_anchor_fixes_the_loss_beyond_the_model() -> None:
    far = _predict(anchor="1:45,64:2000", devices="1,8,64,256")
    assert far.points[2].throughput_per_s.low == pytest.approx(2000, rel=1e-6)
    assert far.points[2].throughput_per_s.high == pytest.approx(2000, rel=1e-6)
    between, beyond = far.points[1].efficiency, far.points[3].efficiency
    assert between.high - between.low > 0.05  # nobody measured how the loss grows
    assert beyond.median < far.points[2].efficiency.median
    near = _predict(anchor="1:45", devices="1,8,64,256")
    assert far.points[3].throughput_per_s.median < near.points[3].throughput_per_s.median


def test_anchors_on_a_device_a_node_and_beyond_all_hold() -> None:
    machine = {"model": "resnet-50", "cluster": "dgx-1v", "batch_per_device": 64}
    all_three = _predict(**machine, anchor="1:392,8:2700,64:18000", devices="1,8,64")
    rates = [point.throughput_per_s.median for point in all_three.points]
    assert rates == pytest.approx([392, 2700, 18000], rel=1e-3)


def test_two_anchors_above_one_device_both_hold() -> None:
    both = _predict(anchor="4:170,64:2000", devices="4,64")
    assert [p.throughput_per_s.median for p in both.points] == pytest.approx([170, 2000], rel=5e-3)


def test_an_anchor_that_contradicts_the_others_is_said() -> None:
    warnings = _predict(anchor="1:45,16:300,64:2000", devices="1,64").warnings
    assert any("--anchor 16:300 lies outside the band of" in warning for warning in warnings)
    agreeing = _predict(anchor="1:45,16:600,64:2000", devices="1,64").warnings
    assert not any("lies outside" in warning for warning in agreeing)


def test_a_very_slow_anchor_holds() -> None:
    assert _predict(anchor="1:0.0001", devices="1").points[0].throughput_per_s.median == pytest.approx(1e-4)


def test_shares_of_the_step_stay_below_the_whole() -> None:
    answer = _predict(model="vgg-16", net="1Gb", batch_per_device=8, anchor="1:30").answer
    assert answer.binding_share + answer.beyond_model_share < 1


def test_the_only_scale_has_no_other_to_compare_with() -> None:
    assert any("the only scale asked for" in warning for warning in _predict(devices="64").warnings)
    assert not any("the only scale" in warning for warning in _predict(devices="1").warnings)


def test_slow_arithmetic_is_said() -> None:
    warnings = _predict(cluster="dgx-a100").warnings
    assert any(warning.startswith("fp32 arithmetic: ") for warning in warnings)
    assert not any(
        "arithmetic" in warning for warning in _predict(cluster="dgx-a100", anchor="1:700").warnings
    )
    assert not any("arithmetic" in warning for warning in _predict().warnings)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"cluster": "gb200-nvl72", "devices": "72,144"}, True),
        ({"cluster": "dgx-a100", "devices": "8,24"}, True),
        ({"cluster": "dgx-a100", "devices": "8,24", "algorithm": "ring"}, False),
        ({"cluster": "dgx-a100", "devices": "1,6,16"}, False),
        ({"cluster": "titan", "devices": "1,24"}, False),
    ],
)
def test_bounds_from_above_are_said(options: dict[str, object], said: bool) -> None:
    warnings = _predict(**options).warnings
    assert any("priced from above" in warning for warning in warnings) is said


@pytest.mark.parametrize("devices", [2, 4])
def test_samples_that_contradict_an_anchor_are_dropped_and_counted(devices: int) -> None:
    """Half of the samples exchange for longer than the whole step took; losses are fixed in many turns."""
    machine = {"model": "alexnet", "device": "v100-sxm2-16gb", "per_node": "1", "net": "10Gb",
               "batch_per_device": "32", "overlap": False}  # fmt: skip
    case = Case.of(Scenario.of(**machine, devices=f"{devices}"))
    model = StepModel(case, central(case))
    exchange_s = model.exchange(draw(case, 401, 0), devices).time_s.sum(axis=1)
    rate = devices * 32 / float(np.median(exchange_s))
    told = predict(
        Scenario.of(**machine, devices=f"{devices}", anchor=f"{devices}:{rate:.4g},16:{4 * rate:.4g}")
    ).warnings
    (found,) = [warning for warning in told if "of the samples contradict --anchor" in warning]
    assert "were dropped" in found
