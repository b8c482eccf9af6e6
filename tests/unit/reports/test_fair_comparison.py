"""The checklist of a fair comparison: filled in where a prediction knows, missing where it does not."""

from nearlinear.models.closed_form import predict
from nearlinear.models.scenario import Scenario
from nearlinear.reports.fair_comparison import Practice, checklist
from nearlinear.reports.report import render_report


def _checked(**options: object) -> dict[str, Practice]:
    usual = {"model": "nin", "cluster": "titan", "devices": "1,32", "global_batch": 256}
    return {one.name: one for one in checklist(predict(Scenario.of(**(usual | options))))}


def test_nothing_is_known() -> None:
    found = _checked()
    missing = [name for name, one in found.items() if one.missing]
    assert missing == [
        "baseline and its strength", "accuracy", "epochs and data", "hyperparameters", "speed-up",
        "measured at scale",
    ]  # fmt: skip


def test_a_measured_run_to_a_target() -> None:
    options = {"anchor": "1:70,32:900", "model": "resnet-50", "global_batch": 48}
    found = _checked(**options, until_accuracy=True)
    assert found["accuracy"].said == "ResNet-50 v1.5 on ImageNet to 75.9 % top-1"
    assert "epochs of 1,281,167 samples" in found["epochs and data"].said
    assert found["speed-up"].said.startswith("of wall-clock time")
    assert found["measured at scale"].said == "at 1, 32 devices"
    assert [name for name, one in found.items() if one.missing] == ["hyperparameters"]
    tuned = _checked(**options, until_accuracy=True, learning_rate="48:0.02")["hyperparameters"]
    assert (tuned.said, tuned.missing) == (
        "global batch 48, 48, learning rate 0.02, 0.02 (from 48:0.02)", "state momentum and decay"
    )  # fmt: skip


def test_a_weak_baseline_is_told() -> None:
    weak, strong = _checked(anchor="1:60"), _checked(anchor="1:300")
    name = "baseline and its strength"
    assert "of what its device could do, usual are 47%" in weak[name].said
    assert weak[name].missing.startswith("a weak baseline")
    assert strong[name].missing == ""


def test_a_usual_baseline_is_not_called_weak() -> None:
    options = {"model": "resnet-50", "cluster": "p4d", "precision": "fp16", "global_batch": None,
               "batch_per_device": 64, "devices": "1,8"}  # fmt: skip
    for anchor in (None, "1:2500"):
        assert "weak" not in _checked(**options, anchor=anchor)["baseline and its strength"].missing


def test_it_is_in_the_report() -> None:
    page = render_report("A report", [predict(Scenario.of(model="nin", cluster="titan", devices="1,2"))])
    assert "for a fair comparison" in page
    assert "say --until-accuracy, or --epochs" in page


def test_what_is_said_of_wire_and_baseline() -> None:
    assert _checked(algorithm="copper16")["arithmetic"].said == "fp32, gradients travel as float16"
    beyond = _checked(anchor="32:3000", global_batch=None, batch_per_device=8)["baseline and its strength"]
    assert "a prior" in beyond.said
    alone = _checked(throughput="256:112", global_batch=256)["baseline and its strength"]
    assert "measured" in alone.said
