"""Throughputs at several batch sizes: the line by hand, strong scaling along it, bands beyond it."""

from pathlib import Path

import numpy as np
import pytest
import tomli_w

from nearlinear.calibrate.profile_file import write_profile
from nearlinear.models.case import Case
from nearlinear.models.closed_form import predict
from nearlinear.models.errors import ContentError, SpecError
from nearlinear.models.parameters import central, draw
from nearlinear.models.prediction import Z90, Point, Prediction
from nearlinear.models.prior import table
from nearlinear.models.scenario import Scenario
from nearlinear.models.throughput import Throughput
from nearlinear.models.training.anchor import apply_anchors
from nearlinear.models.training.batch_line import BatchLine
from nearlinear.models.training.model import StepModel
from tests.unit.models.kernels_known import all_families, in_one_run, profile_of

# 10 ms and 1 ms a sample: 16 samples take 26 ms, 64 take 74 ms
PEAK = 20e12
ON_A_LINE = [f"16:{16 / 0.026!r}", f"64:{64 / 0.074!r}"]


def _line(*pairs: tuple[int, float]) -> BatchLine:
    """Return the line through steps of so many seconds at batch sizes."""
    return BatchLine.of([Throughput(batch, batch / seconds) for batch, seconds in pairs], PEAK)


def _scenario(**options: object) -> Scenario:
    usual = {"model": "resnet-50", "cluster": "dgx-a100", "devices": "1,2,4,8", "throughput": ON_A_LINE}
    return Scenario.of(**(usual | options))


def _predict(**options: object) -> Prediction:
    return predict(_scenario(**options))


def _compute_s(point: Point) -> float:
    parts = point.breakdown_s
    return parts.forward_s + parts.backward_s + parts.optimizer_s


def _said(prediction: Prediction, text: str) -> bool:
    return any(text in warning for warning in prediction.warnings)


def test_a_line_through_two() -> None:
    line = _line((16, 0.026), (64, 0.074))
    assert (line.overhead_s, line.seconds_per_sample) == pytest.approx((0.010, 0.001), rel=1e-9)
    assert line.residual == pytest.approx(table()["batch"]["inside"])
    assert line.time_s(32) == pytest.approx(0.042, rel=1e-9)


def test_three_have_a_residual() -> None:
    exact = _line((16, 0.026), (32, 0.042), (64, 0.074))
    prior = table()["batch"]["inside"]
    assert exact.residual == pytest.approx(np.sqrt(prior**2 / 2))  # the prior counts as one error more
    bent = _line((16, 0.026), (32, 0.050), (64, 0.074))
    errors = np.log([bent.time_s(16) / 0.026, bent.time_s(32) / 0.050, bent.time_s(64) / 0.074])
    assert bent.residual == pytest.approx(np.sqrt(((errors**2).sum() + prior**2) / 2), rel=1e-12)
    assert bent.residual > 0.05


def test_an_overhead_is_never_negative() -> None:
    # 100 samples/s at 10, 80 at 20: a straight line would start below nothing
    line = _line((10, 0.1), (20, 0.25))
    assert line.overhead_s == 0.0
    # one slope against relative errors: sum(b/t) / sum((b/t)^2) = (100 + 80) / (100^2 + 80^2)
    assert line.seconds_per_sample == pytest.approx(180 / 16400, rel=1e-12)
    # which leaves one of the two to tell how far off it is: both lie in its band
    for batch, time_s in ((10, 0.1), (20, 0.25)):
        assert line.agrees(batch, time_s)


def test_steps_that_shrink_with_the_batch_are_refused() -> None:
    with pytest.raises(
        SpecError, match="--throughput: steps must take longer with larger batches, got '10:1"
    ):
        _line((10, 1.0), (20, 0.5))


def test_spread_grows_with_octaves_outside() -> None:
    line, prior = _line((16, 0.026), (64, 0.074)), table()["batch"]
    assert line.spread(16) == line.spread(40) == line.spread(64) == prior["inside"]
    assert line.spread(256) == pytest.approx(np.hypot(prior["inside"], 2 * prior["per_octave"]), rel=1e-12)
    assert line.spread(8) == pytest.approx(np.hypot(prior["inside"], prior["per_octave"]), rel=1e-12)


def test_one_batch_size_and_a_fixed_time_from_elsewhere() -> None:
    prior = table()["batch"]["overhead"]
    fixed_s = prior["tflop"] * 1e12 / PEAK
    line = BatchLine.of([Throughput(64, 64 / 0.074)], PEAK)
    overhead_s = 0.074 * fixed_s / (0.074 + fixed_s)  # never more than the step
    assert line.overhead_s == pytest.approx(overhead_s, rel=1e-12)
    assert line.time_s(64) == pytest.approx(0.074, rel=1e-12)
    assert line.time_s(8) == pytest.approx(overhead_s + (0.074 - overhead_s) / 8, rel=1e-12)
    more_s = fixed_s * np.exp(prior["log_sd"])  # one standard deviation more
    more_s = 0.074 * more_s / (0.074 + more_s)
    beyond = np.exp(3 * table()["batch"]["per_octave"])
    grown = (more_s + (0.074 - more_s) / 8) * beyond / line.time_s(8)
    assert line.factor(64, np.ones(1)) == pytest.approx([1.0], rel=1e-12)
    assert line.factor(8, np.ones(1)) == pytest.approx([grown], rel=1e-12)
    assert line.factor(128, np.ones(1))[0] < 1.0  # a larger overhead makes larger batches faster
    assert line.agrees(64, 0.074 * 1.1)
    assert not line.agrees(64, 0.074 * 1.3)


def test_an_anchor_at_one_batch_scales_strongly_with_a_fixed_time() -> None:
    rate = 64 / 0.074
    options = {"throughput": None, "global_batch": 64, "devices": "1,8"}
    by_anchor, by_rate = (
        _predict(**options, anchor=f"1:{rate!r}"),
        _predict(**options | {"throughput": f"64:{rate!r}"}),
    )
    small = [_compute_s(one.points[-1]) / 0.074 for one in (by_anchor, by_rate)]
    assert small[0] == pytest.approx(small[1], rel=0.05)  # other samples around the median
    assert small[0] > 1.5 / 8  # an eighth of the samples takes more than an eighth of the time
    assert _said(by_anchor, "one batch size was measured, 64 samples: a fixed time per step")
    weak = _predict(throughput=None, batch_per_device=64, devices="1,8", anchor=f"1:{rate!r}")
    assert not _said(weak, "one batch size")


def test_strong_scaling_follows_the_line() -> None:
    prediction = _predict(global_batch=64)
    for point in prediction.points:
        batch = 64 / point.devices
        case = Case.of(_scenario(global_batch=64))
        model = StepModel(case, central(case))
        assert model.layers(point.devices).total_s == pytest.approx(0.010 + 0.001 * batch, rel=1e-9)
        # the middle tenth of the samples lies near the line
        assert _compute_s(point) == pytest.approx(0.010 + 0.001 * batch, rel=0.03)
    assert _said(prediction, "extrapolating: 8 samples per device at 8 devices, --throughput has 16 to 64")
    assert not _said(prediction, "no --anchor")


def test_bands_of_compute_widen_beyond_the_batches() -> None:
    case = Case.of(_scenario(global_batch=64))
    model, parameters = StepModel(case, central(case)), in_one_run(draw(case, 4001, 0))
    prior = table()["batch"]
    inside, outside = (float(np.log(model.slowness(parameters, n)).std()) for n in (1, 8))
    assert inside == pytest.approx(prior["inside"], rel=0.03)
    assert outside == pytest.approx(np.hypot(prior["inside"], prior["per_octave"]), rel=0.03)


def test_an_anchor_wins_at_its_scale_and_the_line_shapes_the_rest() -> None:
    # at 64 samples the anchor is 10 % faster than the line; at 16 the step keeps that ratio
    scenario = _scenario(global_batch=64, devices="1,4", anchor=f"1:{64 / 0.074 * 1.1!r}")
    assert predict(scenario).points[0].throughput_per_s.low == pytest.approx(64 / 0.074 * 1.1, rel=1e-9)
    case = Case.of(scenario)
    model = StepModel(case, central(case))
    parameters = in_one_run(apply_anchors(model, draw(case, 11, 0)).parameters)
    assert model.slowness(parameters, 4) * model.layers(4).total_s == pytest.approx(0.026 / 1.1, rel=1e-9)


def test_one_measurement_with_two_values_is_refused() -> None:
    with pytest.raises(
        SpecError, match=r"--anchor: contradicts --throughput 64:864.865, got '1:400'; both are one"
    ):
        _predict(global_batch=64, anchor="1:400")


def test_an_anchor_at_another_batch_replaces_and_says_so() -> None:
    prediction = _predict(batch_per_device=32, devices="1", anchor="1:400")
    assert _said(prediction, "--anchor 1:400 replaces the 761.9 samples/s that --throughput says there")
    assert prediction.points[0].throughput_per_s.median == pytest.approx(400, rel=1e-9)


def test_kernels_only_divide_the_line(tmp_path: Path) -> None:
    path = tmp_path / "p.toml"
    write_profile(profile_of(*all_families(devices=("NVIDIA A100-SXM4-80GB",))), path)
    prediction = _predict(profile=str(path), devices="1", batch_per_device=64, samples=4001)
    plain = _predict(devices="1", batch_per_device=64, samples=4001)
    assert prediction.points[0].step_time_s.median == pytest.approx(
        plain.points[0].step_time_s.median, rel=1e-9
    )
    assert prediction.points[0].breakdown_s.optimizer_s != plain.points[0].breakdown_s.optimizer_s


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (["32:118", "32:120"], "must give each batch size once"),
        ("32:118,64", "must be a measured throughput, got '64'; write BATCH:SAMPLES_PER_S, as in 32:118.0"),
        ("32:118,64:-1", "must be a measured throughput"),
        ("32:118,0:130", "must be >= 1"),
        ([{"batch": 32}], "must have the keys batch and samples-per-s, got 'batch'"),
    ],
)
def test_what_are_no_throughputs(raw: object, message: str) -> None:
    with pytest.raises(SpecError, match=f"--throughput: {message}"):
        _scenario(throughput=raw)


def test_a_file_may_hold_tables(tmp_path: Path) -> None:
    path = tmp_path / "scenario.toml"
    path.write_text(
        '[workload]\nmodel = "nin"\n[machine]\ncluster = "titan"\n'
        "[[knowledge.throughput]]\nbatch = 64\nsamples-per-s = 131.5\n"
        "[[knowledge.throughput]]\nbatch = 32\nsamples-per-s = 118\n"
    )
    scenario = Scenario.from_file(path)
    assert scenario.knowledge.throughput == (Throughput(32, 118.0), Throughput(64, 131.5))
    path.write_text(tomli_w.dumps(scenario.to_tables()))
    assert Scenario.from_file(path) == scenario
    path.write_text(path.read_text().replace('"32:118"', '"32:x"'))
    with pytest.raises(ContentError, match=r"scenario.toml:\d+: knowledge.throughput: must be a measured"):
        Scenario.from_file(path)


def test_copies_stay_with_an_anchor() -> None:
    options = {"model": "alexnet", "cluster": "copper", "devices": "1,2", "batch_per_device": 128,
               "staged": "pcie3", "overlap": False}  # fmt: skip
    exposed = [
        predict(Scenario.of(**options, **known)).points[1].breakdown_s.exposed_communication_s
        for known in ({"anchor": "1:250"}, {"throughput": "128:250"})
    ]
    without = predict(Scenario.of(**options | {"staged": None}, anchor="1:250")).points[1].breakdown_s
    assert exposed[0] == pytest.approx(exposed[1], rel=0.03)
    # 244 MB there and back over 15.75 GB/s times 0.43
    assert exposed[0] - without.exposed_communication_s > 0.06


def test_copies_bind_and_are_cited() -> None:
    prediction = predict(
        Scenario.of(model="alexnet", cluster="titan", devices="2", staged="eth-1g", throughput="128:250",
                    batch_per_device=128)
    )  # fmt: skip
    assert prediction.answer.binding == "copies to host memory"
    cited = {fact["name"] for fact in prediction.provenance["facts"]}
    assert {"eth-1g.bandwidth_bytes_per_s", "host-memory.bandwidth_bytes_per_s"} <= cited


def test_an_anchor_at_scale_leaves_a_throughput_of_one_device_alone() -> None:
    options = {"model": "nin", "cluster": "titan", "devices": "1,8", "global_batch": 256}
    prediction = predict(Scenario.of(**options, throughput="256:112", anchor="8:400"))
    alone, eight = prediction.points
    assert alone.step_time_s.median == pytest.approx(256 / 112, rel=1e-6)
    assert eight.step_time_s.median == pytest.approx(256 / 400, rel=1e-3)


def test_one_throughput_at_another_batch_is_replaced_and_says_so() -> None:
    prediction = _predict(throughput="64:800", anchor="1:200", batch_per_device=32, devices="1")
    assert _said(prediction, "--anchor 1:200 replaces the ")


def test_kernels_say_what_a_smaller_batch_costs(tmp_path: Path) -> None:
    path = tmp_path / "p.toml"
    write_profile(profile_of(*all_families(devices=("NVIDIA A100-SXM4-80GB",))), path)
    options = {"global_batch": 512, "devices": "1,64", "profile": str(path)}
    by_rate, by_anchor = (
        _predict(**options, **known) for known in ({"throughput": "512:300"},
                                                   {"throughput": None, "anchor": "1:300"})
    )  # fmt: skip
    one, other = (_compute_s(each.points[1]) for each in (by_rate, by_anchor))
    assert one == pytest.approx(other, rel=0.1)
    assert not _said(by_rate, "a fixed time per step")


def test_a_prior_overhead_keeps_steps_between_two_ends() -> None:
    """No sample is faster in a smaller batch, and no smaller batch slower than the measured one."""
    line, z = BatchLine.of([Throughput(64, 64 / 0.074)], PEAK), np.linspace(-6, 6, 101)
    assert line.factor(64, z) == pytest.approx(np.ones(101))
    small, large = line.factor(8, z) * line.time_s(8), line.factor(512, z) * line.time_s(512)
    assert (small >= 0.074 / 8 - 1e-12).all()
    assert (small <= 0.074 + 1e-12).all()
    assert (large <= 8 * 0.074 + 1e-12).all()
    assert (np.diff(small) >= 0).all()
    assert line.factor(8, np.zeros(1)) == pytest.approx([1.0])


def test_efficiency_of_strong_scaling_is_never_above_one() -> None:
    points = predict(
        Scenario.of(model="nin", cluster="titan", devices="1,2,8", global_batch=256, anchor="1:112")
    ).points
    assert max(point.efficiency.median for point in points) <= 1.0 + 1e-9
    # only another run can look faster than the measured one
    assert max(point.efficiency.high for point in points) <= np.exp(Z90 * table()["rerun"]["log_sd"]) + 1e-3


def test_a_second_anchor_moves_the_fixed_time() -> None:
    options = {"model": "nin", "cluster": "titan", "devices": "1,32", "global_batch": 256}
    prediction = predict(Scenario.of(**options, anchor="1:112,32:2000"))
    assert prediction.points[1].step_time_s.high == pytest.approx(256 / 2000, rel=1e-6)
    assert prediction.points[1].step_time_s.low == pytest.approx(256 / 2000, rel=1e-6)
